import { generateKeyPairSync } from 'node:crypto';
import {
  CodedError,
  fromUtf8,
  type HttpClient,
  type HttpClientRequest,
  type HttpResponse,
  type LogFields,
  type Logger,
  MemoryKeyValueStore,
  noMetrics,
  silentLogger,
  sleep,
} from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { AdapterEnrollment } from '../../../../src/p2psip/enrollment/adapter-enrollment.ts';
import { RegistrationAuthority } from '../../../../src/p2psip/enrollment/registration-authority.ts';
import { HttpsRegistrationExchange } from '../../../../src/p2psip/enrollment/registration-exchange.ts';
import {
  decodeKeys,
  decodeResults,
  encodeProofs,
  REGISTRATION_PATH,
} from '../../../../src/p2psip/enrollment/registration-protocol.ts';
import { ServedUsers } from '../../../../src/p2psip/enrollment/served-users.ts';
import type { EnrollmentAccount } from '../../../../src/reload/enrollment/accounts.ts';
import { CertificateIssuer } from '../../../../src/reload/enrollment/certificate-issuer.ts';
import { buildRootCertificate, keyIdOf } from '../../../../src/reload/security/authority-certificates.ts';
import { Certificate } from '../../../../src/reload/security/certificate.ts';
import { CertificateStore } from '../../../../src/reload/security/certificate-store.ts';
import { ChainTrust } from '../../../../src/reload/security/chain-trust.ts';
import { EnrolledIdentity } from '../../../../src/reload/security/enrolled-identity.ts';
import { type AuthContext, Authenticator } from '../../../../src/sip/auth/authenticator.ts';
import { digestHa1 } from '../../../../src/sip/auth/digest.ts';
import { KeyedHash } from '../../../../src/sip/auth/keyed-hash.ts';
import { formatNonce } from '../../../../src/sip/auth/nonce.ts';
import { credentials } from '../../../support/digest.ts';
import { request } from '../../sip/registrar/messages.ts';

export const OVERLAY = 'example.org';
export const ALICE = 'alice@example.org';
export const BOB = 'bob@example.org';
export const GW1 = '1'.repeat(32);
export const GW2 = '2'.repeat(32);
const PHONE = { host: '192.0.2.9', port: 5060 };
const DAY_MS = 86_400_000;

/** A logger that keeps the warnings and errors. */
class Notes implements Logger {
  readonly debugEnabled = false;
  readonly lines: { message: string; fields: LogFields }[] = [];
  readonly debug = silentLogger.debug;
  readonly info = silentLogger.info;

  warn(message: string, fields: LogFields = {}): void {
    this.lines.push({ message, fields });
  }

  error(message: string, fields: LogFields = {}): void {
    this.lines.push({ message, fields });
  }

  child(): Logger {
    return this;
  }

  /** The reasons of what was refused, in order. */
  get reasons(): unknown[] {
    return this.lines.map(({ fields }) => fields.reason);
  }
}

/** A user's or a peer's account, its password changeable. */
export class TestAccount implements EnrollmentAccount {
  readonly name: string;
  adapter: boolean;
  nodeIds: readonly string[];
  passwordText = 'secret';
  readonly password = '';

  constructor(name: string, options: { adapter?: boolean; nodeIds?: readonly string[] } = {}) {
    this.name = name;
    this.adapter = options.adapter ?? false;
    this.nodeIds = options.nodeIds ?? [];
  }

  get ha1() {
    const hashes = (username: string) => ({
      md5: digestHa1('MD5', username, OVERLAY, this.passwordText),
      sha256: digestHa1('SHA-256', username, OVERLAY, this.passwordText),
    });
    return { user: hashes(this.name.slice(0, this.name.indexOf('@'))), aor: hashes(this.name) };
  }
}

/** An overlay with an enrollment server that knows two users and two adapter peers. */
export class EnrollmentBench {
  readonly clock: VirtualClock;
  readonly random = new SeededRandom(1);
  readonly notes = new Notes();
  readonly accounts = new Map<string, TestAccount>();
  readonly trust: ChainTrust;
  readonly certificates: CertificateStore;
  readonly issuer: CertificateIssuer;
  /** revoked-user elements of the document in force. */
  revokedUsers: ReadonlyMap<string, number> = new Map();
  authority: RegistrationAuthority;

