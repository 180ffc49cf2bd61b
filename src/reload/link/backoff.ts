import type { Random } from '../../base/index.ts';

/** Delays between attempts to reach a peer again: doubling, with jitter so that peers do not call in step. */
export class Backoff {
  readonly #random: Random;
  readonly #firstMs: number;
  readonly #maxMs: number;
  #attempt = 0;

  constructor(random: Random, options: { firstMs?: number; maxMs?: number } = {}) {
    this.#random = random;
    this.#firstMs = options.firstMs ?? 500;
    this.#maxMs = options.maxMs ?? 60_000;
  }

  /** The delay before the next attempt, ms: between half and all of the doubled value. */
  next(): number {
    const full = Math.min(this.#maxMs, this.#firstMs * 2 ** this.#attempt);
    this.#attempt++;
    return full * (0.5 + this.#random.float() / 2);
  }

  /** The peer was reached. */
  reset(): void {
    this.#attempt = 0;
  }
}
