import { hash } from 'node:crypto';

/**
 * Authenticates short texts that we hand out and get back (nonces, flow tokens). The construction is HMAC's: an
 * inner and an outer SHA-256 under two keys derived from one. It runs on the one-shot `hash`, which costs a quarter of
 * a `createHmac` object; both keys are 64 characters, SHA-256's block.
 */
export class KeyedHash {
  readonly #inner: string;
  readonly #outer: string;

  /** @param key at least 16 random bytes */
  constructor(key: Uint8Array) {
    const hex = Buffer.from(key).toString('hex');
    this.#inner = hash('sha256', `inner ${hex}`);
    this.#outer = hash('sha256', `outer ${hex}`);
  }

  /** The tag of a text: `length` characters of base64url, 6 bits each, at most 43. */
  tag(text: string, length = 22): string {
    return hash('sha256', this.#outer + hash('sha256', this.#inner + text), 'base64url').slice(0, length);
  }
}

/** Whether two strings are equal, in a time that tells nothing about where they differ. */
export function equalSecrets(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at += 1) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
