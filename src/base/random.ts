/** The only source of randomness below `gateway`; a seeded twin makes simulations repeatable. */
export interface Random {
  /** `length` random bytes; cryptographically strong in production. */
  bytes(length: number): Uint8Array;
  /** A uniform float in [0, 1), for jitter and sampling only. */
  float(): number;
}

/** Bytes asked for at one time. */
const POOL_BYTES = 1_024;

/** Random tokens of one length as lower-case hex, cut from a text that is made of many random bytes at one time. */
export class HexTokens {
  readonly #random: Random;
  readonly #length: number;
  #pool = '';
  #used = 0;

  /** @param byteLength of each token */
  constructor(random: Random, byteLength: number) {
    this.#random = random;
    this.#length = 2 * byteLength;
  }

  /** NOTE: it may keep the whole pool, 2 kB, from being forgotten: for what lives as long as a transaction. */
  next(): string {
    if (this.#used + this.#length > this.#pool.length) {
      this.#pool = randomHex(this.#random, POOL_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += this.#length;
    return this.#pool.slice(start, this.#used);
  }
}

/** A random token of `byteLength` bytes as lower-case hex: tags, branches, Call-IDs. */
export function randomHex(random: Random, byteLength: number): string {
  return Buffer.from(random.bytes(byteLength)).toString('hex');
}
