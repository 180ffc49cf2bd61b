import { randomBytes, randomFillSync } from 'node:crypto';
import type { Random } from '../base/index.ts';

const POOL_BYTES = 8_192;
const MAX_POOLED_BYTES = 256;

/** Asking the generator for a few bytes costs as much as for thousands, so small requests share one. */
class SystemRandom implements Random {
  #pool = new Uint8Array(0);
  #used = 0;

  bytes(length: number): Uint8Array {
    if (length > MAX_POOLED_BYTES) return randomBytes(length);
    if (this.#used + length > this.#pool.length) {
      // A new buffer each time: what was handed out keeps its bytes.
      this.#pool = randomFillSync(new Uint8Array(POOL_BYTES));
      this.#used = 0;
    }
    const bytes = this.#pool.subarray(this.#used, this.#used + length);
    this.#used += length;
    return bytes;
  }

  float(): number {
    return Math.random();
  }
}

/** Cryptographically strong bytes from node:crypto. */
export const systemRandom: Random = new SystemRandom();
