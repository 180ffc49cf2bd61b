import {
  type Clock,
  CodedError,
  type Counter,
  errorMessage,
  type HttpRequest,
  type HttpResponse,
  type Logger,
  type Metrics,
  originOf,
  TokenBuckets,
} from '../../base/index.ts';
import type { Accounts } from '../../reload/enrollment/accounts.ts';
import type { CertificateIssuer } from '../../reload/enrollment/certificate-issuer.ts';
import { answer, textAnswer } from '../../reload/enrollment/http-answers.ts';
import type { Certificate } from '../../reload/security/certificate.ts';
import type { NodeId } from '../overlay.ts';
import { epochOf, NONCE_EPOCH_MS, NonceKeyring } from './nonce-keys.ts';
import { ProofCheck, type ProofRefusal } from './proof-check.ts';
import {
  ADAPTER_KEY_PATH,
  decodeProofs,
  encodeKeys,
  encodeResults,
  NOT_AN_ADAPTER,
  type Proof,
  type ProofResult,
} from './registration-protocol.ts';

/** A registration certificate is good for so long; adapter peers ask anew at half of it. */
const CERTIFICATE_MS = 86_400_000;
/** An HA1 outlives the certificate, so that phones are served through an outage of this server. */
const HA1_LIFETIME_S = 3 * 24 * 3600;

/** Lines in the log about strangers of one address; all of them are counted. */
const NOTICES = { perSecond: 0.1, burst: 10 };
/** Lines about proofs that one adapter peer brought and that were refused: whoever reaches it can make up proofs. */
const REFUSALS = { perSecond: 1, burst: 200 };

const JSON_TYPE = 'application/json';

/** What an adapter peer is told; the reasons are for our log. */
const VERDICTS: Readonly<Record<ProofRefusal, 'wrong' | 'stale' | 'removed' | 'busy'>> = {
  malformed: 'wrong',
  'foreign-realm': 'wrong',
  'other-user': 'wrong',
  'foreign-nonce': 'stale',
  stale: 'stale',
  replayed: 'stale',
  wrong: 'wrong',
  'unknown-user': 'wrong',
  removed: 'removed',
  'too-many-wrong': 'busy',
  'too-many': 'busy',
};

interface Deps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly accounts: Pick<Accounts, 'find'>;
  readonly issuer: CertificateIssuer;
  /** Whether the overlay takes this certificate (DER) now; throws where it does not. */
  readonly verifyPeer: (der: Uint8Array) => Certificate;
  /** The revoked-user elements of the document in force. */
  readonly revokedUsers: () => ReadonlyMap<string, number>;
  /** From which the adapter peers' nonce keys follow; at least 16 random bytes, kept between runs. */
  readonly nonceSecret: Uint8Array;
}

/** An adapter peer that has shown who it is. */
interface Adapter {
  readonly account: string;
  readonly node: NodeId;
  readonly certificate: Certificate;
}

/**
 * The enrollment server's part in the identity of users behind adapter peers (requirement T2; architecture, identity):
 * gives an adapter peer the registration certificate and the HA1 of a user whose phone registers through it right now,
 * and of nobody else. What it wants to see for it is the phone's own digest response.
 */
export class RegistrationAuthority {
  readonly #deps: Deps;
  readonly #keyring: NonceKeyring;
  readonly #check: ProofCheck;
  readonly #counters = new Map<string, Counter>();
  readonly #notices = new TokenBuckets(NOTICES);
  readonly #refusals = new TokenBuckets(REFUSALS);

  /** @param options.overlay its name, which is the realm too */
  constructor(deps: Deps, options: { readonly overlay: string }) {
    this.#deps = deps;
    this.#keyring = new NonceKeyring(deps.nonceSecret);
    this.#check = new ProofCheck({ ...deps, keyring: this.#keyring }, { realm: options.overlay });
  }

  /** Answers requests for the two paths of the protocol. */
  readonly handle = async (request: HttpRequest): Promise<HttpResponse> => {
    const isForKeys = request.path === ADAPTER_KEY_PATH;
    const wanted = isForKeys ? 'GET' : 'POST';
    if (request.method !== wanted) return textAnswer(405, 'method_not_allowed', { allow: wanted });
    const adapter = await this.#adapterOf(request);
    if ('status' in adapter) return adapter;
    return isForKeys ? this.#onKeys(adapter) : this.#onProofs(request, adapter);
  };

