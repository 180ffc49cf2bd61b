import { type Clock, TokenBuckets } from '../../base/index.ts';
import type { Accounts, EnrollmentAccount } from '../../reload/enrollment/accounts.ts';
import { type DigestAlgorithm, digestResponse } from '../../sip/auth/digest.ts';
import { type DigestCredentials, parseDigestCredentials } from '../../sip/auth/digest-credentials.ts';
import { equalSecrets } from '../../sip/auth/keyed-hash.ts';
import { readNonce } from '../../sip/auth/nonce.ts';
import type { NodeId } from '../overlay.ts';
import { epochOf, type NonceKeyring } from './nonce-keys.ts';
import type { Proof } from './registration-protocol.ts';
import { UsedProofs } from './used-proofs.ts';

/** So old a proof may be (architecture, identity of users). */
const MAX_AGE_MS = 60_000;
/** Clocks of adapter peers follow ours to a round trip. */
const MAX_AHEAD_MS = 5_000;

/**
 * Wrong answers by way of one adapter peer: for one user from one source, so that who guesses locks himself out and not
 * the user; from all sources, which the adapter peer alone can tell apart; and for all users.
 */
const WRONG_OF_SOURCE = { perSecond: 0.1, burst: 10 };
const WRONG_OF_USER = { perSecond: 0.5, burst: 100 };
const WRONG_OF_ADAPTER = { perSecond: 5, burst: 500 };

/** Why a proof is not taken; in the log of the enrollment server. */
export type ProofRefusal =
  | 'malformed'
  | 'foreign-realm'
  | 'other-user'
  | 'foreign-nonce'
  | 'stale'
  | 'replayed'
  | 'wrong'
  | 'unknown-user'
  | 'removed'
  | 'too-many-wrong'
  | 'too-many';

export type ProofJudgement =
  | {
      readonly account: EnrollmentAccount;
      readonly credentials: DigestCredentials;
      readonly ha1: string;
    }
  | { readonly refusal: ProofRefusal };

/**
 * Judges the digest responses that adapter peers forward: only a nonce of that adapter peer, at most 60 s old, of the
 * method REGISTER, in our realm, with the name of the very user, each nonce and count once, and none from before
 * this start, since what was used then has been forgotten.
 */
export class ProofCheck {
  readonly #clock: Clock;
  readonly #accounts: Pick<Accounts, 'find'>;
  readonly #revokedUsers: () => ReadonlyMap<string, number>;
  readonly #keyring: NonceKeyring;
  readonly #realm: string;
  readonly #used: UsedProofs;
  readonly #wrongOfSource = new TokenBuckets(WRONG_OF_SOURCE);
  readonly #wrongOfUser = new TokenBuckets(WRONG_OF_USER);
  readonly #wrongOfAdapter = new TokenBuckets(WRONG_OF_ADAPTER);
  readonly #startedAt: number;

  constructor(
    deps: {
      readonly clock: Clock;
      readonly accounts: Pick<Accounts, 'find'>;
      /** The revoked-user elements of the document in force. */
      readonly revokedUsers: () => ReadonlyMap<string, number>;
      readonly keyring: NonceKeyring;
    },
    options: { readonly realm: string },
  ) {
    this.#clock = deps.clock;
    this.#accounts = deps.accounts;
    this.#revokedUsers = deps.revokedUsers;
    this.#keyring = deps.keyring;
    this.#realm = options.realm;
    this.#used = new UsedProofs(deps, { periodMs: MAX_AGE_MS + MAX_AHEAD_MS });
    this.#startedAt = deps.clock.now();
  }

  /** @param adapter the Node-ID that the sender's certificate proves */
  async judge(adapter: NodeId, { aor, authorization, source = '' }: Proof): Promise<ProofJudgement> {
    const credentials = parseDigestCredentials(authorization);
    if (credentials === undefined) return { refusal: 'malformed' };
    const { username, realm, nonce, qop, algorithm, uri, response } = credentials;
    if (realm !== this.#realm) return { refusal: 'foreign-realm' };
    if (aor !== username && aor !== `${username}@${realm}`) return { refusal: 'other-user' };
    const staleness = this.#stalenessOf(nonce, adapter);
    if (staleness !== undefined) return { refusal: staleness };

    const account = await this.#accounts.find(aor);
    if (account === undefined && this.#revokedUsers().has(aor)) return { refusal: 'removed' };
    if (!this.#mayBeWrong(adapter, aor, source)) return { refusal: 'too-many-wrong' };
    const ha1 = account === undefined ? '' : ha1Of(account, username, algorithm);
    const expected = digestResponse(ha1, { algorithm, method: 'REGISTER', uri, nonce, qop });
    const isRight = equalSecrets(expected, response);
    if (account === undefined) return { refusal: 'unknown-user' };
    if (!isRight) return { refusal: 'wrong' };
    this.#giveBack(adapter, aor, source);

    // A nonce without counts serves once.
    const count = qop === undefined ? 0 : Number.parseInt(qop.nc, 16);
    const use = this.#used.take(adapter, `${nonce.slice(nonce.lastIndexOf('.') + 1)}.${count}`);
    if (use !== 'fresh') return { refusal: use === 'used' ? 'replayed' : 'too-many' };
    return { account, credentials, ha1 };
  }

  #stalenessOf(nonce: string, adapter: NodeId): ProofRefusal | undefined {
    const read = readNonce(nonce);
    if (read?.issuer !== adapter) return 'foreign-nonce';
    const hash = this.#keyring.hashOf(adapter, epochOf(read.time));
    if (!equalSecrets(hash.tag(read.text), read.tag)) return 'foreign-nonce';
    const age = this.#clock.now() - read.time;
    const isFresh = age <= MAX_AGE_MS && age >= -MAX_AHEAD_MS && read.time >= this.#startedAt;
    return isFresh ? undefined : 'stale';
  }

  /** Takes what a wrong answer costs; it is given back for a right one. */
  #mayBeWrong(adapter: NodeId, aor: string, source: string): boolean {
    const now = this.#clock.monotonic();
    const taken: [TokenBuckets, string][] = [];
    for (const [buckets, key] of this.#budgets(adapter, aor, source)) {
      if (!buckets.take(key, 1, now)) {
        for (const [others, other] of taken) others.giveBack(other, 1);
        return false;
      }
      taken.push([buckets, key]);
    }
    return true;
  }

  #giveBack(adapter: NodeId, aor: string, source: string): void {
    for (const [buckets, key] of this.#budgets(adapter, aor, source)) buckets.giveBack(key, 1);
  }

  #budgets(adapter: NodeId, aor: string, source: string): [TokenBuckets, string][] {
    return [
      [this.#wrongOfAdapter, adapter],
      [this.#wrongOfUser, `${adapter}/${aor}`],
      [this.#wrongOfSource, `${adapter}/${aor}/${source}`],
    ];
  }
}

function ha1Of({ name, ha1 }: EnrollmentAccount, username: string, algorithm: DigestAlgorithm): string {
  const hashes = username === name ? ha1.aor : ha1.user;
  return algorithm === 'MD5' ? hashes.md5 : hashes.sha256;
}
