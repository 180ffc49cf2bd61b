import { CodedError } from '../../base/index.ts';
import type { SipRequest } from './request.ts';
import type { SipResponse } from './response.ts';
import { isEmergencyUrn } from './service-urn.ts';
import { isToken } from './text.ts';
import { BRANCH_COOKIE } from './via.ts';

/** The status a request is to be refused with, and why, for the reason phrase and the log. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

/** Headers that may stand once only (RFC 3261 §7.3.1, §20; RFC 4475 §3.3.8). */
const SINGLE = ['from', 'to', 'call-id', 'cseq', 'max-forwards'];

/**
 * The validation stage behind the parser: what every element checks before it looks at a request's meaning
 * (RFC 3261 §16.3 items 1 and 2, RFC 4475). Unsupported extensions, hop counts and credentials are the proxy's and
 * registrar's affair.
 * @returns undefined when the request is fit for processing
 */
export function validateRequest(request: SipRequest): Refusal | undefined {
  // RFC 4475 §3.1.2.16
  if (request.version !== 'SIP/2.0') return { status: 505, reason: 'Version Not Supported' };
  const repeated = request.repeatedOf(SINGLE);
  if (repeated !== undefined) return bad(`Repeated ${repeated}`);
  try {
    return checkHeaders(request) ?? checkRequestUri(request);
  } catch (error) {
    if (error instanceof CodedError)
      return bad(error.code === 'bad-uri' ? 'Malformed URI' : 'Malformed Header');
    throw error;
  }
}

function checkHeaders(request: SipRequest): Refusal | undefined {
  const { branch } = request.topVia;
  // RFC 4475 §3.2.1: the cookie and nothing else identifies no transaction.
  if (branch === BRANCH_COOKIE) return bad('Empty Branch');
  if (branch !== undefined && !isToken(branch)) return bad('Malformed Branch');
  const { method } = request.cseq;
  if (method !== request.method) return bad('CSeq Method Mismatch');
  request.from;
  request.to;
  if (request.callId.includes(' ')) return bad('Malformed Call-ID');
  // Missing Max-Forwards is for the forwarding proxy to supply (RFC 3261 §16.6 step 3); RFC 2543 had none.
  request.maxForwards;
  if (method === 'REGISTER') request.contacts;
  return undefined;
}

/** RFC 3261 §16.3 item 2; the syntax of the URI itself is part of item 1. */
function checkRequestUri(request: SipRequest): Refusal | undefined {
  const { uri } = request;
  const isKnown = uri.isSip || uri.scheme === 'tel' || isEmergencyUrn(uri);
  if (!isKnown) return { status: 416, reason: 'Unsupported URI Scheme' };
  // RFC 3261 §19.1.1: a Request-URI has no header component.
  if (uri.headers !== undefined) return bad('Headers in Request-URI');
  return undefined;
}

/** Whether a response can be matched and forwarded; others are dropped (RFC 4475 §3.1.2.5). */
export function isUsableResponse(response: SipResponse): boolean {
  try {
    response.topVia;
    response.cseq;
    response.checkParties();
    return response.callId !== '';
  } catch (error) {
    if (error instanceof CodedError) return false;
    throw error;
  }
}

function bad(reason: string): Refusal {
  return { status: 400, reason };
}
