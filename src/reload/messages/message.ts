import { type Codec, decodeWhole, type Encoder, encodeWhole, type TypeOf } from '../wire/codec.ts';
import { DecodeError } from '../wire/decode-error.ts';
import { uint16 } from '../wire/integers.ts';
import type { KindTable } from '../wire/kind-table.ts';
import { Reader } from '../wire/reader.ts';
import { opaque, vector } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';
import { errorResponse } from './error-response.ts';
import { type MessageExtension, messageExtension } from './extension.ts';
import {
  decodeHeader,
  encodeWithHeader,
  type ForwardingHeader,
  type HeaderFields,
} from './forwarding-header.ts';
import { ERROR_CODE } from './method.ts';
import { methodOfCode } from './methods.ts';
import { type SecurityBlock, securityBlock } from './security-block.ts';

/** Extensions one message may carry. */
const MAX_EXTENSIONS = 64;

/** RFC 6940 §6.3.3, the body still as bytes. */
const messageContents = struct({
  code: uint16,
  body: opaque(4),
  extensions: vector(4, messageExtension, MAX_EXTENSIONS),
});
export type MessageContents = TypeOf<typeof messageContents>;

/** A message taken apart, its body not yet: signatures are checked before bodies are looked at. */
export interface Envelope {
  readonly header: ForwardingHeader;
  readonly contents: MessageContents;
  readonly security: SecurityBlock;
  /** The bytes of MessageContents as they came, which the signature covers (RFC 6940 §6.3.4). */
  readonly contentsBytes: Uint8Array;
}

/** A message taken apart altogether. `body` has the type of the method that `code` names. */
export interface ReloadMessage {
  readonly header: ForwardingHeader;
  readonly code: number;
  readonly body: unknown;
  readonly extensions: readonly MessageExtension[];
  readonly security: SecurityBlock;
}

/**
 * Contents and security block of a whole (reassembled) message.
 * @param header what `decodeHeader` gave for the same bytes
 * @throws DecodeError
 */
export function decodeEnvelope(bytes: Uint8Array, header: ForwardingHeader): Envelope {
  const reader = new Reader(bytes, undefined, header.headerLength);
  const contents = inField('contents', messageContents, reader);
  const contentsBytes = bytes.subarray(header.headerLength, reader.offset);
  const security = inField('security', securityBlock, reader);
  reader.expectEnd();
  return { header, contents, security, contentsBytes };
}

/**
 * The body of a request or answer.
 * @throws DecodeError 'unknown-type' for a code without a method; UnknownKindsError
 */
export function decodeBody(contents: MessageContents, kinds: KindTable): unknown {
  return decodeWhole(bodyCodec(contents.code), contents.body, kinds);
}

/**
 * A whole message in one step, for tools and tests; the forwarding layer takes the steps one by one.
 * @throws DecodeError
 */
export function decodeMessage(bytes: Uint8Array, { kinds }: { readonly kinds: KindTable }): ReloadMessage {
  const { header, contents, security } = decodeEnvelope(bytes, decodeHeader(bytes));
  return {
    header,
    code: contents.code,
    body: decodeBody(contents, kinds),
    extensions: contents.extensions,
    security,
  };
}

/** MessageContents as bytes, ready to be signed. */
export function encodeContents<T>(
  code: number,
  codec: Encoder<T>,
  body: T,
  extensions: readonly MessageExtension[] = [],
): Uint8Array {
  return encodeWhole(messageContents, { code, body: encodeWhole(codec, body), extensions });
}

/** The message as it goes on the wire. */
function assembleMessage(
  header: HeaderFields,
  contentsBytes: Uint8Array,
  security: SecurityBlock,
): Uint8Array {
  return encodeWithHeader(header, contentsBytes, encodeWhole(securityBlock, security));
}

/** The reverse of `decodeMessage`: encodes the body anew and keeps the signature given. */
export function encodeMessage(
  message: Omit<ReloadMessage, 'header'> & { readonly header: HeaderFields },
): Uint8Array {
  const contents = encodeContents(message.code, bodyCodec(message.code), message.body, message.extensions);
  return assembleMessage(message.header, contents, message.security);
}

function bodyCodec(code: number): Codec<unknown> {
  if (code === ERROR_CODE) return errorResponse;
  const method = methodOfCode(code);
  if (method === undefined) throw new DecodeError('unknown-type', `message code ${code}`, 0, 'code');
  return code === method.requestCode ? method.request : method.answer;
}

function inField<T>(name: string, codec: Codec<T>, reader: Reader): T {
  try {
    return codec.decode(reader);
  } catch (error) {
    throw error instanceof DecodeError ? error.within(name) : error;
  }
}
