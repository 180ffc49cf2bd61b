import { measure } from './measure.js';
import { load } from './sipp.js';

/** Before each measured run, long and fast enough that V8 has compiled and compiled again what the load runs. */
const WARM_UP = { seconds: 8, rate: 1000 };

/**
 * Measures one workload with all its contenders and puts the figures into `context.results`.
 * @param contenders list of `{name, start, stop}`
 * @param run `(server, count, rate)`: one load of `count` transactions
 * @param warmUp the same, where a measured run does more than to load
 */
export async function contest(workload, context, contenders, run, warmUp = run) {
  const { rounds, seconds, report, results } = context;
  report(`${workload.title}: ${workload.rate}/s, ${contenders.map(({ name }) => name).join(', ')}`);
  const warmUpRate = workload.warmUpRate ?? Math.max(workload.rate, WARM_UP.rate);
  results[workload.id] = await measure(
    contenders.map((contender) => ({
      ...contender,
      warmUp: (server) => warmUp(server, warmUpRate * Math.min(WARM_UP.seconds, seconds), warmUpRate),
      run: (server) => run(server, workload.rate * seconds, workload.rate),
    })),
    { rounds, settleMs: workload.settleMs },
  );
}

/** Registers each of the users once at `target`; their phones are at `contact`. */
export function register(target, users, contact, rate = 400) {
  return load({ scenario: 'register', target, users, rate, count: users.length, contact });
}
