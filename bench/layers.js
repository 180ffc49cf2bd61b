// What each layer of the SIP edge adds to a REGISTER, in CPU time: a bare server in Node, then ours up to one layer after
// the other, the whole peer, and Kamailio. Usage: node bench/layers.js [rounds] [seconds]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { killFloors, startFloor, stopFloor } from './floor-server.js';
import { killGateways, startAlone, stopGateway } from './gateways.js';
import { kamailioInstalled, killKamailios, startKamailio, stopKamailio } from './kamailio.js';
import { measure } from './measure.js';
import { prefer } from './priority.js';
import { killSipp, load, userNames } from './sipp.js';

const RATE = 2000;
const WARM_UP_SECONDS = 8;
const [rounds = 3, seconds = 10] = process.argv.slice(2).map(Number);
const program = fileURLToPath(new URL('layer-server.js', import.meta.url));
const users = userNames(1000);
const partial = new Set();

process.on('exit', () => {
  for (const child of partial) child.kill('SIGKILL');
  killSipp();
  killFloors();
  killGateways();
  killKamailios();
});

/** With the flags of V8 that a peer has. */
async function startLayers(topmost) {
  const flags = ['--initial-old-space-size=256', '--max-semi-space-size=32'];
  const child = spawn(process.execPath, [...flags, program, topmost], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  partial.add(child);
  prefer(child);
  const [port] = await once(child.stdout, 'data');
  return { child, pids: [child.pid], sip: `127.0.0.1:${Number(port)}` };
}

async function stopLayers({ child }) {
  partial.delete(child);
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

const upTo = (topmost) => ({ start: () => startLayers(topmost), stop: stopLayers });
const servers = {
  'bare server in Node': { start: startFloor, stop: stopFloor },
  'message parsed and answered': upTo('messages'),
  '+ transport, validation': upTo('transport'),
  '+ transactions': upTo('transactions'),
  'whole peer, data: memory': { start: () => startAlone({ data: 'memory' }), stop: stopGateway },
  ...(kamailioInstalled && { Kamailio: { start: () => startKamailio(), stop: stopKamailio } }),
};

const registering = ({ sip }, count) =>
  load({ scenario: 'register', target: sip, users, rate: RATE, count, contact: '127.0.0.1:9' });
const contenders = Object.entries(servers).map(([name, server]) => ({
  ...{ name, ...server },
  warmUp: (started) => registering(started, RATE * WARM_UP_SECONDS),
  run: (started) => registering(started, RATE * seconds),
}));

console.log(`REGISTER, ${RATE}/s, medians of ${rounds} runs of ${seconds} s; CPU-s per 1000`);
const results = await measure(contenders, { rounds });
for (const [name, { cpuPer1000, min, max }] of Object.entries(results)) {
  const range = `${min.toFixed(3)}-${max.toFixed(3)}`;
  console.log(`${name.padEnd(30)} ${cpuPer1000.toFixed(3)}  (${range})`);
}
process.exit(0);
