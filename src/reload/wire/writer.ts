import { EncodeError } from './decode-error.ts';

const SCRATCH_SIZE = 4096;

/** Buffers of writers that have finished; as many as were ever at work at once, one inside the other. */
const idle: Buffer[] = [];

/** Appends big-endian fields to a scratch buffer that the next writer uses again. */
export class Writer {
  #buffer: Buffer = idle.pop() ?? Buffer.allocUnsafeSlow(SCRATCH_SIZE);
  #length = 0;

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

  /** A copy of what was written, no larger than that; the writer must not be used afterwards. */
  finish(): Uint8Array {
    const written = Buffer.allocUnsafe(this.#length);
    this.#buffer.copy(written, 0, 0, this.#length);
    this.#putBack();
    this.#buffer = written;
    return written;
  }

  #putBack(): void {
    if (this.#buffer.length === SCRATCH_SIZE) idle.push(this.#buffer);
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
      this.#putBack();
      this.#buffer = grown;
    }
    this.#length = needed;
    return at;
  }
}
