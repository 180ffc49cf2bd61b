import { ErrorCode, type ErrorResponse } from '../messages/error-response.ts';
import type { MessageExtension } from '../messages/extension.ts';
import type { SignedBy } from '../security/signature.ts';
import type { NodeId } from '../wire/ids.ts';
import { RequestFailure } from './reload-error.ts';

/** Errors that nodes on the way answer with, so that their signer is not the node addressed (RFC 6940 §§6.3.2, 6.6). */
const ERRORS_ON_THE_WAY: ReadonlySet<number> = new Set([
  ErrorCode.TTL_Exceeded,
  ErrorCode.Unsupported_Forwarding_Option,
  ErrorCode.Message_Too_Large,
]);

/**
 * Whether the error may come from another node than the one addressed.
 * @param hop the node that the request was handed to
 */
export function mayRefuseOnTheWay(
  error: ErrorResponse | undefined,
  { nodeId }: SignedBy,
  hop: NodeId | undefined,
): boolean {
  if (error === undefined) return false;
  // §6.1.2: the node at the other end of the link forbids what comes before an Attach.
  return (
    ERRORS_ON_THE_WAY.has(error.errorCode) || (error.errorCode === ErrorCode.Forbidden && nodeId === hop)
  );
}

/** Requirement T6: to a request that limits its answer, Incompatible_with_Overlay means Response_Too_Large as well. */
export function understood(error: ErrorResponse, limited: boolean): ErrorResponse {
  const tooLarge = limited && error.errorCode === ErrorCode.Incompatible_with_Overlay;
  return tooLarge ? { ...error, errorCode: ErrorCode.Response_Too_Large } : error;
}

/** RFC 6940 §6.3.3: an answer that cannot be processed; no error goes back to an answer. */
export function unknownExtension(requestName: string, { type }: MessageExtension): RequestFailure {
  return new RequestFailure('unknown-extension', `${requestName}: the answer has critical extension ${type}`);
}
