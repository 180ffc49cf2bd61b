import { overlay } from './ring.js';
import { single } from './single.js';
import { startCallees } from './sipp.js';

/**
 * What is measured: id, title, transactions a second and the aim: CPU-s per 1000 of all our processes, either as a
 * ratio to Kamailio's for the same work or by itself; for latencies see aims.js. `warmUpRate` if it is another one than
 * contest.js takes; a cold workload keeps its rate, or its callees would be warm.
 */
export const workloads = [
  { id: 'register', title: 'REGISTER refresh, on disk', rate: 2000, aim: { ratio: 2.0 }, group: single },
  {
    id: 'register-memory',
    title: 'REGISTER refresh, data: memory',
    rate: 2000,
    aim: { ratio: 1.3 },
    group: single,
  },
  { id: 'register-digest', title: 'REGISTER with digest', rate: 1000, aim: { ratio: 1.5 }, group: single },
  { id: 'call', title: 'call within one peer, alone', rate: 1000, aim: { ratio: 1.0 }, group: single },
  { id: 'redirect', title: '302, alone', rate: 1000, aim: { ratio: 1.5 }, group: single },
  {
    id: 'latency',
    title: 'INVITE to 180, one peer',
    rate: 200,
    aim: { addedP50: 0.7, addedP99: { ratio: 1.5, orPlus: 1 } },
    group: single,
  },
  {
    id: 'register-store',
    title: 'first REGISTER, signed Store, 5 peers',
    rate: 400,
    aim: { cpu: 6 },
    settleMs: 2500,
    warmUpRate: 400,
    group: overlay,
  },
  { id: 'call-overlay', title: 'call within one peer of 5', rate: 1000, aim: { ratio: 1.0 }, group: overlay },
  {
    id: 'call-warm',
    title: 'call between two peers, warm',
    rate: 500,
    warmUpRate: 500,
    aim: { cpu: 2.0 },
    group: overlay,
  },
  {
    id: 'call-cold',
    title: 'call between two peers, cold',
    rate: 500,
    warmUpRate: 500,
    aim: { cpu: 3.5 },
    group: overlay,
  },
  { id: 'latency-overlay', title: 'INVITE to 180, two peers', rate: 200, warmUpRate: 500, group: overlay },
  {
    id: 'redirect-warm',
    title: '302, warm',
    rate: 500,
    warmUpRate: 500,
    aim: { ratio: 1.5 },
    group: overlay,
  },
  { id: 'redirect-cold', title: '302, cold', rate: 500, warmUpRate: 500, aim: { cpu: 1.5 }, group: overlay },
];

/**
 * Measures the workloads in `ids`; gives `{id: {ours, kamailio?, floor?, other?}}`.
 * @param options `rounds`, `seconds` of each run, `key` of the peers (ec or rsa), `kamailio`, `floor`, `beside`
 *   (directory of another working tree to measure as well), `report(text)`
 */
export async function runWorkloads(ids, options) {
  const callees = await startCallees();
  const results = {};
  for (const group of [single, overlay]) {
    const wanted = workloads.filter((one) => one.group === group && ids.includes(one.id));
    if (wanted.length > 0) await group(wanted, { ...options, callees, results });
  }
  return results;
}
