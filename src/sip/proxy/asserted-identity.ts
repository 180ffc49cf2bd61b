import type { SipMessage } from '../message/message.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import { isAnonymous, refusesPrivacy, wantsPrivacy } from './privacy.ts';

export const ASSERTED_IDENTITY = 'P-Asserted-Identity';
export const PREFERRED_IDENTITY = 'P-Preferred-Identity';

/** Removes what only trusted proxies may assert, and the hint that is for the first of them alone (RFC 3325 §§5, 9.2). */
export function stripIdentities(message: SipMessage): void {
  if (message.has(ASSERTED_IDENTITY)) message.removeHeader(ASSERTED_IDENTITY);
  if (message.has(PREFERRED_IDENTITY)) message.removeHeader(PREFERRED_IDENTITY);
}

/**
 * For a hop outside the trust domain: the identity goes when its owner wants it kept private (RFC 3325 §7). A caller
 * who hides in From wants that too, unless he says otherwise.
 */
export function withholdPrivateIdentity(request: SipRequest): void {
  if (!request.has(ASSERTED_IDENTITY)) return;
  const isHidden = isAnonymous(request.from.uri) && !refusesPrivacy(request);
  if (isHidden || wantsPrivacy(request)) request.removeHeader(ASSERTED_IDENTITY);
}

/** An answer on its way to the caller: only a trusted hop may say who answers, and only where that is not private. */
export function checkAnswererIdentity(response: SipResponse, isTrusted = false): void {
  if (!isTrusted) stripIdentities(response);
  else if (wantsPrivacy(response)) response.removeHeader(ASSERTED_IDENTITY);
}
