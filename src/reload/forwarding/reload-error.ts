import { CodedError, utf8 } from '../../base/index.ts';
import { type ErrorResponse, errorName } from '../messages/error-response.ts';
import { type StoreAns, storeAns } from '../messages/store.ts';
import { decodeWhole } from '../wire/codec.ts';
import type { NodeId } from '../wire/ids.ts';

/** A request that was answered with an error (RFC 6940 §6.3.3.1). */
export class ReloadError extends CodedError<'reload-error'> {
  readonly errorCode: number;
  readonly errorInfo: Uint8Array;
  /** Who signed the error. */
  readonly nodeId: NodeId;

  constructor(request: string, { errorCode, errorInfo }: ErrorResponse, nodeId: NodeId) {
    super('reload-error', `${request} answered by ${nodeId}: ${errorName(errorCode)}${readable(errorInfo)}`, {
      origin: 'remote',
    });
    this.errorCode = errorCode;
    // The answer's buffer must not live on through an error that somebody keeps.
    this.errorInfo = new Uint8Array(errorInfo);
    this.nodeId = nodeId;
  }

  /**
   * The counters that Generation_Counter_Too_Low brings (RFC 6940 §7.4.1.2).
   * @throws DecodeError
   */
  generations(): StoreAns {
    return decodeWhole(storeAns, this.errorInfo);
  }
}

function readable(info: Uint8Array): string {
  const text = Buffer.from(info.buffer, info.byteOffset, Math.min(info.length, 200)).toString('utf8');
  return /^[\x20-\x7e]+$/.test(text) ? ` (${text})` : '';
}

/**
 * A request that got no answer, or none that can be used.
 * - `request-timeout`: five sends and nothing came back
 * - `no-route`: there is no link to send it on
 * - `message-too-large`: it is over the overlay's max-message-size; nothing was sent
 * - `unknown-extension`: the answer has a critical extension that we do not know
 * - `too-many-requests`: too many are waiting already
 * - `stopped`: this node is going down
 */
export class RequestFailure extends CodedError<
  'request-timeout' | 'no-route' | 'message-too-large' | 'unknown-extension' | 'too-many-requests' | 'stopped'
> {}

/** What a request handler throws, or hands to `fail`, to answer with an error. */
export class RequestRefusal extends CodedError<'request-refused'> {
  readonly errorCode: number;
  readonly errorInfo: Uint8Array;

  /** @param info text for people, or the structure that the error code prescribes */
  constructor(errorCode: number, info: string | Uint8Array = '') {
    super('request-refused', typeof info === 'string' && info !== '' ? info : errorName(errorCode));
    this.errorCode = errorCode;
    this.errorInfo = typeof info === 'string' ? utf8(info) : info;
  }
}
