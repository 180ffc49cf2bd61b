import { setTimeout as sleep } from 'node:timers/promises';
import { register } from './contest.js';
import { startAlone, stopGateway } from './gateways.js';
import { load, startCallees, userNames } from './sipp.js';

const WARM_UP_S = 5;
const REST_S = 5;

/**
 * Calls at rising rates to one process, `seconds` each. A rate counts as sustained when less than 0.1 % of the calls
 * fail, callers and callees together repeat less than 0.5 % as many messages as there are calls, and the rate was reached
 * within 3 %; one more try for noise, and the first rate that fails twice ends it.
 * @returns list of `{rate, tries: [{failed, retransmissions, reached, passed}], passed}`
 */
export async function rampCalls({ rates, seconds, tree, report }) {
  const callees = await startCallees();
  const gateway = await startAlone({ tree });
  const results = [];
  try {
    const users = userNames(500);
    await register(gateway.sip, users, callees.contact);
    const call = (rate, time) =>
      load({ scenario: 'uac', target: gateway.sip, users, rate, count: rate * time });
    await call(rates[0], WARM_UP_S);
    for (const rate of rates) {
      report(`ramp: ${rate} calls/s for ${seconds} s`);
      const tries = [];
      while (tries.length < 2 && !tries.at(-1)?.passed) {
        await sleep(1000 * REST_S);
        tries.push(await attempt(rate, seconds, call, callees));
      }
      results.push({ rate, tries, passed: tries.at(-1).passed });
      if (!tries.at(-1).passed) break;
    }
  } finally {
    await stopGateway(gateway);
  }
  return results;
}

async function attempt(rate, seconds, call, callees) {
  const before = callees.retransmissions();
  const done = await call(rate, seconds);
  await sleep(2000); // the callees' own count is a second late
  const count = rate * seconds;
  const retransmissions = done.retransmissions + callees.retransmissions() - before;
  const reached = done.ok / done.seconds;
  const passed = done.failed <= count / 1000 && retransmissions <= count / 200 && reached >= 0.97 * rate;
  return { failed: done.failed, retransmissions, reached, passed };
}
