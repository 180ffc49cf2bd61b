// npm run bench -- [ID…] [--quick] [--rsa] [--json] [--only ID,ID] [--rounds N] [--seconds S]
//   [--beside DIR: another working tree, measured in turn] [--floor: a bare relay as well] [--rates N,N: of the ramp]
//   [--aors N: of the memory]
// What the server costs, beside Kamailio in the same minutes where it is installed. Needs SIPp (and tshark for the
// latencies). Figures are medians of alternating runs; docs/benchmarks.md says how to read them.
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { enrollmentCosts } from './enrollment.js';
import { killFloors } from './floor-server.js';
import { killGateways } from './gateways.js';
import { kamailioInstalled, killKamailios } from './kamailio.js';
import { measureMemory } from './memory.js';
import { microBenchmarks } from './micro.js';
import { messageCosts, overlayLatencies } from './overlay.js';
import { rampCalls } from './ramp.js';
import { overlay } from './ring.js';
import { killSipp } from './sipp.js';
import { printTable } from './table.js';
import { runWorkloads, workloads } from './workloads.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rsa: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    beside: { type: 'string' },
    floor: { type: 'boolean', default: false },
    rates: { type: 'string', default: '1000' },
    aors: { type: 'string' },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
const seconds = Number(options.seconds ?? (options.quick ? 4 : 20));
const only = [...positionals, ...(options.only?.split(',') ?? [])];
const wanted = (id) => only.length === 0 || only.includes(id);

const stop = () => {
  killGateways();
  killFloors();
  killKamailios();
  killSipp();
};
process.on('exit', stop);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

const report = (text) => process.stderr.write(`${text}\n`);

function installed(program, ...args) {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch (error) {
    return error.code !== 'ENOENT';
  }
}

const result = {
  machine: {
    node: process.version,
    cpus: os.cpus().length,
    model: os.cpus()[0]?.model,
  },
  rounds,
  seconds,
  workloads: [],
  ramp: undefined,
  memory: undefined,
  overlay: undefined,
  enrollment: undefined,
  micro: undefined,
};

if (!installed('sipp', '-v')) {
  report('sipp is not installed (Debian: sip-tester): only the micro-benchmarks run');
} else {
  const latency = installed('tshark', '-v') && installed('dumpcap', '-v');
  if (!latency) report('tshark is not installed: no latencies');
  if (!kamailioInstalled) report('kamailio is not installed: nothing to compare with');
  const ids = workloads
    .map(({ id }) => id)
    .filter((id) => wanted(id) && (latency || !id.startsWith('latency')));
  const common = { rounds, seconds, report };
  const measured = await runWorkloads(ids, {
    ...common,
    key: 'ec',
    kamailio: kamailioInstalled,
    floor: options.floor,
    beside: options.beside,
  });
  const overlayIds = ids.filter((id) => workloads.some((one) => one.id === id && one.group === overlay));
  const rsa = options.rsa ? await runWorkloads(overlayIds, { ...common, key: 'rsa', kamailio: false }) : {};
  for (const { id, title, rate, aim } of workloads.filter((one) => ids.includes(one.id))) {
    result.workloads.push({
      id,
      title,
      rate,
      aim,
      ...measured[id],
      rsa: rsa[id]?.ours,
    });
  }
  if (wanted('ramp')) {
    result.ramp = await rampCalls({
      rates: options.rates.split(',').map(Number),
      seconds: options.seconds ? seconds : options.quick ? 10 : 60,
      report,
    });
  }
  if (wanted('memory')) {
    const count = Number(options.aors ?? (options.quick ? 2000 : 100_000));
    report(`memory of ${count} registered AoRs (100,000 of them take six minutes)`);
    result.memory = {
      aims: { heap: 1536, pss: 4096 },
      ...(await measureMemory({ count, rate: options.quick ? 200 : 400 })),
    };
  }
}
if (wanted('overlay')) {
  report('messages, and Stores and Fetches in a ring of five processes');
  const messages = messageCosts({ timeMs: options.quick ? 500 : 4000 });
  const latencies = await overlayLatencies({ rounds, count: options.quick ? 100 : 300, report });
  result.overlay = { ...messages, ...latencies };
}
if (wanted('enrollment')) {
  report('first registrations with an enrollment server');
  const count = options.quick ? 50 : 1000;
  result.enrollment = await enrollmentCosts({ rounds: Math.min(rounds, 3), count, report });
}
if (wanted('micro')) {
  report('micro-benchmarks');
  result.micro = await microBenchmarks({ timeMs: options.quick ? 200 : 1000 });
}

if (options.json) process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
else printTable(result);
process.exit(0);
