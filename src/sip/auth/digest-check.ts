import type { Address } from '../../base/index.ts';
import { phoneNumberOf } from '../message/phone-number.ts';
import type { SipRequest } from '../message/request.ts';
import { isEmergencyUrn } from '../message/service-urn.ts';
import { parseUri } from '../message/uri.ts';
import type { CredentialsStore } from './credentials.ts';
import type { CredentialsJudge, DigestProof } from './credentials-judge.ts';
import { digestResponse } from './digest.ts';
import type { DigestCredentials } from './digest-credentials.ts';
import { equalSecrets } from './keyed-hash.ts';
import type { NonceTable } from './nonce-table.ts';

/** What is known of our own names; `OwnAddresses` is one. */
export interface OwnNames {
  readonly firstDomain: string;
  /** The domain a host part stands for; undefined when it is not ours. */
  domainOf(host: string, port: number | undefined): string | undefined;
}

/**
 * What credentials prove.
 * - `ok`: the sender is the user of the claimed AoR
 * - `stale`: to be said again with a fresh nonce
 * - `wrong`: a failure to count
 * - `forbidden`: somebody else's AoR, or that of a user who was removed
 * - `unproved`: no REGISTER, and its user is known elsewhere, if anywhere
 * - `busy`, `unavailable`: whoever knows the user cannot be asked now
 */
export type DigestResult = 'ok' | 'stale' | 'wrong' | 'forbidden' | 'unproved' | 'busy' | 'unavailable';

/** Who somebody says he is. */
export interface DigestClaim {
  readonly request: SipRequest;
  readonly remote: Address;
  /** The Authorization or Proxy-Authorization value, and what was read from it. */
  readonly authorization: string;
  readonly credentials: DigestCredentials;
  /** Canonical. */
  readonly claimedAor: string;
}

interface Claim extends DigestClaim {
  /** The AoR that the username means. */
  readonly aor: string | undefined;
}

type Known = DigestProof['known'];

/** Compared against when there is no such user, so that he is treated like a wrong password. */
const NO_HA1 = '';

/**
 * Checks digest responses (RFC 7616 §3.4): by the HA1 that is known here, else, for a REGISTER, by asking the judge
 * (architecture, identity of users). The judge is also asked when a known HA1 does not fit, since the password may have
 * been changed, and when he wants to hear of the user again; while he is away, what is known here counts.
 */
export class DigestCheck {
  readonly #credentials: CredentialsStore;
  readonly #own: OwnNames;
  readonly #nonces: NonceTable;
  readonly #judge: CredentialsJudge | undefined;

  constructor(deps: {
    readonly credentials: CredentialsStore;
    readonly own: OwnNames;
    readonly nonces: NonceTable;
    readonly judge?: CredentialsJudge | undefined;
  }) {
    this.#credentials = deps.credentials;
    this.#own = deps.own;
    this.#nonces = deps.nonces;
    this.#judge = deps.judge;
  }

  async check(claimed: DigestClaim): Promise<DigestResult> {
    const { request, claimedAor } = claimed;
    const aor = aorOf(claimed.credentials.username, domainOf(claimedAor), this.#own);
    const claim = { ...claimed, aor };
    const known = this.#known(claim);
    if (this.#judge === undefined) return known === 'right' ? this.#use(claim) : 'wrong';
    if (request.method !== 'REGISTER') {
      if (known === 'unknown') return this.#use(claim) === 'stale' ? 'stale' : 'unproved';
      return known === 'right' ? this.#use(claim) : 'wrong';
    }
    if (known === 'right' && !(aor === claimedAor && this.#judge.wants(claimedAor))) return this.#use(claim);
    return this.#ask(this.#judge, claim, known);
  }

  #known({ request, credentials, aor }: Claim): Known {
    const { username, algorithm, uri, nonce, qop, response } = credentials;
    const ha1 = aor === undefined ? undefined : this.#credentials.ha1(aor, username, algorithm);
    const expected = digestResponse(ha1 ?? NO_HA1, { algorithm, method: request.method, uri, nonce, qop });
    const right = equalSecrets(expected, response) && this.#isForUs(uri, request);
    if (ha1 === undefined) return 'unknown';
    return right ? 'right' : 'wrong';
  }

  async #ask(judge: CredentialsJudge, claim: Claim, known: Known): Promise<DigestResult> {
    const { authorization, credentials, aor, claimedAor, request, remote } = claim;
    // What he does not register for himself, or not with us, is nobody's business.
    if (aor !== claimedAor || !this.#isForUs(credentials.uri, request)) return 'wrong';
    if (!this.#nonces.isProof(credentials.nonce)) {
      if (this.#nonces.canProve) return 'stale';
      return this.#without(judge, claim, known);
    }
    const verdict = await judge.judge({ aor, authorization, credentials, known, remote });
    switch (verdict) {
      case 'right':
        return this.#use(claim);
      case 'removed':
        return 'forbidden';
      case 'busy':
        // Somebody else's guesses must not keep out whom we know.
        return known === 'right' ? this.#use(claim) : 'busy';
      case 'unavailable':
        return this.#without(judge, claim, known);
      default:
        return verdict;
    }
  }

  /** The judge is away. */
  #without(judge: CredentialsJudge, claim: Claim, known: Known): DigestResult {
    if (known === 'right') return this.#use(claim);
    if (known === 'wrong') return 'wrong';
    return judge.isRevoked(claim.claimedAor) ? 'forbidden' : 'unavailable';
  }

  /** RFC 7616 §3.3: stale only when the response is right for the nonce it names. */
  #use({ credentials: { nonce, qop }, aor, claimedAor }: Claim): DigestResult {
    if (!this.#nonces.use(nonce, qop === undefined ? 1 : Number.parseInt(qop.nc, 16))) return 'stale';
    return aor === claimedAor ? 'ok' : 'forbidden';
  }

  /**
   * RFC 7616 §3.4.6 asks that the digest uri mean the resource of the request line. Phones write our domain with and
   * without scheme, port and parameters there, so it need only name us, or be the Request-URI. A telephone number that was
   * dialled as a tel URI, or by an emergency URN, stands in the Request-URI as a user of ours by now.
   */
  #isForUs(digestUri: string, request: SipRequest): boolean {
    if (digestUri === request.requestUri) return true;
    try {
      const uri = parseUri(/^(sips?|tel|urn):/i.test(digestUri) ? digestUri : `sip:${digestUri}`);
      if (uri.scheme === 'tel') {
        const number = phoneNumberOf(uri);
        return number !== undefined && number === phoneNumberOf(request.uri);
      }
      if (isEmergencyUrn(uri)) return isEmergencyUrn(request.to.uri);
      const { host, port } = uri;
      return this.#own.domainOf(host, port) !== undefined;
    } catch {
      return false;
    }
  }
}

/** `alice` is the Alice of this domain, `alice@host` that of the domain the host stands for. */
export function aorOf(username: string, domain: string, own: OwnNames): string | undefined {
  const at = username.lastIndexOf('@');
  if (at < 0) return `${username}@${domain}`;
  const named = own.domainOf(username.slice(at + 1).toLowerCase(), undefined);
  return named === undefined ? undefined : `${username.slice(0, at)}@${named}`;
}

function domainOf(aor: string): string {
  return aor.slice(aor.lastIndexOf('@') + 1);
}
