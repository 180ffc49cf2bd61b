import type { ResolveErrorCode } from '../resolve/resolve-target.ts';

/** What a request to a domain of others is answered when its servers cannot be found. */
export const STATUS_OF_NAMES: Readonly<Record<ResolveErrorCode, number>> = {
  // RFC 3261 §21.4.5: the user does not exist at a domain that does not.
  unresolvable: 404,
  // §21.5.5
  'no-answer': 504,
  'unsupported-transport': 503,
  // §21.4.14
  'unsupported-scheme': 416,
};
