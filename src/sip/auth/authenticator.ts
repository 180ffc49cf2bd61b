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
import { parseUri } from '../message/uri.ts';
import type { CredentialsStore } from './credentials.ts';
import { type DigestAlgorithm, digestResponse, formatChallenge } from './digest.ts';
import { type DigestCredentials, parseDigestCredentials, realmOf } from './digest-credentials.ts';
import { equalSecrets } from './keyed-hash.ts';
import { NonceTable, type NonceTableOptions } from './nonce-table.ts';

/** A request that can be answered; the proxy's `RequestContext` is one. */
export interface AuthContext {
  readonly request: SipRequest;
  readonly flow: { readonly remote: Address };
  reply(
    status: number,
    reason?: string,
    options?: { headers?: readonly (readonly [string, string])[] },
  ): void;
}

/** What the authenticator knows of our own names; `OwnAddresses` is one. */
export interface OwnNames {
  readonly firstDomain: string;
  /** The domain a host part stands for; undefined when it is not ours. */
  domainOf(host: string, port: number | undefined): string | undefined;
}

/** `challenged`, `stale`: no or old credentials; `wrong`: a failure to count; `forbidden`: somebody else's AoR. */
export type AuthResult = 'ok' | 'challenged' | 'stale' | 'wrong' | 'forbidden';

export interface AuthFailure {
  readonly remote: Address;
  readonly username: string;
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

/** Compared against when there is no such user, so that he is treated like a wrong password. */
const NO_HA1 = '';

/**
 * Digest authentication of phones (RFC 3261 §22, RFC 7616, RFC 8760). Which requests are to be checked is the
 * caller's decision: never ACK, CANCEL, in-dialog requests with our token, or requests from other peers.
 */
export class Authenticator {
  readonly #credentials: CredentialsStore;
  readonly #own: OwnNames;
  readonly #nonces: NonceTable;
  readonly #algorithms: readonly DigestAlgorithm[];
  readonly #failures = new Event<AuthFailure>();
  readonly #counters: Record<AuthResult, Counter>;

  constructor(
    deps: { clock: Clock; random: Random; metrics: Metrics; credentials: CredentialsStore; own: OwnNames },
    options: AuthenticatorOptions = {},
  ) {
    this.#credentials = deps.credentials;
    this.#own = deps.own;
    this.#nonces = new NonceTable(deps, options);
    this.#algorithms = options.algorithms ?? ['MD5'];
    const counter = (result: AuthResult) =>
      deps.metrics.counter('sip_auth_total', 'Digest checks by result', { result });
    this.#counters = {
      ok: counter('ok'),
      challenged: counter('challenged'),
      stale: counter('stale'),
      wrong: counter('wrong'),
      forbidden: counter('forbidden'),
    };
  }

  /** Wrong responses, for whoever bans guessers. */
  get failures(): EventSource<AuthFailure> {
    return this.#failures;
  }

  /**
   * Checks that the sender is the user of `claimedAor` (canonical): To of a REGISTER, From of anything else.
   * @returns 'ok', or what was found; then 401, 407 or 403 has been sent and there is nothing left to do
   */
  check(context: AuthContext, claimedAor: string): AuthResult {
    const { request } = context;
    const role = request.method === 'REGISTER' ? REGISTRAR : PROXY;
    const credentials = this.#credentialsOf(request, role);
    const result = credentials === undefined ? 'challenged' : this.#verify(request, credentials, claimedAor);
    this.#counters[result].inc();
    switch (result) {
      case 'ok':
        this.#withdrawCredentials(request, role);
        break;
      case 'forbidden':
        context.reply(403);
        break;
      case 'wrong':
        this.#failures.emit({ remote: context.flow.remote, username: credentials!.username });
        this.#challenge(context, role, claimedAor, false);
        break;
      default:
        this.#challenge(context, role, claimedAor, result === 'stale');
    }
    return result;
  }

  #credentialsOf(request: SipRequest, role: Role): DigestCredentials | undefined {
    for (const value of request.headers(role.credentialsHeader)) {
      const credentials = parseDigestCredentials(value);
      if (credentials?.realm !== this.#own.firstDomain) continue;
      if (this.#algorithms.includes(credentials.algorithm)) return credentials;
    }
    return undefined;
  }

  #verify(request: SipRequest, credentials: DigestCredentials, claimedAor: string): AuthResult {
    const { username, algorithm, uri, nonce, qop, response } = credentials;
    const aor = this.#aorOf(username, claimedAor);
    const ha1 = aor === undefined ? undefined : this.#credentials.ha1(aor, username, algorithm);
    const expected = digestResponse(ha1 ?? NO_HA1, { algorithm, method: request.method, uri, nonce, qop });
    const right = equalSecrets(expected, response) && ha1 !== undefined && this.#isForUs(uri, request);
    if (!right) return 'wrong';
    // RFC 7616 §3.3: stale only when the response is right for the nonce it names.
    if (!this.#nonces.use(nonce, qop === undefined ? 1 : Number.parseInt(qop.nc, 16))) return 'stale';
    return aor === claimedAor ? 'ok' : 'forbidden';
  }

  /** `alice` is the Alice of the claimed AoR's domain, `alice@host` that of the domain the host stands for. */
  #aorOf(username: string, claimedAor: string): string | undefined {
    const at = username.lastIndexOf('@');
    if (at < 0) return username + claimedAor.slice(claimedAor.lastIndexOf('@'));
    const domain = this.#own.domainOf(username.slice(at + 1).toLowerCase(), undefined);
    return domain === undefined ? undefined : `${username.slice(0, at)}@${domain}`;
  }

  /**
   * RFC 7616 §3.4.6 asks that the digest uri mean the resource of the request line. Phones write our domain with and
   * without scheme, port and parameters there, so it need only name us, or be the Request-URI.
   */
  #isForUs(digestUri: string, request: SipRequest): boolean {
    if (digestUri === request.requestUri) return true;
    try {
      const { host, port } = parseUri(/^sips?:/i.test(digestUri) ? digestUri : `sip:${digestUri}`);
      return this.#own.domainOf(host, port) !== undefined;
    } catch {
      return false;
    }
  }

  #challenge(context: AuthContext, role: Role, claimedAor: string, stale: boolean): void {
    const realm = this.#own.firstDomain;
    const nonce = this.#nonces.mint();
    const headers: [string, string][] = [];
    for (const algorithm of this.#algorithms) {
      // RFC 8760 §2.4: one header for each algorithm that this user's stored secret can answer.
      if (algorithm !== 'MD5' && !this.#canAnswer(claimedAor, algorithm)) continue;
      headers.push([role.challengeHeader, formatChallenge({ realm, nonce, algorithm, stale })]);
    }
    context.reply(role.status, undefined, { headers });
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
