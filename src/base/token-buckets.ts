import { IdleMap } from './idle-collections.ts';

/** How much is let through: `perSecond` for ever, `burst` at once after a rest. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Keys that are remembered; whoever is forgotten begins with a full bucket. */
const MAX_BUCKETS = 4_096;

/** Below this many it is not worth looking for buckets that are full again. */
const MIN_SWEEP = 4;

/** Two sweeps of a full table are at least this far apart, ms; in between the oldest bucket goes. */
const SWEEP_PAUSE_MS = 1_000;

/**
 * A token bucket for each of a bounded number of keys, as one number each: when the bucket is full again. A bucket that
 * has filled up is forgotten, since a new one would be the same.
 */
export class TokenBuckets {
  readonly #burst: number;
  readonly #msPerToken: number;
  /** Monotonic ms at which the bucket of a key is full again. */
  readonly #fullAt = new IdleMap<string, number>();
  #sweepAt = MIN_SWEEP;
  #sweptAt = -Infinity;

  constructor({ perSecond, burst }: Rate) {
    this.#burst = burst;
    // A rate of 0 is thirty years for a token.
    this.#msPerToken = 1000 / Math.max(perSecond, 1e-9);
  }

  get size(): number {
    return this.#fullAt.size;
  }

  /**
   * Takes `cost` tokens, all of the bucket at the most.
   * @returns false, with nothing taken, when there are not enough
   */
  take(key: string, cost: number, nowMs: number): boolean {
    const known = this.#fullAt.get(key);
    const fullAt = this.#fullAfter(known, cost, nowMs);
    if (fullAt === undefined) return false;
    if (known === undefined && this.#fullAt.size >= this.#sweepAt) this.#makeRoom(nowMs);
    this.#fullAt.set(key, fullAt);
    return true;
  }

  /** Whether `take` would give them. */
  has(key: string, cost: number, nowMs: number): boolean {
    return this.#fullAfter(this.#fullAt.get(key), cost, nowMs) !== undefined;
  }

  /** What was taken turned out to be owed to nobody. */
  giveBack(key: string, cost: number): void {
    const fullAt = this.#fullAt.get(key);
    if (fullAt !== undefined) this.#fullAt.set(key, fullAt - cost * this.#msPerToken);
  }

  /** Forgets the buckets that are full again. */
  sweep(nowMs: number): void {
    for (const [key, fullAt] of this.#fullAt) {
      if (fullAt <= nowMs) this.#fullAt.delete(key);
    }
  }

  #fullAfter(known: number | undefined, cost: number, nowMs: number): number | undefined {
    const fullAt = Math.max(known ?? nowMs, nowMs) + Math.min(cost, this.#burst) * this.#msPerToken;
    return fullAt - nowMs > this.#burst * this.#msPerToken ? undefined : fullAt;
  }

  #makeRoom(nowMs: number): void {
    if (this.#sweepAt < MAX_BUCKETS || nowMs - this.#sweptAt >= SWEEP_PAUSE_MS) {
      this.#sweptAt = nowMs;
      this.sweep(nowMs);
      this.#sweepAt = Math.min(MAX_BUCKETS, Math.max(MIN_SWEEP, 2 * this.#fullAt.size));
    }
    if (this.#fullAt.size < MAX_BUCKETS) return;
    for (const oldest of this.#fullAt.keys()) {
      this.#fullAt.delete(oldest);
      return;
    }
  }
}
