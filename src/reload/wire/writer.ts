import { EncodeError } from './decode-error.ts';

const INITIAL_SIZE = 512;

/** Appends big-endian fields to a growing buffer. */
export class Writer {
  #buffer: Buffer;
  #length = 0;

  constructor(initialSize = INITIAL_SIZE) {
    this.#buffer = Buffer.allocUnsafe(initialSize);
  }

  get length(): number {
    return this.#length;
  }

  /** @throws EncodeError when the value is no integer of that many bytes. */
  uint(length: 1 | 2 | 3 | 4, value: number): void {
    if (!Number.isInteger(value) || value < 0 || value >= 256 ** length) {
      throw new EncodeError(`${value} is not an unsigned integer of ${length} bytes`);
    }
    this.#write(length, this.#claim(length), value);
  }

  uint64(value: bigint): void {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) {
      throw new EncodeError(`${value} is not an unsigned integer of 8 bytes`);
    }
    const at = this.#claim(8);
    this.#buffer.writeBigUInt64BE(value, at);
  }

  bytes(value: Uint8Array): void {
    const at = this.#claim(value.length);
    this.#buffer.set(value, at);
  }

  /** Appends the bytes of an even-length hex string. */
  hex(value: string): void {
    const length = value.length / 2;
    const at = this.#claim(Math.ceil(length));
    if (this.#buffer.write(value, at, 'hex') !== length) throw new EncodeError('not a hex string');
  }

  /** Leaves room for a length field of `size` bytes; give the result to `endLength`. */
  beginLength(size: 1 | 2 | 3 | 4): number {
    return this.#claim(size);
  }

  /** Writes into the field at `at` how many bytes followed it. */
  endLength(size: 1 | 2 | 3 | 4, at: number): void {
    const length = this.#length - at - size;
    if (length >= 256 ** size) throw new EncodeError(`${length} bytes do not fit a ${size}-byte length`);
    this.#write(size, at, length);
  }

  /** What was written; the writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #write(length: number, at: number, value: number): void {
    let rest = value;
    for (let i = at + length - 1; i >= at; i--) {
      this.#buffer[i] = rest & 0xff;
      rest = Math.floor(rest / 256);
    }
  }

  #claim(length: number): number {
    const at = this.#length;
    const needed = at + length;
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, at);
      this.#buffer = grown;
    }
    this.#length = needed;
    return at;
  }
}