  constructor(keyType: 'ec' | 'rsa' = 'ec', clock = new VirtualClock()) {
    this.clock = clock;
    const { privateKey, publicKey } =
      keyType === 'ec'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('rsa', { modulusLength: 2048 });
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const validity = { notBefore: clock.now() - DAY_MS, notAfter: clock.now() + 3650 * DAY_MS };
    const serial = this.random.bytes(8);
    const root = buildRootCertificate({ name: 'Issuing CA', spki, serial, ...validity }, privateKey);
    this.issuer = new CertificateIssuer(
      { clock, random: this.random, key: privateKey, revokedUsers: () => this.revokedUsers },
      { overlay: OVERLAY, issuer: { name: 'Issuing CA', keyId: keyIdOf(spki) } },
    );
    this.trust = new ChainTrust({ clock }, { overlay: OVERLAY, roots: [root] });
    this.certificates = new CertificateStore({ clock, trust: this.trust });
    for (const account of [
      new TestAccount(ALICE),
      new TestAccount(BOB),
      new TestAccount('gw1@example.org', { adapter: true, nodeIds: [GW1] }),
      new TestAccount('gw2@example.org', { adapter: true, nodeIds: [GW2] }),
      new TestAccount('plain@example.org', { nodeIds: ['3'.repeat(32)] }),
    ]) {
      this.accounts.set(account.name, account);
    }
    this.authority = this.startServer();
  }

  /** The enrollment server starts (again). */
  startServer(): RegistrationAuthority {
    this.authority = new RegistrationAuthority(
      {
        ...{ clock: this.clock, logger: this.notes, metrics: noMetrics, issuer: this.issuer },
        accounts: { find: async (name) => this.accounts.get(name) },
        verifyPeer: (der) => this.certificates.verify(der),
        revokedUsers: () => this.revokedUsers,
        nonceSecret: new Uint8Array(32).fill(7),
      },
      { overlay: OVERLAY },
    );
    return this.authority;
  }

  /** An identity that the enrollment server's authority issued. */
  identity(userName: string, nodeId: string, keyType: 'ec' | 'rsa' = 'ec'): EnrolledIdentity {
    const { privateKey, publicKey } =
      keyType === 'ec'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { der } = this.issuer.issue({
      spki: publicKey.export({ type: 'spki', format: 'der' }),
      nodeIds: [nodeId],
      userName,
      lifetimeMs: 365 * DAY_MS,
    });
    return new EnrolledIdentity(privateKey, Certificate.parse(der));
  }

  /** What the server answers somebody who shows this certificate. */
  answer(
    clientCertificate: Uint8Array | undefined,
    ask: { method?: string; path?: string; body?: Uint8Array } = {},
  ): Promise<HttpResponse> {
    const { method = 'POST', path = REGISTRATION_PATH, body = new Uint8Array(0) } = ask;
    return this.authority.handle({
      ...{ method, path, body, query: new URLSearchParams(), headers: new Map(), remote: PHONE },
      ...(clientCertificate && { clientCertificate }),
    });
  }

  /** The verdict over one proof that the holder of this identity brings. */
  async prove(
    identity: EnrolledIdentity,
    authorization: string,
    aor = ALICE,
    source?: string,
  ): Promise<string> {
    const body = encodeProofs([{ aor, authorization, ...(source !== undefined && { source }) }]);
    const response = await this.answer(identity.certificate.der, { body });
    if (response.status !== 200) return `${response.status} ${fromUtf8(response.body).trim()}`;
    return decodeResults(response.body)[0]!.verdict;
  }

  /** A nonce under the key that the server gives to this identity. */
  async nonce(
    identity: EnrolledIdentity,
    options: { time?: number; serial?: number; issuer?: string } = {},
  ): Promise<string> {
    const { body } = await this.answer(identity.certificate.der, {
      method: 'GET',
      path: '/p2psip/adapter-key',
    });
    const { keys, node } = decodeKeys(body);
    const { time = this.clock.now(), serial = 1, issuer = node } = options;
    return formatNonce({ time, boot: 'cafe0000', serial, issuer }, new KeyedHash(keys[0]!.key));
  }
}

/** HTTPS without sockets: the TLS identity is handed over with the request. */
class DirectHttp implements HttpClient {
  readonly #bench: EnrollmentBench;
  /** Of a round trip, ms. */
  latencyMs = 0;
  isDown = false;
  requests = 0;

