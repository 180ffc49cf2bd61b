import {
  type Address,
  type Clock,
  type Counter,
  Event,
  type EventSource,
  type Metrics,
  type Random,
} from '../../base/index.ts';
import type { SipRequest } from '../message/request.ts';
import type { CredentialsStore } from './credentials.ts';
import type { CredentialsJudge } from './credentials-judge.ts';
import { type DigestAlgorithm, formatChallenge } from './digest.ts';
import { aorOf, DigestCheck, type DigestResult, type OwnNames } from './digest-check.ts';
import { type DigestCredentials, parseDigestCredentials, realmOf } from './digest-credentials.ts';
import { NonceTable, type NonceTableOptions } from './nonce-table.ts';

/** A request that can be answered; the proxy's `RequestContext` is one. */
export interface AuthContext {
  readonly request: SipRequest;
  readonly flow: { readonly remote: Address; readonly reliable: boolean };
  reply(status: number, reason?: string, options?: { headers?: Headers }): void;
  /** Asks for credentials, and forgets the request. */
  challenge(status: number, headers: Headers): void;
}

type Headers = readonly (readonly [name: string, value: string])[];

/** What was found of a sender; `challenged`: he gave no credentials. */
export type AuthResult = DigestResult | 'challenged';

export interface AuthFailure {
  readonly remote: Address;
  /** As he calls himself; the AoR when nothing was given for an unknown one. */
  readonly username: string;
  readonly why: 'wrong-credentials' | 'unknown-user';
  /** He gets what we send to `remote`: it is a connection, or he showed a nonce we sent. */
  readonly proved: boolean;
}

export interface AuthenticatorOptions extends NonceTableOptions {
  /** Offered in this order; MD5 alone by default, since phones in the field fail on more. */
  readonly algorithms?: readonly DigestAlgorithm[];
}

/** 401 for a registrar, 407 for a proxy (RFC 3261 §§22.2, 22.3). */
interface Role {
  readonly status: 401 | 407;
  readonly challengeHeader: string;
  readonly credentialsHeader: string;
}

const REGISTRAR: Role = {
  status: 401,
  challengeHeader: 'WWW-Authenticate',
  credentialsHeader: 'Authorization',
};
const PROXY: Role = {
  status: 407,
  challengeHeader: 'Proxy-Authenticate',
  credentialsHeader: 'Proxy-Authorization',
};

/** What a phone is told that has to come again, s. */
const RETRY_AFTER_S = 30;

const RESULTS: readonly AuthResult[] = [
  ...(['ok', 'challenged', 'stale', 'wrong', 'forbidden'] as const),
  ...(['unproved', 'busy', 'unavailable'] as const),
];

/**
 * Digest authentication of phones (RFC 3261 §22, RFC 7616, RFC 8760). Which requests are to be checked is the
 * caller's decision: never ACK, CANCEL, in-dialog requests with our token, or requests from other peers.
 */
export class Authenticator {
  readonly #credentials: CredentialsStore;
  readonly #own: OwnNames;
  readonly #nonces: NonceTable;
  readonly #judge: CredentialsJudge | undefined;
  readonly #digests: DigestCheck;
  readonly #algorithms: readonly DigestAlgorithm[];
  readonly #failures = new Event<AuthFailure>();
  readonly #successes = new Event<Address>();
  readonly #counters: ReadonlyMap<AuthResult, Counter>;

