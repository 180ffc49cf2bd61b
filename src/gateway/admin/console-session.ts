import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const COOKIE = 'p2psip-console';
const LIFETIME_S = 12 * 3600;

/**
 * What a browser shows instead of the token once it has shown that: an EventSource cannot send a header. The cookie is
 * no secret of the file, ends with this process at the latest, and lets its owner look, not change anything.
 */
export class ConsoleSession {
  readonly #key = randomBytes(32);

  /**
   * The value of a Set-Cookie header (RFC 6265).
   * @param now ms since the epoch
   * @param options.isSecure it came by https, and is to come back by that alone
   */
  cookie(now: number, { isSecure }: { readonly isSecure: boolean }): string {
    const until = String(Math.floor(now / 1000) + LIFETIME_S);
    const value = `${until}.${this.#sign(until).toString('base64url')}`;
    return `${COOKIE}=${value}; Path=/; Max-Age=${LIFETIME_S}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
  }

  /** @param now ms since the epoch */
  isShownBy(request: IncomingMessage, now: number): boolean {
    const match = COOKIE_VALUE.exec(request.headers.cookie ?? '');
    if (match === null) return false;
    const [, until, signature] = match as unknown as [string, string, string];
    const shown = Buffer.from(signature, 'base64url');
    const expected = this.#sign(until);
    const isOurs = shown.length === expected.length && timingSafeEqual(shown, expected);
    return isOurs && Number(until) * 1000 > now;
  }

  #sign(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}

const COOKIE_VALUE = new RegExp(`(?:^|;\\s*)${COOKIE}=(\\d{1,12})\\.([\\w-]{43})(?:;|$)`);
