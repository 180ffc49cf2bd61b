import { type KindTable, noKinds } from './kind-table.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

export interface Decoder<T> {
  /** @throws DecodeError with offset, field and code */
  decode(reader: Reader): T;
}

export interface Encoder<T> {
  /** @throws EncodeError when the value does not fit its fields */
  encode(writer: Writer, value: T): void;
}

/** One description of a wire structure: its type, how to read it, how to write it. */
export interface Codec<T> extends Decoder<T>, Encoder<T> {}

/** The value type of a codec. */
export type TypeOf<C> = C extends Codec<infer T> ? T : never;

/**
 * Decodes a structure that fills `bytes` exactly.
 * @throws DecodeError; UnknownKindsError when it holds data of Kinds outside `kinds`
 */
export function decodeWhole<T>(decoder: Decoder<T>, bytes: Uint8Array, kinds: KindTable = noKinds): T {
  const reader = new Reader(bytes, kinds);
  const value = decoder.decode(reader);
  reader.expectEnd();
  reader.expectKnownKinds();
  return value;
}

/** @throws EncodeError */
export function encodeWhole<T>(encoder: Encoder<T>, value: T): Uint8Array {
  const writer = new Writer();
  encoder.encode(writer, value);
  return writer.finish();
}
