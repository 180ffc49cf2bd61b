// npm run bench -- [ID…] [--quick] [--rsa] [--json] [--only ID,ID] [--rounds N] [--seconds S]
// What the server costs, beside Kamailio in the same minutes where it is installed. Needs SIPp (and tshark for the
// latencies). Figures are medians of alternating runs; docs/benchmarks.md says how to read them.
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { enrollmentCosts } from './enrollment.js';
import { killGateways } from './gateways.js';
import { kamailioInstalled, killKamailios } from './kamailio.js';
import { measureHeapPerAor } from './memory.js';
import { microBenchmarks } from './micro.js';
import { messageCosts, overlayLatencies } from './overlay.js';
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
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
const seconds = Number(options.seconds ?? (options.quick ? 4 : 20));
const only = [...positionals, ...(options.only?.split(',') ?? [])];
const wanted = (id) => only.length === 0 || only.includes(id);

const stop = () => {
  killGateways();
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
  });
  const overlayIds = ids.filter((id) => workloads.some((one) => one.id === id && one.group === 'overlay'));
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
  if (wanted('heap')) {
    report('heap of a registered AoR (takes a minute and a half)');
    const count = options.quick ? 1000 : 10_000;
    result.memory = {
      aim: 3072,
      ...(await measureHeapPerAor({ count, rate: 200, key: 'ec' })),
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