  constructor(bench: EnrollmentBench) {
    this.#bench = bench;
  }

  async request({ method, url, body, tls }: HttpClientRequest): Promise<HttpResponse> {
    this.requests += 1;
    if (this.latencyMs > 0) await sleep(this.#bench.clock, this.latencyMs / 2);
    if (this.isDown) throw new CodedError('http-unreachable', 'connection refused');
    const response = await this.#bench.answer(tls?.identity?.certificates[0], {
      ...{ method, path: new URL(url).pathname },
      ...(body && { body }),
    });
    if (this.latencyMs > 0) await sleep(this.#bench.clock, this.latencyMs / 2);
    return response;
  }

  close(): void {}
}

/** An adapter peer as its phones see it, with the enrollment server behind it. */
export class AdapterBench {
  readonly bench: EnrollmentBench;
  readonly clock: VirtualClock;
  identity: EnrolledIdentity;
  readonly http: DirectHttp;
  readonly store = new MemoryKeyValueStore();
  readonly notes = new Notes();
  users!: ServedUsers;
  judge!: AdapterEnrollment;
  authenticator!: Authenticator;

  constructor(
    bench: EnrollmentBench,
    options: { name?: string; node?: string; keyType?: 'ec' | 'rsa'; clock?: VirtualClock } = {},
  ) {
    this.bench = bench;
    this.clock = options.clock ?? bench.clock;
    this.http = new DirectHttp(bench);
    this.identity = bench.identity(options.name ?? 'gw1@example.org', options.node ?? GW1, options.keyType);
    this.restart();
  }

  /** The adapter peer starts (again), with what is on its disk. */
  restart(): void {
    this.judge?.stop();
    this.users?.stop();
    const { clock } = this;
    const { random } = this.bench;
    const common = { clock, random, logger: this.notes, metrics: noMetrics };
    const url = 'https://enroll.example.org:8443/enroll';
    this.users = new ServedUsers({ ...common, store: this.store });
    this.users.load();
    const exchange = new HttpsRegistrationExchange({
      http: this.http,
      identity: () => this.identity.tls,
      servers: () => [{ url, tls: {} }],
    });
    this.judge = new AdapterEnrollment({
      ...{ ...common, exchange, users: this.users, identity: this.identity },
      revokedUsers: () => this.bench.revokedUsers,
    });
    const own = {
      firstDomain: OVERLAY,
      domainOf: (host: string) => (host === OVERLAY ? OVERLAY : undefined),
    };
    this.authenticator = new Authenticator({ ...common, credentials: this.users, own, judge: this.judge });
    this.judge.start();
  }

  stop(): void {
    this.judge.stop();
    this.users.stop();
  }

  /** One request of a phone: what came of it, and the challenge if there was one. */
  async send(authorization?: string, aor = ALICE, method = 'REGISTER') {
    const header = method === 'REGISTER' ? 'Authorization' : 'Proxy-Authorization';
    const message = request(`${method} sip:example.org SIP/2.0
      Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1
      From: <sip:${aor}>;tag=1
      To: <sip:${aor}>
      Call-ID: c1
      CSeq: 1 ${method}
      ${authorization === undefined ? '' : `${header}: ${authorization}`}`);
    let status: number | undefined;
    let challenge = '';
    const context: AuthContext = {
      request: message,
      flow: { remote: PHONE, reliable: false },
      reply: (code, _reason, options) => {
        status = code;
        challenge = options?.headers?.[0]?.[1] ?? '';
      },
      challenge: (code, [header]) => {
        status = code;
        challenge = header?.[1] ?? '';
      },
    };
    const result = await this.authenticator.check(context, aor);
    const nonce = /nonce="([^"]+)"/.exec(challenge)?.[1] ?? '';
    return { result, status, nonce, stale: challenge.includes('stale=true') };
  }

  /** A phone registers: it answers the challenge it gets, and once more if its nonce was stale. */
  async register(options: { aor?: string; username?: string; password?: string; method?: string } = {}) {
    const { aor = ALICE, method = 'REGISTER', ...how } = options;
    const username = how.username ?? aor.slice(0, aor.indexOf('@'));
    let last = await this.send(undefined, aor, method);
    for (let round = 0; round < 2; round += 1) {
      const answer = credentials({ ...how, username, nonce: last.nonce, method });
      last = await this.send(answer, aor, method);
      if (!last.stale) break;
    }
    return last;
  }
}
