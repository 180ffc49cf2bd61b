import { setTimeout as sleep } from 'node:timers/promises';
import { watch } from './cpu.js';

/** A run with more than this share of the CPU stolen by other machines is repeated. */
const MAX_STEAL = 0.3;

/**
 * Runs contenders in turn (ours, Kamailio, ours, …), each `rounds` times, and gives per contender the median, least
 * and greatest CPU-s per 1000 and, where runs measure it, the median latencies.
 * @param contenders `{name: {pids, run}}`; run gives what `load` of sipp.js does
 * @param settleMs how long work goes on behind the last answer
 */
export async function measure(contenders, { rounds, settleMs = 300, warmUp }) {
  const runs = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  if (warmUp) for (const contender of Object.values(contenders)) await warmUp(contender);
  for (let round = 0; round < rounds; round++) {
    for (const [name, contender] of Object.entries(contenders)) {
      runs[name].push(await measuredRun(contender, settleMs));
    }
  }
  return Object.fromEntries(Object.entries(runs).map(([name, list]) => [name, summary(list)]));
}

async function measuredRun({ pids, run }, settleMs) {
  for (let attempt = 1; ; attempt++) {
    const stop = watch(pids);
    const done = await run();
    await sleep(settleMs);
    const { cpu, steal } = stop();
    if (steal <= MAX_STEAL || attempt === 3) return { ...done, steal, cpuPer1000: (1000 * cpu) / done.ok };
  }
}

function summary(runs) {
  const of = (read) => runs.map(read).sort((a, b) => a - b);
  const cpu = of((run) => run.cpuPer1000);
  const result = {
    cpuPer1000: median(cpu),
    min: cpu[0],
    max: cpu.at(-1),
    runs: runs.length,
    failed: runs.reduce((sum, run) => sum + run.failed, 0),
    retransmissions: runs.reduce((sum, run) => sum + run.retransmissions, 0),
    steal: median(of((run) => run.steal)),
    warning: runs.find((run) => run.warning)?.warning,
  };
  if (runs.every((run) => run.inviteTo180)) {
    for (const kind of ['inviteTo180', 'added']) {
      result[kind] = {
        p50: median(of((run) => run[kind].p50)),
        p99: median(of((run) => run[kind].p99)),
      };
    }
  }
  return result;
}

function median(sorted) {
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}
