import type { SipMessage } from '../message/message.ts';
import type { SipUri } from '../message/uri.ts';

/** What a proxy does by itself: to withhold the asserted identity (RFC 3325 §7). */
const MET = new Set(['id', 'none', 'critical']);
/** About who somebody is, rather than about his media. */
const IDENTIFYING = ['id', 'user', 'header'];

/**
 * Whether the sender of a message wants it kept private who he is. A user who asks for any privacy of the kind is not
 * named, which RFC 3325 §7 leaves open; `none` is to be heeded.
 */
export function wantsPrivacy(message: SipMessage): boolean {
  const values = privacyOf(message);
  return !values.has('none') && IDENTIFYING.some((value) => values.has(value));
}

/** Whether he says outright that he wants to be named (RFC 3323 §4.2). */
export function refusesPrivacy(message: SipMessage): boolean {
  return privacyOf(message).has('none');
}

/** The From of a caller who does not say who he is (RFC 3323 §4.1.1.3). */
export function isAnonymous({ host }: SipUri): boolean {
  return host === 'anonymous.invalid';
}

/**
 * What a caller will not be without, and no proxy can give: to hide his addresses or his media, or to rewrite his
 * headers, takes a B2BUA (RFC 3323 §5).
 */
export function unmetPrivacy(message: SipMessage): readonly string[] {
  const values = privacyOf(message);
  return values.has('critical') ? [...values].filter((value) => !MET.has(value)) : [];
}

/** RFC 3323 §4.2: values between semicolons. Commas are no part of it, but more privacy than asked for does no harm. */
function privacyOf(message: SipMessage): ReadonlySet<string> {
  if (!message.has('Privacy')) return NONE;
  const values = message.headers('Privacy').flatMap((line) => line.toLowerCase().match(/[^;,\s]+/g) ?? []);
  return new Set(values);
}

const NONE: ReadonlySet<string> = new Set();