  /** Who asks, by the certificate whose key TLS has proved; the refusal, when it may not. */
  async #adapterOf({ clientCertificate, remote: { host } }: HttpRequest): Promise<Adapter | HttpResponse> {
    const { verifyPeer, accounts } = this.#deps;
    if (clientCertificate === undefined) {
      this.#notice(host, 'no-certificate', 'it shows no certificate');
      return textAnswer(401, 'certificate_required');
    }
    let certificate: Certificate;
    try {
      certificate = verifyPeer(clientCertificate);
    } catch (error) {
      this.#notice(host, 'certificate-refused', errorMessage(error));
      return textAnswer(403, 'certificate_refused');
    }
    const [node, ...others] = certificate.nodeIds;
    const [name = ''] = certificate.userNames;
    const account = await accounts.find(name);
    const isItsOwn = node !== undefined && others.length === 0 && account?.nodeIds.includes(node);
    if (!account?.adapter || !isItsOwn) {
      this.#notice(host, 'no-adapter', `the account ${name} is not one of an adapter with Node-ID ${node}`);
      return textAnswer(403, NOT_AN_ADAPTER);
    }
    return { account: name, node, certificate };
  }

  /** Anybody may knock: not all of it goes into the log. */
  #notice(host: string, result: string, reason: string): void {
    this.#count(result);
    if (!this.#notices.take(originOf(host), 1, this.#deps.clock.monotonic())) return;
    this.#deps.logger.warn('refused what only adapter peers get', { from: host, reason });
  }

  #onKeys({ node }: Adapter): HttpResponse {
    const now = this.#deps.clock.now();
    const first = epochOf(now);
    const keys = [first, first + 1].map((epoch) => ({
      from: epoch * NONCE_EPOCH_MS,
      until: (epoch + 1) * NONCE_EPOCH_MS,
      key: this.#keyring.keyOf(node, epoch),
    }));
    return answer(200, JSON_TYPE, encodeKeys({ node, now, keys }));
  }

  async #onProofs({ body }: HttpRequest, adapter: Adapter): Promise<HttpResponse> {
    let proofs: readonly Proof[];
    try {
      proofs = decodeProofs(body);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return textAnswer(400, 'malformed');
    }
    const results = await Promise.all(proofs.map((proof) => this.#onProof(adapter, proof)));
    return answer(200, JSON_TYPE, encodeResults(results));
  }

  async #onProof(adapter: Adapter, proof: Proof): Promise<ProofResult> {
    const { clock, logger } = this.#deps;
    const judgement = await this.#check.judge(adapter.node, proof);
    const { account, node } = adapter;
    if ('refusal' in judgement) {
      const reason = judgement.refusal;
      this.#count(reason);
      if (this.#refusals.take(node, 1, clock.monotonic())) {
        logger.warn('no registration certificate for an adapter peer', {
          ...{ user: proof.aor, reason, adapter: account, node },
        });
      }
      return { verdict: VERDICTS[reason] };
    }
    const { credentials, ha1 } = judgement;
    const certificate = this.#certificateFor(judgement.account.name, adapter);
    this.#count('issued');
    logger.debug('registration certificate issued', { user: proof.aor, adapter: account, node });
    const { username, algorithm } = credentials;
    return { verdict: 'right', certificate, ha1, username, algorithm, ha1LifetimeS: HA1_LIFETIME_S };
  }

  /** The adapter peer's key and Node-ID, and the user's name: what USER-NODE-MATCH asks for (RFC 6940 §7.3.3). */
  #certificateFor(aor: string, { node, certificate }: Adapter): Uint8Array {
    const restMs = certificate.notAfter - this.#deps.clock.now();
    const order = { spki: certificate.spki, nodeIds: [node], userName: aor };
    return this.#deps.issuer.issue({ ...order, lifetimeMs: Math.min(CERTIFICATE_MS, restMs) }).der;
  }

  #count(result: string): void {
    let counter = this.#counters.get(result);
    if (counter === undefined) {
      const help = 'Registration certificates that adapter peers asked for, by result';
      counter = this.#deps.metrics.counter('enrollment_registrations_total', help, { result });
      this.#counters.set(result, counter);
    }
    counter.inc();
  }
}
