import type { NodeId } from '../wire/ids.ts';
import type { PasswordHash } from './password-hash.ts';

/** HA1 for SIP digest (RFC 7616 §3.4.2), lower-case hex; the realm is the overlay's name. */
export interface DigestHashes {
  readonly md5: string;
  readonly sha256: string;
}

/** Somebody who may enroll, and whose phone may register. */
export interface EnrollmentAccount {
  /** Account name, user name in certificates and AoR in one: `alice@example.org`. */
  readonly name: string;
  readonly password: PasswordHash;
  /** For phones that call themselves `alice`, and for those that write `alice@example.org`. */
  readonly ha1: { readonly user: DigestHashes; readonly aor: DigestHashes };
  /** The account of a peer that may ask for registration certificates of the users who come to it. */
  readonly adapter: boolean;
  /** Its Node-IDs, the same for ever; none before it has enrolled. */
  readonly nodeIds: readonly NodeId[];
}

/** Who has an account. */
export interface Accounts {
  /** Undefined: there never was one of that name, or it was removed. */
  find(name: string): Promise<EnrollmentAccount | undefined>;
  /**
   * The Node-IDs of the account, made up with fresh ones to `count` (RFC 6940 §11.3: random, unpredictable, and the same
   * when the user returns), and durable. The earlier ones come first.
   * @returns undefined when the account was removed meanwhile, or got another password
   */
  nodeIds(account: EnrollmentAccount, count: number): Promise<readonly NodeId[] | undefined>;
  /**
   * Remembers that a certificate for this name is good until then, ms: so long must a revocation be kept.
   * @returns false when the account was removed meanwhile, or got another password: the certificate must not go out
   */
  noteCertificate(account: EnrollmentAccount, notAfter: number): Promise<boolean>;
}
