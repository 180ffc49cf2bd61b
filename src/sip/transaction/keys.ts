import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import { BRANCH_COOKIE, type Via } from '../message/via.ts';

/**
 * The key of a request's server transaction (RFC 3261 §17.2.3): branch, sent-by and method, where an ACK has the key
 * of its INVITE.
 * @param method another method than the request's own: a CANCEL finds its INVITE by it (§9.2)
 */
export function serverKey(request: SipRequest, method: string = request.method): string {
  const via = request.topVia;
  const { branch } = via;
  const wanted = method === 'ACK' ? 'INVITE' : method;
  if (branch?.startsWith(BRANCH_COOKIE)) return joined([branch, via.host, via.port ?? '', wanted]);
  return legacyKey(request, via, wanted);
}

/**
 * RFC 2543 clients make no unique branch, so more of the request identifies it.
 * NOTE: the To tag is left out. It would have to be the request's for an INVITE and the response's for its ACK, and
 * Call-ID, From tag, CSeq and top Via leave nothing for it to tell apart.
 */
function legacyKey(request: SipRequest, via: Via, method: string): string {
  const sentBy = `${via.host}:${via.port ?? ''};${via.branch ?? ''}`;
  const { requestUri, callId, fromTag = '', cseq } = request;
  return joined([requestUri, callId, fromTag, cseq.number, sentBy, method]);
}

/**
 * A text of its own: it is kept for half a minute, and put together by `+` it would hold the received text, which its
 * parts were cut from.
 */
function joined(parts: readonly (string | number)[]): string {
  return parts.join(' ');
}

/** The key of a client transaction (RFC 3261 §17.1.3): our own branch and the CSeq method. */
export function clientKey(message: SipRequest | SipResponse): string {
  return `${message.topVia.branch ?? ''} ${message.cseq.method}`;
}
