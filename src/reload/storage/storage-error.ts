import { CodedError, utf8 } from '../../base/index.ts';
import { ErrorCode, type ErrorResponse, unknownKindsInfo } from '../messages/error-response.ts';
import { type StoreKindResponse, storeAns } from '../messages/store.ts';
import { encodeWhole } from '../wire/codec.ts';
import type { KindId } from '../wire/ids.ts';

const WIRE_CODES = {
  forbidden: ErrorCode.Forbidden,
  'data-too-large': ErrorCode.Data_Too_Large,
  'data-too-old': ErrorCode.Data_Too_Old,
  'generation-counter-too-low': ErrorCode.Generation_Counter_Too_Low,
  'unknown-kind': ErrorCode.Unknown_Kind,
  'invalid-request': ErrorCode.Invalid_Message,
} as const;

export type StorageErrorCode = keyof typeof WIRE_CODES;

export const STORAGE_ERROR_CODES = Object.keys(WIRE_CODES) as readonly StorageErrorCode[];

/** A storage request that is refused as a whole; nothing was changed. */
export class StorageError extends CodedError<StorageErrorCode> {
  readonly #info: Uint8Array | undefined;

  constructor(code: StorageErrorCode, message: string, options: { info?: Uint8Array; cause?: unknown } = {}) {
    super(code, message, { origin: 'remote', cause: options.cause });
    this.#info = options.info;
  }

  /** RFC 6940 §7.4.1.2: error_info is a StoreAns with the counters as they are and no replicas. */
  static generationTooLow(kindResponses: readonly StoreKindResponse[]): StorageError {
    const info = encodeWhole(storeAns, { kindResponses });
    return new StorageError('generation-counter-too-low', 'the generation counter has moved on', { info });
  }

  /** RFC 6940 §7.4.1.2: error_info lists the Kinds. */
  static unknownKinds(unknownKinds: readonly KindId[]): StorageError {
    const info = encodeWhole(unknownKindsInfo, { unknownKinds });
    const names = unknownKinds.map((kind) => `0x${kind.toString(16)}`).join(', ');
    return new StorageError('unknown-kind', `unknown Kind ${names}`, { info });
  }

  /** The body of the answer. */
  toErrorResponse(): ErrorResponse {
    return { errorCode: WIRE_CODES[this.code], errorInfo: this.#info ?? utf8(this.message) };
  }
}
