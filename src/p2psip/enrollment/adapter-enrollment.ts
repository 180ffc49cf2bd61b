import {
  type Clock,
  CodedError,
  type Counter,
  errorMessage,
  type Logger,
  type Metrics,
  originOf,
  type Random,
  TokenBuckets,
} from '../../base/index.ts';
import type { NodeIdentity, RegistrationIdentities } from '../../reload/security/identity.ts';
import { identityWith } from '../../reload/security/key-identity.ts';
import type { CredentialsJudge, DigestProof, NonceKeys, Verdict } from '../../sip/auth/credentials-judge.ts';
import { KeyedHash } from '../../sip/auth/keyed-hash.ts';
import { AdapterNonceKeys } from './adapter-nonce-keys.ts';
import { ProofQueue } from './proof-queue.ts';
import type { RegistrationExchange } from './registration-exchange.ts';
import { isSendable, type ProofResult } from './registration-protocol.ts';
import { withHa1 } from './served-user.ts';
import type { ServedUsers } from './served-users.ts';

/** Wrong answers of one source that are brought to the enrollment server: it is not to be asked by guessers. */
const WRONG_OF_ORIGIN = { perSecond: 2, burst: 200 };

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Our own. */
  readonly identity: NodeIdentity;
  readonly users: ServedUsers;
  readonly exchange: RegistrationExchange;
  /** revoked-user elements of the document in force. */
  readonly revokedUsers: () => ReadonlyMap<string, number>;
}

/**
 * The adapter peer's part in the identity of its users (requirement T2; architecture, identity): brings a phone's
 * digest response to the enrollment server, and keeps the registration certificate and the HA1 that come back. While
 * that server is away, users who are known here are served all the same.
 */
export class AdapterEnrollment implements CredentialsJudge, RegistrationIdentities {
  readonly #deps: Deps;
  readonly #keys: AdapterNonceKeys;
  readonly #queue: ProofQueue;
  readonly #wrongOfOrigin = new TokenBuckets(WRONG_OF_ORIGIN);
  /** Names sources to the enrollment server, which learns no address. */
  readonly #sourceNames: KeyedHash;
  readonly #verdicts: ReadonlyMap<Verdict, Counter>;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#keys = new AdapterNonceKeys(deps);
    this.#queue = new ProofQueue(deps);
    this.#sourceNames = new KeyedHash(deps.random.bytes(32));
    const help = 'Digest responses of users brought to the enrollment server, by what it said';
    const verdicts = ['right', 'wrong', 'stale', 'removed', 'busy', 'unavailable'] as const;
    this.#verdicts = new Map(
      verdicts.map((verdict) => [
        verdict,
        deps.metrics.counter('p2psip_user_proofs_total', help, { verdict }),
      ]),
    );
  }

  get keys(): NonceKeys {
    return this.#keys;
  }

  /** Whether the enrollment server answered when it was last asked. */
  get reachable(): boolean {
    return this.#keys.reachable;
  }

  start(): void {
    this.#keys.start();
  }

  stop(): void {
    this.#keys.stop();
  }

  ready(): Promise<void> {
    return this.#keys.settled;
  }

  /** Whether the document in force says that the user was removed, and he has not come back since. */
  isRevoked(aor: string): boolean {
    return this.#deps.revokedUsers().has(aor) && !this.#deps.users.has(aor);
  }

  /** Another document is in force, or users were registered before this one was: whoever it revokes is forgotten. */
  revoke(): void {
    this.#deps.users.revokeAll(this.#deps.revokedUsers());
  }

  /** A new certificate is wanted from half the life of the old one on, as long as there is somebody to give it. */
  wants(aor: string): boolean {
    const user = this.#deps.users.get(aor);
    if (user === undefined || !this.#keys.reachable) return false;
    return this.#deps.clock.now() >= user.issuedAt + (user.notAfter - user.issuedAt) / 2;
  }

  async judge(proof: DigestProof): Promise<Verdict> {
    const verdict = await this.#judge(proof);
    this.#verdicts.get(verdict)?.inc();
    return verdict;
  }

  async registrationOf(aor: string): Promise<NodeIdentity> {
    const { users, clock, identity } = this.#deps;
    const user = users.get(aor);
    if (user !== undefined && clock.now() <= user.notAfter) {
      try {
        return identityWith(identity, user.certificate, aor);
      } catch {
        // Our key is another one since: at his next REGISTER there will be a new certificate.
        users.outdate(aor);
      }
    }
    throw new CodedError('no-registration-certificate', `there is no registration certificate for ${aor}`);
  }

  async #judge(proof: DigestProof): Promise<Verdict> {
    const { aor, authorization } = proof;
    if (!isSendable(proof)) return 'wrong';
    if (!this.#keys.reachable) return 'unavailable';
    const origin = originOf(proof.remote.host);
    if (!this.#mayBeWrong(origin)) return 'busy';
    let result: ProofResult;
    try {
      result = await this.#queue.prove({ aor, authorization, source: this.#sourceNames.tag(origin) });
    } catch (error) {
      if (error instanceof CodedError && error.code === 'queue-full') return 'busy';
      this.#keys.onUnreachable(error);
      return 'unavailable';
    }
    return this.#act(proof, origin, result);
  }

  async #act(proof: DigestProof, origin: string, result: ProofResult): Promise<Verdict> {
    const { users, clock } = this.#deps;
    const { aor, credentials, known } = proof;
    switch (result.verdict) {
      case 'right':
        return this.#take(aor, result);
      case 'wrong':
        this.#wrongOfOrigin.take(origin, 1, clock.monotonic());
        if (known === 'right') users.dropHa1(aor, credentials.username, credentials.algorithm);
        break;
      case 'stale':
        // So that the next challenge is a better one.
        await this.#keys.onStale();
        break;
      case 'removed':
        users.revoke(aor);
        break;
      case 'busy':
        break;
    }
    return result.verdict;
  }

  #take(aor: string, result: Extract<ProofResult, { verdict: 'right' }>): Verdict {
    const { users, identity, clock, logger } = this.#deps;
    const now = clock.now();
    try {
      const { certificate } = identityWith(identity, result.certificate, aor);
      // Removed while the answer was on its way.
      if (certificate.notBefore < (this.#deps.revokedUsers().get(aor) ?? 0)) return 'removed';
      const { username, algorithm, ha1, ha1LifetimeS } = result;
      const added = { username, algorithm, ha1, until: now + ha1LifetimeS * 1000 };
      users.take(aor, {
        ha1s: withHa1(users.get(aor)?.ha1s ?? [], added),
        certificate: certificate.der,
        notBefore: certificate.notBefore,
        notAfter: certificate.notAfter,
        issuedAt: now,
      });
      return 'right';
    } catch (error) {
      logger.error('the enrollment server gave a registration certificate that is of no use', {
        ...{ aor, reason: errorMessage(error) },
      });
      return 'unavailable';
    }
  }

  /** Only looks whether there is room for one more wrong answer. */
  #mayBeWrong(origin: string): boolean {
    const may = this.#wrongOfOrigin.take(origin, 1, this.#deps.clock.monotonic());
    if (may) this.#wrongOfOrigin.giveBack(origin, 1);
    return may;
  }
}
