// What a watching console costs a peer with 1,000 registrations and 10 calls a second, in CPU time: windows with a
// watcher and without one in turn. Usage: node bench/console.js [rounds]
import { watch as watchCpu } from './cpu.js';
import { killGateways, startAlone, stopGateway } from './gateways.js';
import { killSipp, load, startCallees, userNames } from './sipp.js';

const USERS = 1000;
const CALLS_PER_S = 10;
const WINDOW_MS = 10_000;
/** Windows before the first that counts: the compiler is still at work in them. */
const WARM_UP = 4;
const rounds = Number(process.argv[2] ?? 6);

process.on('exit', () => {
  killSipp();
  killGateways();
});

/** A browser as far as the peer can tell. @returns what ends it, with the bytes it got */
async function watch(admin) {
  const abort = new AbortController();
  const response = await fetch(`${admin}/events`, { signal: abort.signal });
  let bytes = 0;
  const reading = (async () => {
    for await (const chunk of response.body) bytes += chunk.length;
  })().catch(() => {});
  return async () => {
    abort.abort();
    await reading;
    return bytes;
  };
}

async function window(gateway, isWatched) {
  const stop = isWatched ? await watch(gateway.admin) : undefined;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const used = watchCpu(gateway.pids);
  const began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
  const share = used().cpu / ((performance.now() - began) / 1000);
  return { share: 100 * share, bytes: (await stop?.()) ?? 0 };
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const users = userNames(USERS);
const gateway = await startAlone({ data: 'memory', users });
const callees = await startCallees();
const common = { target: gateway.sip, contact: callees.contact };
await load({ ...common, scenario: 'register', users, rate: 200, count: USERS });
const seconds = ((rounds * 2 + WARM_UP) * (WINDOW_MS + 1500)) / 1000 + 5;
const calling = load({
  ...common,
  scenario: 'uac',
  users,
  rate: CALLS_PER_S,
  count: Math.ceil(CALLS_PER_S * seconds),
});
for (let each = 0; each < WARM_UP; each++) await window(gateway, each % 2 === 0);
const [watched, alone, bytes] = [[], [], []];
for (let round = 0; round < rounds; round++) {
  const first = round % 2 === 0;
  for (const isWatched of [first, !first]) {
    const { share, bytes: got } = await window(gateway, isWatched);
    if (isWatched) bytes.push(got);
    (isWatched ? watched : alone).push(share);
  }
}
const difference = median(watched) - median(alone);
console.log(
  `% of a core, ${USERS} registrations, ${CALLS_PER_S} calls/s, medians of ${rounds} windows of 10 s`,
);
console.log(
  `without a console ${median(alone).toFixed(2)} (${alone.map((each) => each.toFixed(1)).join(' ')})`,
);
console.log(
  `with one          ${median(watched).toFixed(2)} (${watched.map((each) => each.toFixed(1)).join(' ')})`,
);
console.log(
  `difference        ${difference.toFixed(2)}, aim < 1; ${(median(bytes) / 11_000).toFixed(1)} kB/s to the browser`,
);
await calling;
await stopGateway(gateway);
process.exit(0);
