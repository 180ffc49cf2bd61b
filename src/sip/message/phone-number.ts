import type { SipUri } from './uri.ts';

/** RFC 3966 §5.1.1 visual separators. */
const SEPARATORS = /[-.()]/g;
const NUMBER = /^\+?[0-9*#]{1,32}$/;

/**
 * The telephone number a URI names, without visual separators (RFC 3966 §3, RFC 3261 §19.1.6): of a tel URI, of a SIP
 * URI with `user=phone`, or of a SIP URI whose user part is nothing but a number. A number of at most 32 digits.
 * @returns undefined when it names none
 */
export function phoneNumberOf(uri: SipUri): string | undefined {
  const [written = ''] = (uri.user ?? '').split(';');
  // Elsewhere 49-30 is a user's name like any other.
  const isPhone = uri.scheme === 'tel' || uri.params.get('user') === 'phone';
  const number = isPhone ? written.replace(SEPARATORS, '') : written;
  return NUMBER.test(number) ? number : undefined;
}
