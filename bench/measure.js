import { setTimeout as sleep } from 'node:timers/promises';
import { watch } from './cpu.js';

/** A run with more than this share of the CPU stolen by other machines is repeated. */
const MAX_STEAL = 0.3;

/**
 * Runs contenders in turn (ours, Kamailio, ours, …), each `rounds` times, and gives per contender the median, least
 * and greatest CPU-s per 1000, all runs and, where they measure it, the median latencies.
 * @param contenders list of `{name, start, warmUp, run, stop}`. `start` gives `{pids}`, which the others are given;
 *   `run` gives what `load` of sipp.js does. Each is started anew for each of its runs, and another one is first in each
 *   round: with one start for all, whoever was started or measured first came out a tenth cheaper.
 * @param settleMs how long work goes on behind the last answer
 */
export async function measure(contenders, { rounds, settleMs = 300 }) {
  const runs = Object.fromEntries(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(round + turn) % contenders.length];
      runs[contender.name].push(await startedRun(contender, settleMs));
    }
  }
  return Object.fromEntries(Object.entries(runs).map(([name, list]) => [name, summary(list)]));
}

async function startedRun(contender, settleMs) {
  const server = await contender.start();
  try {
    await contender.warmUp(server);
    for (let attempt = 1; ; attempt++) {
      const stop = watch(server.pids);
      const done = await contender.run(server);
      await sleep(settleMs);
      const { cpu, steal } = stop();
      if (steal <= MAX_STEAL || attempt === 3) return { ...done, steal, cpuPer1000: (1000 * cpu) / done.ok };
    }
  } finally {
    await contender.stop(server);
  }
}

function summary(runs) {
  const of = (read) => runs.map(read).sort((a, b) => a - b);
  const cpu = of((run) => run.cpuPer1000);
  const result = {
    cpuPer1000: median(cpu),
    min: cpu[0],
    max: cpu.at(-1),
    runs: runs.map((run) => run.cpuPer1000),
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
        allP99: runs.map((run) => run[kind].p99),
      };
    }
  }
  return result;
}

function median(sorted) {
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}
