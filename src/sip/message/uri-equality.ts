import { percentDecode } from './text.ts';
import type { SipUri } from './uri.ts';

/**
 * Parameters that make two URIs differ when only one of them has it (RFC 3261 §19.1.4).
 * NOTE: transport is not in that section's list, but its examples have it: a phone may be bound by UDP and by TCP.
 */
const SIGNIFICANT = ['user', 'ttl', 'method', 'maddr', 'transport'];

/** RFC 3261 §19.1.4: whether two URIs are equivalent. The user part is case-sensitive, everything else is not. */
export function equalUri(a: SipUri, b: SipUri): boolean {
  if (a === b) return true;
  if (a.scheme !== b.scheme) return false;
  if (!a.isSip) return a.toString().toLowerCase() === b.toString().toLowerCase();
  if (a.host !== b.host || a.port !== b.port) return false;
  if (!sameText(a.user, b.user) || !sameText(a.password, b.password)) return false;
  return equalParams(a, b) && equalHeaders(a.headers, b.headers);
}

function equalParams(a: SipUri, b: SipUri): boolean {
  for (const [name, value] of a.params) {
    const other = b.params.get(name);
    // Any other parameter that stands in only one of them is ignored.
    if (other !== undefined && foldParam(value) !== foldParam(other)) return false;
  }
  return SIGNIFICANT.every((name) => a.params.has(name) === b.params.has(name));
}

function equalHeaders(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  const fold = (headers: string) => headers.split('&').map(foldParam).sort().join('&');
  return fold(a) === fold(b);
}

function sameText(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && (percentDecode(a) ?? a) === (percentDecode(b) ?? b);
}

function foldParam(value: string | true): string {
  return value === true ? '' : (percentDecode(value) ?? value).toLowerCase();
}
