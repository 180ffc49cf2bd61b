import { createHash } from 'node:crypto';
import type { DigestAlgorithm } from './gateway-config.ts';

/** What one user logs in with: a password, or the hashes of it that the file gave instead. */
export type UserSecret =
  | { readonly password: string }
  | { readonly ha1: string | undefined; readonly ha1Sha256: string | undefined };

export interface UserRecord {
  /** Canonical: user part as it is, host in lower case. */
  readonly aor: string;
  readonly secret: UserSecret;
}

/** HA1 by algorithm, lower-case hex. */
type Hashes = Partial<Record<DigestAlgorithm, string>>;

/**
 * The users this peer can authenticate. Passwords are hashed on the way in and not kept.
 *
 * A phone may log in as `alice` or as `alice@example.org` (architecture, "Challenges"); the user name is part of the
 * hash, so the second form works only where the password itself was given.
 */
export class UserTable {
  readonly #aors = new Set<string>();
  readonly #byUserName = new Map<string, Hashes>();

  /** @param realm the first domain: HA1 = H(user:realm:password), RFC 7616 §3.4.2 */
  constructor(users: Iterable<UserRecord>, realm: string) {
    for (const { aor, secret } of users) {
      this.#aors.add(aor);
      const user = aor.slice(0, aor.lastIndexOf('@'));
      // The bare name belongs to the user of the first domain where several domains have one.
      if (!this.#byUserName.has(user) || aor.endsWith(`@${realm}`)) {
        this.#byUserName.set(user, hashes(user, realm, secret));
      }
      if ('password' in secret) this.#byUserName.set(aor, hashes(aor, realm, secret));
    }
  }

  get size(): number {
    return this.#aors.size;
  }

  /** True when the file names this AoR (canonical form, `alice@example.org`). */
  has(aor: string): boolean {
    return this.#aors.has(aor);
  }

  aors(): Iterable<string> {
    return this.#aors.values();
  }

  /**
   * HA1 for a user name as the phone wrote it; undefined for an unknown user, or when only the other algorithm's
   * hash is known.
   */
  ha1(userName: string, algorithm: DigestAlgorithm): string | undefined {
    return this.#byUserName.get(userName)?.[algorithm];
  }
}

function hashes(userName: string, realm: string, secret: UserSecret): Hashes {
  if ('password' in secret) {
    const text = `${userName}:${realm}:${secret.password}`;
    return { md5: digest('md5', text), 'sha-256': digest('sha256', text) };
  }
  return {
    ...(secret.ha1 !== undefined && { md5: secret.ha1 }),
    ...(secret.ha1Sha256 !== undefined && { 'sha-256': secret.ha1Sha256 }),
  };
}

function digest(algorithm: 'md5' | 'sha256', text: string): string {
  return createHash(algorithm).update(text, 'utf8').digest('hex');
}
