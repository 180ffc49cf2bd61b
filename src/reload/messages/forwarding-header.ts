import type { Codec } from '../wire/codec.ts';
import { DecodeError, EncodeError } from '../wire/decode-error.ts';
import { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { type Destination, destination, destinationLength } from './destination.ts';
import { type ForwardingOption, forwardingOption } from './forwarding-option.ts';

/** "RELO" with the high bit set (RFC 6940 §6.3.2). */
const RELO_TOKEN = 0xd2454c4f;

/** RELOAD 1.0. */
export const RELOAD_VERSION = 0x0a;

/** Bytes before the lists. */
export const FIXED_HEADER_LENGTH = 38;

/** `fragment` of a message in one piece (RFC 6940 §6.7). */
export const WHOLE_MESSAGE = 0xc000_0000;

const AT = {
  token: 0,
  overlay: 4,
  configurationSequence: 8,
  version: 10,
  ttl: 11,
  fragment: 12,
  length: 16,
  transactionId: 20,
  maxResponseLength: 28,
  viaLength: 32,
  destinationLength: 34,
  optionsLength: 36,
} as const;

/** Entries one list may hold: with a TTL of at most 100 no honest list grows longer. */
const MAX_LIST_ENTRIES = 256;
const MAX_OPTIONS = 32;

/** RFC 6940 §6.3.2. Numbers as on the wire; `fragment` is the whole 32-bit field. */
export interface ForwardingHeader {
  readonly overlay: number;
  readonly configurationSequence: number;
  readonly version: number;
  readonly ttl: number;
  readonly fragment: number;
  /** Bytes of this message or fragment, header included. */
  readonly length: number;
  readonly transactionId: bigint;
  /** Bytes; 0 means any. */
  readonly maxResponseLength: number;
  readonly viaList: readonly Destination[];
  readonly destinationList: readonly Destination[];
  readonly options: readonly ForwardingOption[];
  /** Where the contents begin. */
  readonly headerLength: number;
}

/** What the sender of a message decides; the lengths follow from it. */
export type HeaderFields = Omit<ForwardingHeader, 'length' | 'headerLength' | 'version'>;

/**
 * Decodes the header alone: all that a forwarding node needs. Values are not judged here, the structure is.
 * @throws DecodeError
 */
export function decodeHeader(bytes: Uint8Array): ForwardingHeader {
  if (bytes.length < FIXED_HEADER_LENGTH) {
    throw new DecodeError('truncated', `${bytes.length} bytes`, bytes.length, 'header');
  }
  const view = asBuffer(bytes);
  if (view.readUInt32BE(AT.token) !== RELO_TOKEN) {
    throw new DecodeError('bad-token', 'no RELO token', AT.token, 'header.relo_token');
  }
  const reader = new Reader(bytes, undefined, FIXED_HEADER_LENGTH);
  return {
    overlay: view.readUInt32BE(AT.overlay),
    configurationSequence: view.readUInt16BE(AT.configurationSequence),
    version: bytes[AT.version]!,
    ttl: bytes[AT.ttl]!,
    fragment: view.readUInt32BE(AT.fragment),
    length: view.readUInt32BE(AT.length),
    transactionId: view.readBigUInt64BE(AT.transactionId),
    maxResponseLength: view.readUInt32BE(AT.maxResponseLength),
    viaList: list(reader, view.readUInt16BE(AT.viaLength), destination, MAX_LIST_ENTRIES, 'via_list'),
    destinationList: list(
      reader,
      view.readUInt16BE(AT.destinationLength),
      destination,
      MAX_LIST_ENTRIES,
      'destination_list',
    ),
    options: list(reader, view.readUInt16BE(AT.optionsLength), forwardingOption, MAX_OPTIONS, 'options'),
    headerLength: reader.offset,
  };
}

const NOTHING: readonly never[] = [];

function list<T>(reader: Reader, length: number, element: Codec<T>, max: number, name: string): readonly T[] {
  if (length === 0) return NOTHING;
  try {
    const outer = reader.enter(length);
    const values: T[] = [];
    while (reader.offset < reader.end) {
      if (values.length === max) throw reader.error('too-many', `more than ${max} entries`);
      values.push(element.decode(reader));
    }
    reader.leave(outer);
    return values;
  } catch (error) {
    throw error instanceof DecodeError ? error.within(`header.${name}`) : error;
  }
}

/**
 * A message (or fragment) of a header and the bytes that follow it, with version 1.0 and all lengths set.
 * @throws EncodeError when a list is over 65,535 bytes
 */
export function encodeWithHeader(fields: HeaderFields, ...following: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer();
  writer.uint(4, RELO_TOKEN);
  writer.uint(4, fields.overlay);
  writer.uint(2, fields.configurationSequence);
  writer.uint(1, RELOAD_VERSION);
  writer.uint(1, fields.ttl);
  writer.uint(4, fields.fragment);
  writer.uint(4, 0);
  writer.uint64(fields.transactionId);
  writer.uint(4, fields.maxResponseLength);
  writer.uint(2, 0);
  writer.uint(2, 0);
  writer.uint(2, 0);
  const viaLength = appendList(writer, fields.viaList, destination);
  const destinationLength = appendList(writer, fields.destinationList, destination);
  const optionsLength = appendList(writer, fields.options, forwardingOption);
  for (const part of following) writer.bytes(part);
  const bytes = asBuffer(writer.finish());
  bytes.writeUInt32BE(bytes.length, AT.length);
  bytes.writeUInt16BE(viaLength, AT.viaLength);
  bytes.writeUInt16BE(destinationLength, AT.destinationLength);
  bytes.writeUInt16BE(optionsLength, AT.optionsLength);
  return bytes;
}

function appendList<T>(writer: Writer, values: readonly T[], element: Codec<T>): number {
  const start = writer.length;
  for (const value of values) element.encode(writer, value);
  const length = writer.length - start;
  if (length > 0xffff) throw new EncodeError(`a list of ${length} bytes`);
  return length;
}

/** What a forwarding node changes in a header. */
export interface HopChanges {
  readonly ttl: number;
  readonly viaList: readonly Destination[];
  readonly destinationList: readonly Destination[];
}

/** The message as the next hop gets it: lists and TTL new, options and contents copied, nothing else looked at. */
export function rewriteHeader(bytes: Uint8Array, header: ForwardingHeader, changes: HopChanges): Uint8Array {
  const { ttl, viaList, destinationList } = changes;
  return encodeWithHeader({ ...header, ttl, viaList, destinationList }, bytes.subarray(header.headerLength));
}

/** Bytes of a message with this header, as it leaves its sender. */
export function messageLength(
  { viaList, destinationList, options }: Pick<HeaderFields, 'viaList' | 'destinationList' | 'options'>,
  contents: Uint8Array,
  security: Uint8Array,
): number {
  const lists = [...viaList, ...destinationList].reduce((sum, entry) => sum + destinationLength(entry), 0);
  const optionBytes = options.reduce((sum, { value }) => sum + 4 + value.length, 0);
  return FIXED_HEADER_LENGTH + lists + optionBytes + contents.length + security.length;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
