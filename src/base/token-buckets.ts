/** How much is let through: `perSecond` for ever, `burst` at once after a rest. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Keys that are remembered; whoever is forgotten begins with a full bucket. */
const MAX_BUCKETS = 4_096;

/** Below this many it is not worth looking for buckets that are full again. */
const MIN_SWEEP = 64;

/** Two sweeps of a full table are at least this far apart, ms; in between the oldest bucket goes. */
const SWEEP_PAUSE_MS = 1_000;

interface Bucket {
  tokens: number;
  /** Monotonic ms at which `tokens` was right. */
  at: number;
}

/**
 * A token bucket for each of a bounded number of keys. Made for the hot path: taking from a known bucket allocates
 * nothing, and a bucket that has filled up again is forgotten, since a new one would be the same.
 */
export class TokenBuckets {
  readonly #burst: number;
  readonly #perMs: number;
  readonly #buckets = new Map<string, Bucket>();
  #sweepAt = MIN_SWEEP;
  #sweptAt = -Infinity;

  constructor({ perSecond, burst }: Rate) {
    this.#burst = burst;
    this.#perMs = perSecond / 1000;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Takes `cost` tokens, all of the bucket at the most.
   * @returns false, with nothing taken, when there are not enough
   */
  take(key: string, cost: number, nowMs: number): boolean {
    const bucket = this.#buckets.get(key) ?? this.#add(key, nowMs);
    bucket.tokens = this.#level(bucket, nowMs);
    bucket.at = nowMs;
    const price = Math.min(cost, this.#burst);
    if (bucket.tokens < price) return false;
    bucket.tokens -= price;
    return true;
  }

  /** What was taken turned out to be owed to nobody. */
  giveBack(key: string, cost: number): void {
    const bucket = this.#buckets.get(key);
    if (bucket !== undefined) bucket.tokens = Math.min(this.#burst, bucket.tokens + cost);
  }

  #level({ tokens, at }: Bucket, nowMs: number): number {
    return Math.min(this.#burst, tokens + (nowMs - at) * this.#perMs);
  }

  #add(key: string, nowMs: number): Bucket {
    if (this.#buckets.size >= this.#sweepAt) this.#makeRoom(nowMs);
    const bucket: Bucket = { tokens: this.#burst, at: nowMs };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #makeRoom(nowMs: number): void {
    if (this.#sweepAt < MAX_BUCKETS || nowMs - this.#sweptAt >= SWEEP_PAUSE_MS) {
      this.#sweptAt = nowMs;
      for (const [key, bucket] of this.#buckets) {
        if (this.#level(bucket, nowMs) >= this.#burst) this.#buckets.delete(key);
      }
      this.#sweepAt = Math.min(MAX_BUCKETS, Math.max(MIN_SWEEP, 2 * this.#buckets.size));
    }
    if (this.#buckets.size < MAX_BUCKETS) return;
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest);
      return;
    }
  }
}
