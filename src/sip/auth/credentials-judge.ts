import type { Address } from '../../base/index.ts';
import type { DigestCredentials } from './digest-credentials.ts';
import type { KeyedHash } from './keyed-hash.ts';

/** A key that an enrollment server gave this server for its nonces, and to whom. */
export interface NonceKey {
  /** 32 to 40 hex digits. */
  readonly issuer: string;
  readonly hash: KeyedHash;
}

/** Keys for nonces whose use somebody else can judge. */
export interface NonceKeys {
  /** What has to be added to our clock to get the clock of whoever gave the keys, ms. */
  readonly offsetMs: number;
  /**
   * @param time ms since the Unix epoch, by that other clock
   * @returns undefined when there is no key for nonces made then
   */
  keyAt(time: number): NonceKey | undefined;
}

/** A user's answer to a challenge, as he sent it with a REGISTER. */
export interface DigestProof {
  readonly aor: string;
  /** The Authorization value itself. */
  readonly authorization: string;
  readonly credentials: DigestCredentials;
  /** What the HA1 that is known here says of it. */
  readonly known: 'right' | 'wrong' | 'unknown';
  /** Where it came from. */
  readonly remote: Address;
}

/**
 * What somebody says who knows more users than we do.
 * - `right`: from now on the credentials store has his HA1
 * - `wrong`: no such user, or another password
 * - `stale`: not fresh enough, or seen before
 * - `removed`: there was such a user
 * - `busy`: asked too often
 * - `unavailable`: nobody can be asked now
 */
export type Verdict = 'right' | 'wrong' | 'stale' | 'removed' | 'busy' | 'unavailable';

/** Judges digest responses of users whose HA1 is not known here: the enrollment server of an overlay. */
export interface CredentialsJudge {
  readonly keys: NonceKeys;
  /** Settles once it is known whether there are keys: at once, but in the first moments of a run. Never rejects. */
  ready(): Promise<void>;
  /** Whether a proof of the user is wanted although his HA1 is known. */
  wants(aor: string): boolean;
  /** Whether the user is known to have been removed, also while nobody can be asked. */
  isRevoked(aor: string): boolean;
  /** Never rejects. */
  judge(proof: DigestProof): Promise<Verdict>;
}
