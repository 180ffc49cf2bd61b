import { CodedError } from '../../base/index.ts';

/**
 * What is wrong with received bytes.
 * - `truncated`: a field runs past the end of its enclosing structure
 * - `trailing-bytes`: a structure is longer than its fields
 * - `bad-value`: a value the text forbids (a Boolean of 2, an empty select, a number beyond 2^53)
 * - `unknown-type`: a select without a case for the received type
 * - `too-many`: more elements than we are willing to hold
 * - `bad-token`: not a RELOAD message
 * - `unknown-kind`: the bytes are of a Kind the kind table does not know
 */
export type DecodeErrorCode =
  | 'truncated'
  | 'trailing-bytes'
  | 'bad-value'
  | 'unknown-type'
  | 'too-many'
  | 'bad-token'
  | 'unknown-kind';

/** Received bytes that do not decode: where (`offset` in bytes, `field` as a dotted path) and why (`code`). */
export class DecodeError extends CodedError<DecodeErrorCode> {
  /** Bytes from the start of the decoded buffer. */
  readonly offset: number;
  /** Dotted path of the field, outermost first; empty at the top. */
  readonly field: string;
  readonly reason: string;

  constructor(code: DecodeErrorCode, reason: string, offset: number, field = '') {
    super(code, `${field === '' ? 'message' : field} at byte ${offset}: ${reason}`, { origin: 'remote' });
    this.offset = offset;
    this.field = field;
    this.reason = reason;
  }

  /** The same error seen from the structure that holds the field. */
  within(field: string): DecodeError {
    const path = this.field === '' ? field : `${field}.${this.field}`;
    return new DecodeError(this.code, this.reason, this.offset, path);
  }
}

/** Received data of Kinds that the kind table lacks; RFC 6940 §7.4.1.2 wants all of them listed in the answer. */
export class UnknownKindsError extends DecodeError {
  readonly kinds: readonly number[];

  constructor(kinds: readonly number[], offset: number) {
    super('unknown-kind', `unknown Kind ${kinds.map((kind) => `0x${kind.toString(16)}`).join(', ')}`, offset);
    this.kinds = kinds;
  }
}

/** A value that cannot be put on the wire: a list or a number too large for its field. */
export class EncodeError extends CodedError<'unencodable'> {
  constructor(reason: string) {
    super('unencodable', reason);
  }
}
