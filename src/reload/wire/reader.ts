import { DecodeError, UnknownKindsError } from './decode-error.ts';
import { type KindTable, noKinds } from './kind-table.ts';

/**
 * Reads big-endian fields from a buffer, never past `end`. Byte strings are handed out as views of the buffer:
 * whoever keeps one longer than the message copies it.
 */
export class Reader {
  readonly bytes: Uint8Array;
  readonly kinds: KindTable;
  offset: number;
  /** First byte that does not belong to the structure being read; nested structures narrow it for a while. */
  end: number;
  #unknownKinds: number[] | undefined;

  constructor(bytes: Uint8Array, kinds: KindTable = noKinds, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.kinds = kinds;
    this.offset = offset;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  /** Claims `length` bytes and returns where they start. */
  take(length: number): number {
    const start = this.offset;
    if (length > this.end - start) {
      throw this.error('truncated', `${length} bytes wanted, ${this.end - start} left`);
    }
    this.offset = start + length;
    return start;
  }

  uint(length: 1 | 2 | 3 | 4): number {
    const at = this.take(length);
    const bytes = this.bytes;
    let value = bytes[at]!;
    for (let i = at + 1; i < at + length; i++) value = value * 256 + bytes[i]!;
    return value;
  }

  uint64(): bigint {
    const high = this.uint(4);
    return (BigInt(high) << 32n) | BigInt(this.uint(4));
  }

  /** A view of the next `length` bytes. */
  view(length: number): Uint8Array {
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** The next `length` bytes as lower-case hex. */
  hex(length: number): string {
    const at = this.take(length);
    const { buffer, byteOffset } = this.bytes;
    return Buffer.from(buffer, byteOffset + at, length).toString('hex');
  }

  /** Confines reading to the next `length` bytes; give the result to `leave`. */
  enter(length: number): number {
    const outer = this.end;
    if (length > outer - this.offset) {
      throw this.error('truncated', `${length} bytes wanted, ${outer - this.offset} left`);
    }
    this.end = this.offset + length;
    return outer;
  }

  /** Ends what `enter` began; everything inside must have been read. */
  leave(outer: number): void {
    this.expectEnd();
    this.end = outer;
  }

  expectEnd(): void {
    if (this.offset !== this.end) throw this.error('trailing-bytes', `${this.remaining} bytes too many`);
  }

  /** Notes a Kind without a definition, so that the whole structure is searched before it is refused. */
  noteUnknownKind(kind: number): void {
    this.#unknownKinds ??= [];
    if (!this.#unknownKinds.includes(kind)) this.#unknownKinds.push(kind);
  }

  /** @throws UnknownKindsError when any were noted. */
  expectKnownKinds(): void {
    if (this.#unknownKinds !== undefined) throw new UnknownKindsError(this.#unknownKinds, this.offset);
  }

  error(code: DecodeError['code'], reason: string): DecodeError {
    return new DecodeError(code, reason, this.offset);
  }
}
