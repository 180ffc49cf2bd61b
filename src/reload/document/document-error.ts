import { CodedError } from '../../base/index.ts';

/**
 * Why a configuration document is not taken.
 * - `document-malformed`: not well-formed XML of ours, or over a bound
 * - `document-invalid`: against the grammar of RFC 6940 §11.1.1, or a value out of its range
 * - `document-foreign`: it has no configuration of this overlay
 * - `document-unsupported`: it demands what this implementation has not
 * - `document-expired`: its expiration has passed
 * - `document-old`: its sequence is not newer than the one in force
 * - `document-unsigned`: it lacks a signature it must have
 * - `document-forged`: a signature does not verify, or is not by somebody who may sign
 */
export type DocumentErrorCode =
  | 'document-malformed'
  | 'document-invalid'
  | 'document-foreign'
  | 'document-unsupported'
  | 'document-expired'
  | 'document-old'
  | 'document-unsigned'
  | 'document-forged';

export class DocumentError extends CodedError<DocumentErrorCode> {
  constructor(code: DocumentErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(code, message, { ...options, origin: 'remote' });
  }
}
