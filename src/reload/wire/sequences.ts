import type { Codec, Decoder } from './codec.ts';
import { DecodeError, EncodeError } from './decode-error.ts';
import type { Reader } from './reader.ts';

/** Bytes of a length field. */
export type LengthSize = 1 | 2 | 3 | 4;

/** More elements than this in one list are refused: what a 64 kB message can reasonably hold. */
const MAX_ELEMENTS = 4096;

/** `opaque<0..2^(8·size)-1>`: a view of the received buffer. */
export function opaque(size: LengthSize): Codec<Uint8Array> {
  return {
    decode: (reader) => reader.view(reader.uint(size)),
    encode(writer, value) {
      const at = writer.beginLength(size);
      writer.bytes(value);
      writer.endLength(size, at);
    },
  };
}

/** The rest of the enclosing structure, as a view. */
export const remainder: Codec<Uint8Array> = {
  decode: (reader) => reader.view(reader.remaining),
  encode: (writer, value) => writer.bytes(value),
};

/** `opaque<0..2^(8·size)-1>` as lower-case hex: keys, hashes and identifiers, which are compared and looked up. */
export function opaqueHex(size: LengthSize): Codec<string> {
  return {
    decode: (reader) => reader.hex(reader.uint(size)),
    encode(writer, value) {
      const at = writer.beginLength(size);
      writer.hex(value);
      writer.endLength(size, at);
    },
  };
}

/** `opaque[length]` as lower-case hex. */
export function fixedHex(length: number): Codec<string> {
  return {
    decode: (reader) => reader.hex(length),
    encode(writer, value) {
      if (value.length !== length * 2)
        throw new EncodeError(`${value.length / 2} bytes instead of ${length}`);
      writer.hex(value);
    },
  };
}

/** `opaque<0..2^(8·size)-1>` that holds UTF-8 text. */
export function text(size: LengthSize): Codec<string> {
  return {
    decode(reader) {
      const length = reader.uint(size);
      const at = reader.take(length);
      const { buffer, byteOffset } = reader.bytes;
      return Buffer.from(buffer, byteOffset + at, length).toString('utf8');
    },
    encode(writer, value) {
      const at = writer.beginLength(size);
      writer.bytes(Buffer.from(value, 'utf8'));
      writer.endLength(size, at);
    },
  };
}

/** Decodes elements until the enclosing structure ends. */
function elements<T>(reader: Reader, element: Decoder<T>, maxCount: number): T[] {
  const values: T[] = [];
  try {
    while (reader.offset < reader.end) {
      if (values.length === maxCount) throw reader.error('too-many', `more than ${maxCount} elements`);
      const start = reader.offset;
      values.push(element.decode(reader));
      if (reader.offset === start) throw reader.error('bad-value', 'an element of no bytes');
    }
  } catch (error) {
    throw error instanceof DecodeError ? error.within(String(values.length)) : error;
  }
  return values;
}

/** `Element list<0..2^(8·size)-1>`: the length counts bytes, not elements. */
export function vector<T>(size: LengthSize, element: Codec<T>, maxCount = MAX_ELEMENTS): Codec<readonly T[]> {
  return {
    decode(reader) {
      const outer = reader.enter(reader.uint(size));
      const values = elements(reader, element, maxCount);
      reader.leave(outer);
      return values;
    },
    encode(writer, values) {
      const at = writer.beginLength(size);
      for (const value of values) element.encode(writer, value);
      writer.endLength(size, at);
    },
  };
}

/** A structure behind its own length in bytes, which it must fill exactly. */
export function sized<T>(size: LengthSize, inner: Codec<T>): Codec<T> {
  return {
    decode(reader) {
      const outer = reader.enter(reader.uint(size));
      const value = inner.decode(reader);
      reader.leave(outer);
      return value;
    },
    encode(writer, value) {
      const at = writer.beginLength(size);
      inner.encode(writer, value);
      writer.endLength(size, at);
    },
  };
}
