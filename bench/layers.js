// What each layer of the SIP edge adds to a REGISTER, in CPU time: a bare server in Node, then ours up to one layer after
// the other, the whole peer, and Kamailio. Usage: node bench/layers.js [rounds] [seconds]
import { killFloors, startFloor, startLayers, stopFloor } from './floor-server.js';
import { killGateways, startAlone, stopGateway } from './gateways.js';
import { kamailioInstalled, killKamailios, startKamailio, stopKamailio } from './kamailio.js';
import { measure } from './measure.js';
import { killSipp, load, userNames } from './sipp.js';

const RATE = 2000;
const WARM_UP_SECONDS = 8;
const [rounds = 3, seconds = 10] = process.argv.slice(2).map(Number);
const users = userNames(1000);

process.on('exit', () => {
  killSipp();
  killFloors();
  killGateways();
  killKamailios();
});

const upTo = (topmost) => ({ start: () => startLayers(topmost), stop: stopFloor });
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
