import type { SipMessage } from '../message/message.ts';

export const ASSERTED_IDENTITY = 'P-Asserted-Identity';
const PREFERRED_IDENTITY = 'P-Preferred-Identity';

/** Removes what only trusted proxies may assert, and the hint that is for the first of them alone (RFC 3325 §§5, 9.2). */
export function stripIdentities(message: SipMessage): void {
  if (message.has(ASSERTED_IDENTITY)) message.removeHeader(ASSERTED_IDENTITY);
  if (message.has(PREFERRED_IDENTITY)) message.removeHeader(PREFERRED_IDENTITY);
}

/** For a hop outside the trust domain: the identity goes when its owner wants it kept private (RFC 3325 §7). */
export function withholdPrivateIdentity(message: SipMessage): void {
  if (message.has(ASSERTED_IDENTITY) && wantsPrivacy(message)) message.removeHeader(ASSERTED_IDENTITY);
}

/** An answer on its way to the caller: only a trusted hop may say who answers, and only where that is not private. */
export function checkAnswererIdentity(response: SipMessage, isTrusted = false): void {
  if (isTrusted) withholdPrivateIdentity(response);
  else stripIdentities(response);
}

/** RFC 3323 §4.2: values between semicolons. Commas are no part of it, but more privacy than asked for does no harm. */
function wantsPrivacy(message: SipMessage): boolean {
  return message.headers('Privacy').some((line) => /(?:^|[;,\s])id(?:$|[;,\s])/i.test(line));
}
