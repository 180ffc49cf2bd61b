import { SipSyntaxError } from './errors.ts';
import { percentDecode } from './text.ts';
import type { SipUri } from './uri.ts';

/** Printable ASCII; a user part with anything else is refused rather than hashed in one of several encodings. */
const PRINTABLE = /^[\x21-\x7e]+$/;

/**
 * The canonical address of record `user@host` that bindings and Resource-IDs are keyed by: no scheme, port,
 * parameters or password; escapes resolved, the user's case kept, the host in lower case; a host that is one of our
 * own addresses becomes the first domain (RFC 3261 §10.3 step 5, RFC 7904 §§2, 7; requirement T4).
 * @throws SipSyntaxError 'bad-aor' when the URI names no user, or one with octets outside printable ASCII
 */
export function canonicalAor(
  uri: SipUri,
  firstDomain: string,
  isOwnHost: (host: string, port: number | undefined) => boolean,
): string {
  const user = uri.user === undefined ? undefined : percentDecode(uri.user);
  if (!uri.isSip || user === undefined || !PRINTABLE.test(user)) {
    throw new SipSyntaxError('bad-aor', `no usable address of record: ${uri}`, { origin: 'remote' });
  }
  const host = uri.host.endsWith('.') ? uri.host.slice(0, -1) : uri.host;
  return `${user}@${isOwnHost(host, uri.port) ? firstDomain : host}`;
}

/** The user part of a canonical AoR as it is written in a URI (RFC 3261 §25.1, `user`). */
export function escapeUser(aor: string): string {
  const user = aor.slice(0, aor.lastIndexOf('@'));
  return user.replace(
    /[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/g,
    (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`,
  );
}
