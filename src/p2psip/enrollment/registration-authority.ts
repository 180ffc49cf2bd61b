import {
  type Clock,
  CodedError,
  type Counter,
  errorMessage,
  type HttpRequest,
  type HttpResponse,
  type Logger,
  type Metrics,
  type Random,
  utf8,
} from '../../base/index.ts';
import type { Certificate } from '../../reload/security/certificate.ts';
import type { CertificateTemplate } from '../../reload/security/certificate-builder.ts';
import { formatNodeUri } from '../../reload/security/reload-uri.ts';
import type { NodeId } from '../overlay.ts';
import { epochOf, NONCE_EPOCH_MS, NonceKeyring } from './nonce-keys.ts';
import { ProofCheck, type ProofRefusal, type RegistrationAccounts } from './proof-check.ts';
import {
  ADAPTER_KEY_PATH,
  decodeProofs,
  encodeKeys,
  encodeResults,
  NOT_AN_ADAPTER,
  type Proof,
  type ProofResult,
  REGISTRATION_PATH,
} from './registration-protocol.ts';

const HOUR_MS = 3_600_000;
/** A registration certificate is good for so long; adapter peers ask anew at half of it. */
const CERTIFICATE_MS = 24 * HOUR_MS;
/** Tolerates peers whose clocks are that much behind ours. */
const BACKDATE_MS = 24 * HOUR_MS;
/** An HA1 outlives the certificate, so that phones are served through an outage of this server. */
const HA1_LIFETIME_S = 3 * 24 * 3600;
const SERIAL_BYTES = 8;

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
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly accounts: RegistrationAccounts;
  /** Whether the overlay takes this certificate (DER) now; throws where it does not. */
  readonly verifyPeer: (der: Uint8Array) => Certificate;
  /** Has the issuing authority make a certificate (RFC 6940 §11.3). */
  readonly issue: (template: CertificateTemplate) => Uint8Array;
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
  readonly #overlay: string;
  readonly #keyring: NonceKeyring;
  readonly #check: ProofCheck;
  readonly #counters = new Map<string, Counter>();

  /** @param options.overlay its name, which is the realm too */
  constructor(deps: Deps, options: { readonly overlay: string }) {
    this.#deps = deps;
    this.#overlay = options.overlay;
    this.#keyring = new NonceKeyring(deps.nonceSecret);
    this.#check = new ProofCheck({ ...deps, keyring: this.#keyring }, { realm: options.overlay });
  }

  /** Answers a request for one of our two paths; undefined when it is for another. */
  handle(request: HttpRequest): HttpResponse | undefined {
    const { path, method } = request;
    const wanted = path === REGISTRATION_PATH ? 'POST' : path === ADAPTER_KEY_PATH ? 'GET' : undefined;
    if (wanted === undefined) return undefined;
    if (method !== wanted) return refusal(405, 'method_not_allowed', [['allow', wanted]]);
    const adapter = this.#adapterOf(request);
    if ('status' in adapter) return adapter;
    return path === REGISTRATION_PATH ? this.#onProofs(request, adapter) : this.#onKeys(adapter);
  }

  /** Who asks, by the certificate whose key TLS has proved; the refusal, when it may not. */
  #adapterOf({ clientCertificate, remote }: HttpRequest): Adapter | HttpResponse {
    const { logger, verifyPeer, accounts } = this.#deps;
    const from = remote.host;
    if (clientCertificate === undefined) {
      logger.warn('an adapter peer has to show its certificate', { from });
      return refusal(401, 'certificate_required');
    }
    let certificate: Certificate;
    try {
      certificate = verifyPeer(clientCertificate);
    } catch (error) {
      logger.warn('a certificate is not taken for an adapter peer', { from, reason: errorMessage(error) });
      return refusal(403, 'certificate_refused');
    }
    const [node, ...others] = certificate.nodeIds;
    const [name = ''] = certificate.userNames;
    const account = accounts.find(name);
    const isAdapter =
      account !== undefined &&
      !account.removed &&
      account.adapter &&
      node !== undefined &&
      others.length === 0;
    if (!isAdapter || !account.nodeIds.includes(node)) {
      this.#count('no-adapter');
      logger.warn('a peer that is no adapter asks for what only adapters get', { from, account: name, node });
      return refusal(403, NOT_AN_ADAPTER);
    }
    return { account: name, node, certificate };
  }

  #onKeys({ node }: Adapter): HttpResponse {
    const now = this.#deps.clock.now();
    const first = epochOf(now);
    const keys = [first, first + 1].map((epoch) => ({
      from: epoch * NONCE_EPOCH_MS,
      until: (epoch + 1) * NONCE_EPOCH_MS,
      key: this.#keyring.keyOf(node, epoch),
    }));
    return json(encodeKeys({ node, now, keys }));
  }

  #onProofs({ body }: HttpRequest, adapter: Adapter): HttpResponse {
    let proofs: readonly Proof[];
    try {
      proofs = decodeProofs(body);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return refusal(400, 'malformed');
    }
    return json(encodeResults(proofs.map((proof) => this.#onProof(adapter, proof))));
  }

  #onProof(adapter: Adapter, proof: Proof): ProofResult {
    const { logger } = this.#deps;
    const judgement = this.#check.judge(adapter.node, proof);
    const { account, node } = adapter;
    if ('refusal' in judgement) {
      const reason = judgement.refusal;
      this.#count(reason);
      logger.warn('no registration certificate for an adapter peer', {
        ...{ user: proof.aor, reason, adapter: account, node },
      });
      return { verdict: VERDICTS[reason] };
    }
    const { credentials, ha1 } = judgement;
    const certificate = this.#certificateFor(judgement.account.name, adapter, judgement.account.validFrom);
    this.#count('issued');
    logger.debug('registration certificate issued', { user: proof.aor, adapter: account, node });
    const { username, algorithm } = credentials;
    return { verdict: 'right', certificate, ha1, username, algorithm, ha1LifetimeS: HA1_LIFETIME_S };
  }

  /** The adapter peer's key and Node-ID, and the user's name: what USER-NODE-MATCH asks for (RFC 6940 §7.3.3). */
  #certificateFor(aor: string, { node, certificate }: Adapter, validFrom = 0): Uint8Array {
    const now = this.#deps.clock.now();
    return this.#deps.issue({
      spki: certificate.spki,
      nodeUris: [formatNodeUri(node, this.#overlay)],
      userName: aor,
      serial: this.#deps.random.bytes(SERIAL_BYTES),
      // What began before a revocation of the name is revoked (requirement T16); certificates have whole seconds.
      notBefore: Math.max(now - BACKDATE_MS, Math.ceil(validFrom / 1000) * 1000),
      notAfter: Math.min(now + CERTIFICATE_MS, certificate.notAfter),
    });
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

function json(body: Uint8Array): HttpResponse {
  return {
    status: 200,
    headers: new Map([
      ['content-type', 'application/json'],
      ['cache-control', 'no-store'],
    ]),
    body,
  };
}

function refusal(status: number, token: string, headers: readonly [string, string][] = []): HttpResponse {
  return {
    status,
    headers: new Map([['content-type', 'text/plain; charset=utf-8'], ...headers]),
    body: utf8(`${token}\n`),
  };
}