  /** @param deps.judge whoever knows the users that `credentials` does not, where there is such */
  constructor(
    deps: {
      readonly clock: Clock;
      readonly random: Random;
      readonly metrics: Metrics;
      readonly credentials: CredentialsStore;
      readonly own: OwnNames;
      readonly judge?: CredentialsJudge | undefined;
    },
    options: AuthenticatorOptions = {},
  ) {
    this.#credentials = deps.credentials;
    this.#own = deps.own;
    const { clock, random, judge } = deps;
    this.#judge = judge;
    this.#nonces = new NonceTable({ clock, random, ...(judge && { keys: judge.keys }) }, options);
    this.#digests = new DigestCheck({ ...deps, nonces: this.#nonces });
    this.#algorithms = options.algorithms ?? ['MD5'];
    const help = 'Digest checks by result';
    this.#counters = new Map(
      RESULTS.map((result) => [result, deps.metrics.counter('sip_auth_total', help, { result })]),
    );
  }

  /** Wrong responses and unknown users, for whoever bans guessers. A first challenge to a user of ours is none. */
  get failures(): EventSource<AuthFailure> {
    return this.#failures;
  }

  /** Where right responses came from. */
  get successes(): EventSource<Address> {
    return this.#successes;
  }

  /**
   * Checks that the sender is the user of `claimedAor` (canonical): To of a REGISTER, From of anything else.
   * @returns 'ok', 'unproved', or what was found; with all but these two an answer has been sent and there is nothing
   *   left to do
   */
  async check(context: AuthContext, claimedAor: string): Promise<AuthResult> {
    const { request } = context;
    // The first challenges of a run would be useless for whoever judges the answers.
    if (this.#judge !== undefined) await this.#judge.ready();
    const role = request.method === 'REGISTER' ? REGISTRAR : PROXY;
    const { remote } = context.flow;
    const given = this.#credentialsOf(request, role);
    const result =
      given === undefined
        ? 'challenged'
        : await this.#digests.check({ ...given, request, remote, claimedAor });
    this.#counters.get(result)?.inc();
    if (result === 'ok') this.#successes.emit(remote);
    else this.#reportFailure(context, claimedAor, result, given?.credentials);
    this.#act(context, role, claimedAor, result);
    return result;
  }

  /** The user whom the credentials in a request for a proxy name, proved or not. */
  userOf(request: SipRequest): string | undefined {
    const given = this.#credentialsOf(request, PROXY);
    const { firstDomain } = this.#own;
    return given && aorOf(given.credentials.username, firstDomain, this.#own);
  }

  /** Asks whoever sent a request who he is. */
  demand(context: AuthContext): void {
    context.challenge(PROXY.status, this.#challenges(PROXY, `@${this.#own.firstDomain}`));
  }

  #reportFailure(
    { flow }: AuthContext,
    claimedAor: string,
    result: AuthResult,
    given: DigestCredentials | undefined,
  ): void {
    const { remote, reliable } = flow;
    if (result === 'wrong' && given !== undefined) {
      const { username, nonce } = given;
      const proved = reliable || this.#nonces.isOurs(nonce);
      this.#failures.emit({ remote, username, why: 'wrong-credentials', proved });
    } else if (result === 'challenged' && this.#isUnknown(claimedAor)) {
      this.#failures.emit({ remote, username: claimedAor, why: 'unknown-user', proved: reliable });
    }
  }

  /** Where an enrollment server knows the users, nobody is known to be unknown. */
  #isUnknown(aor: string): boolean {
    if (this.#judge !== undefined) return false;
    const username = aor.slice(0, aor.lastIndexOf('@'));
    return this.#algorithms.every(
      (algorithm) => this.#credentials.ha1(aor, username, algorithm) === undefined,
    );
  }

  #act(context: AuthContext, role: Role, claimedAor: string, result: AuthResult): void {
    switch (result) {
      case 'ok':
      case 'unproved':
        this.#withdrawCredentials(context.request, role);
        break;
      case 'forbidden':
        context.reply(403);
        break;
      case 'busy':
        context.reply(503, undefined, { headers: [['Retry-After', String(RETRY_AFTER_S)]] });
        break;
      case 'unavailable':
        // Another adapter peer may know him; 503 would keep the phone away from this one.
        context.reply(504);
        break;
      case 'challenged':
        context.challenge(role.status, this.#challenges(role, claimedAor));
        break;
      default: {
        // Not stateless: a wrong response that is sent again is no second attempt.
        const headers = this.#challenges(role, claimedAor, result === 'stale');
        context.reply(role.status, undefined, { headers });
      }
    }
  }

  #credentialsOf(
    request: SipRequest,
    role: Role,
  ): { readonly authorization: string; readonly credentials: DigestCredentials } | undefined {
    for (const authorization of request.headers(role.credentialsHeader)) {
      const credentials = parseDigestCredentials(authorization);
      if (credentials?.realm !== this.#own.firstDomain) continue;
      if (this.#algorithms.includes(credentials.algorithm)) return { authorization, credentials };
    }
    return undefined;
  }

  #challenges(role: Role, claimedAor: string, stale = false): Headers {
    const realm = this.#own.firstDomain;
    const nonce = this.#nonces.mint();
    const headers: [string, string][] = [];
    for (const algorithm of this.#algorithms) {
      // RFC 8760 §2.4: one header for each algorithm that this user's stored secret can answer.
      if (algorithm !== 'MD5' && !this.#canAnswer(claimedAor, algorithm)) continue;
      headers.push([role.challengeHeader, formatChallenge({ realm, nonce, algorithm, stale })]);
    }
    return headers;
  }

  /** Unknown users can answer anything: nobody learns from a challenge who exists. */
  #canAnswer(aor: string, algorithm: DigestAlgorithm): boolean {
    const username = aor.slice(0, aor.lastIndexOf('@'));
    if (this.#credentials.ha1(aor, username, algorithm) !== undefined) return true;
    return this.#credentials.ha1(aor, username, 'MD5') === undefined;
  }

  /** RFC 3261 §22.3: credentials for our realm have served and go no further; others' stay. */
  #withdrawCredentials(request: SipRequest, role: Role): void {
    if (role !== PROXY) return;
    const foreign = request
      .headers(role.credentialsHeader)
      .filter((value) => realmOf(value) !== this.#own.firstDomain);
    request.removeHeader(role.credentialsHeader);
    for (const value of foreign) request.appendHeader(role.credentialsHeader, value);
  }
}
