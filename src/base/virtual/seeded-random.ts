import type { Random } from '../random.ts';

/** Repeatable randomness (sfc32): the same seed gives the same sequence. Not for keys. */
export class SeededRandom implements Random {
  readonly seed: number;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.seed = seed;
    this.#a = 0x9e3779b9;
    this.#b = Math.floor(seed / 0x1_0000_0000) | 0;
    this.#c = seed | 0;
    for (let round = 0; round < 12; round++) this.#next();
  }

  /** An independent sequence, the same for the same seed and index: one for each node of a simulation. */
  derive(index: number): SeededRandom {
    return new SeededRandom(new SeededRandom(this.seed ^ Math.imul(index + 1, 0x85ebca6b)).#next());
  }

  bytes(length: number): Uint8Array {
    const bytes = Buffer.alloc(length);
    let offset = 0;
    for (; offset + 4 <= length; offset += 4) bytes.writeUInt32LE(this.#next(), offset);
    for (let rest = this.#next(); offset < length; offset++, rest >>>= 8) bytes[offset] = rest & 0xff;
    return bytes;
  }

  float(): number {
    return this.#next() / 0x1_0000_0000;
  }

  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}
