import type { Clock } from '../base/index.ts';

/** Node's timers fire at once beyond this delay, ms. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The machine's clocks and Node's timers. A delay beyond 24 days is cut to that. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (delayMs, callback) => setTimeout(callback, Math.min(delayMs, MAX_DELAY_MS)),
  afterTurn: (callback) => void setImmediate(callback),
};
