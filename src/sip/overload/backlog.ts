import type { Clock } from '../../base/index.ts';

/** Requests that wait; further ones are dropped, and sent again by whoever means it. */
const MAX_WAITING = 4_096;
/** Whoever waits for longer is turned away, ms: after T1 he sends it again, and there is the more to do (RFC 3261 §17.1.1.2). */
const MAX_WAIT_MS = 250;
/** Of one turn of the event loop, ms: then the sockets are looked at again. */
const BUDGET_MS = 4;

/** What waits: `isLate` when it has waited for longer than it may. */
export type Waiting = (isLate: boolean) => void;

/**
 * New requests that wait, in an overload, until nothing else is to do: of what has begun no message waits behind them
 * or is lost in the kernel because of them, so that calls which are served at all are served well. (Priority before
 * fairness: Welsh, Culler, "Adaptive overload control", USITS 2003; RFC 7339 §5.10.1.)
 */
export class Backlog {
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  /** When each of them came, monotonic ms. */
  #since: number[] = [];
  /** The first that still waits. */
  #head = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get length(): number {
    return this.#waiting.length - this.#head;
  }

  /** @param now monotonic ms @returns false when there is no room for it */
  push(waiting: Waiting, now: number): boolean {
    if (this.length >= MAX_WAITING) return false;
    this.#waiting.push(waiting);
    this.#since.push(now);
    return true;
  }

  /**
   * Serves those that have waited longest, for a few ms.
   * @param hasTime nothing else waits; otherwise one is served, so that they move on in any case
   */
  serve(hasTime: boolean): void {
    if (this.length === 0) return;
    const start = this.#clock.monotonic();
    let now = start;
    do {
      const waiting = this.#waiting[this.#head]!;
      const isLate = now - this.#since[this.#head]! > MAX_WAIT_MS;
      this.#head += 1;
      waiting(isLate);
      now = this.#clock.monotonic();
    } while (hasTime && this.length > 0 && now - start < BUDGET_MS);
    if (this.length === 0 || this.#head >= MAX_WAITING) this.#forgetServed();
  }

  clear(): void {
    this.#head = this.#waiting.length;
    this.#forgetServed();
  }

  #forgetServed(): void {
    this.#waiting = this.#waiting.slice(this.#head);
    this.#since = this.#since.slice(this.#head);
    this.#head = 0;
  }
}
