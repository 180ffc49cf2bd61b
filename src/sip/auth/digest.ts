import { hash } from 'node:crypto';

/** RFC 7616 §3.3 and RFC 8760 §2.1; the session variants and SHA-512-256 are not offered. */
export type DigestAlgorithm = 'MD5' | 'SHA-256';

/** HA1: H(username ":" realm ":" password), lower-case hex (RFC 7616 §3.4.2). */
export function digestHa1(
  algorithm: DigestAlgorithm,
  username: string,
  realm: string,
  password: string,
): string {
  return digestHash(algorithm, Buffer.from(`${username}:${realm}:${password}`, 'utf8'));
}

/** What the response is computed over besides HA1 (RFC 7616 §§3.4.1, 3.4.3). */
export interface DigestInput {
  readonly algorithm: DigestAlgorithm;
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  /** undefined for the RFC 2069 form that RFC 2617 kept for old clients. */
  readonly qop: { readonly value: string; readonly nc: string; readonly cnonce: string } | undefined;
}

/** The response a client that knows HA1 sends, lower-case hex. */
export function digestResponse(ha1: string, { algorithm, method, uri, nonce, qop }: DigestInput): string {
  const ha2 = digestHash(algorithm, binary(`${method}:${uri}`));
  const middle = qop === undefined ? nonce : `${nonce}:${qop.nc}:${qop.cnonce}:${qop.value}`;
  return digestHash(algorithm, binary(`${ha1}:${middle}:${ha2}`));
}

function digestHash(algorithm: DigestAlgorithm, data: string | Buffer): string {
  return hash(algorithm === 'MD5' ? 'md5' : 'sha256', data);
}

/** Header text holds one char per octet: beyond ASCII its octets must be hashed, not their UTF-8 form. */
function binary(text: string): string | Buffer {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
  return /[^\x00-\x7f]/.test(text) ? Buffer.from(text, 'latin1') : text;
}

/** One WWW-Authenticate or Proxy-Authenticate value (RFC 7616 §3.3). */
export function formatChallenge(challenge: {
  readonly realm: string;
  readonly nonce: string;
  readonly algorithm: DigestAlgorithm;
  readonly stale: boolean;
}): string {
  const { realm, nonce, algorithm, stale } = challenge;
  return `Digest realm="${realm}", nonce="${nonce}", algorithm=${algorithm}, qop="auth"${stale ? ', stale=true' : ''}`;
}
