import type { SeededRandom } from '../../../src/base/virtual/seeded-random.ts';

/** Values at which parsers tend to turn: the ends of their ranges and their neighbours. */
const EDGES = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff];

/** Large enough to pass every limit once, small enough not to make all frames oversized. */
const MAX_GROWTH = 2_048;

/** Damages byte strings in the ways that tell on parsers; the same seed gives the same damage. */
export class ByteMutator {
  readonly #random: SeededRandom;
  readonly #ways: readonly ((bytes: Buffer, other: Buffer) => Buffer)[] = [
    (bytes) => this.#at(bytes, (i) => (bytes[i]! ^= 1 << this.below(8))),
    (bytes) => this.#at(bytes, (i) => (bytes[i] = this.below(256))),
    (bytes) => this.#at(bytes, (i) => (bytes[i] = this.#edge())),
    (bytes) => this.#number(bytes, 2),
    (bytes) => this.#number(bytes, 3),
    (bytes) => this.#number(bytes, 4),
    (bytes) => bytes.subarray(0, this.below(bytes.length + 1)),
    (bytes) => Buffer.concat([bytes, this.#random.bytes(this.below(40))]),
    (bytes) => this.#without(bytes),
    (bytes) => this.#doubled(bytes),
    (bytes, other) => this.#spliced(bytes, other),
    (bytes, other) => this.#overwritten(bytes, other),
  ];

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** A whole number from 0 on, below `limit`. */
  below(limit: number): number {
    return Math.floor(this.#random.float() * limit);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  chance(probability: number): boolean {
    return this.#random.float() < probability;
  }

  /** A damaged copy: one to four changes, some with parts of `other`. */
  mutate(bytes: Uint8Array, other: Uint8Array): Buffer {
    let mutated = Buffer.from(bytes);
    for (let changes = 1 + this.below(4); changes > 0; changes--) {
      mutated = Buffer.from(this.pick(this.#ways)(mutated, Buffer.from(other)));
    }
    return mutated;
  }

  #edge(): number {
    return this.pick(EDGES);
  }

  #at(bytes: Buffer, change: (index: number) => void): Buffer {
    if (bytes.length > 0) change(this.below(bytes.length));
    return bytes;
  }

  /** A length, count or size that lies: an edge, or a little more or less than it was. */
  #number(bytes: Buffer, size: 2 | 3 | 4): Buffer {
    if (bytes.length < size) return bytes;
    const at = this.below(bytes.length - size + 1);
    const most = 256 ** size - 1;
    const was = bytes.readUIntBE(at, size);
    const value = this.pick([0, 1, most, most - 1, was + 1, was - 1, bytes.length, bytes.length - at - size]);
    bytes.writeUIntBE(Math.min(most, Math.max(0, value)), at, size);
    return bytes;
  }

  #range(bytes: Buffer): [start: number, end: number] {
    const start = this.below(bytes.length + 1);
    return [start, Math.min(bytes.length, start + 1 + this.below(MAX_GROWTH))];
  }

  #without(bytes: Buffer): Buffer {
    const [start, end] = this.#range(bytes);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  }

  #doubled(bytes: Buffer): Buffer {
    const [start, end] = this.#range(bytes);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
  }

  #spliced(bytes: Buffer, other: Buffer): Buffer {
    return Buffer.concat([
      bytes.subarray(0, this.below(bytes.length + 1)),
      other.subarray(this.below(other.length + 1)),
    ]);
  }

  #overwritten(bytes: Buffer, other: Buffer): Buffer {
    const [start, end] = this.#range(other);
    other.copy(bytes, this.below(bytes.length + 1), start, end);
    return bytes;
  }
}
