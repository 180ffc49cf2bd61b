import type { Clock } from '../../src/base/index.ts';
import { type HttpHandler, type HttpRequest, type Random, silentLogger } from '../../src/base/index.ts';
import { SeededRandom } from '../../src/base/virtual/seeded-random.ts';
import { HttpsServer, systemClock } from '../../src/net/index.ts';
import { writeDocument } from '../../src/reload/document/document-writer.ts';
import { builtInDocument, type OverlayDocument } from '../../src/reload/document/overlay-document.ts';
import { CertificateIssuer } from '../../src/reload/enrollment/certificate-issuer.ts';
import { ConfigurationService } from '../../src/reload/enrollment/configuration-service.ts';
import { EnrollmentService } from '../../src/reload/enrollment/enrollment-service.ts';
import { textAnswer } from '../../src/reload/enrollment/http-answers.ts';
import { Authority } from '../unit/reload/document/support.ts';
import { CountingMetrics } from './counting-metrics.ts';
import { MemoryAccounts } from './enrollment.ts';
import { HttpsAuthority, type ServerNames } from './https.ts';

const ENROLL_PATH = '/enroll';

export interface TestAuthorityOptions {
  readonly overlay?: string;
  readonly clock?: Clock;
  /** As the document's enrollment-server has it. */
  readonly enrollmentUrl?: string;
  readonly changes?: Partial<OverlayDocument>;
}

/** An overlay's authority in memory: the real services of the enrollment server over keys and accounts of a test. */
export class TestAuthority {
  readonly overlay: string;
  readonly accounts: MemoryAccounts;
  readonly authority: Authority;
  readonly signer;
  /** What has been asked for, `METHOD path`. */
  readonly requests: string[] = [];
  /** Handed out now. */
  document: Uint8Array;
  enrollmentUrl: string;
  /** Stands in for the services when a test wants another answer. */
  instead: HttpHandler | undefined;
  readonly #services: ReadonlyMap<string, HttpHandler>;
  readonly #changes: Partial<OverlayDocument>;

  constructor(options: TestAuthorityOptions = {}) {
    const { overlay = 'example.org', clock = systemClock, changes = {} } = options;
    const random: Random = new SeededRandom(12);
    this.overlay = overlay;
    this.enrollmentUrl = options.enrollmentUrl ?? `https://${overlay}${ENROLL_PATH}`;
    this.authority = new Authority(`Root of ${overlay}`, clock);
    this.signer = this.authority.enroll({ overlay });
    this.accounts = new MemoryAccounts({ random });
    this.#changes = changes;
    this.document = this.documentOf(1);
    const { key, issuer } = this.authority;
    const enrollment = new EnrollmentService({
      ...{ clock, accounts: this.accounts, logger: silentLogger, metrics: new CountingMetrics() },
      issuer: new CertificateIssuer(
        { clock, random, key, revokedUsers: () => new Map() },
        { overlay, issuer },
      ),
      badNodes: () => new Set(),
    });
    const configuration = new ConfigurationService({ document: () => this.document });
    this.#services = new Map([
      ['/.well-known/reload-config', configuration.handle],
      [ENROLL_PATH, enrollment.handle],
    ]);
  }

  /** A signed document of the overlay. */
  documentOf(sequence: number, changes: Partial<OverlayDocument> = {}, signer = this.signer): Uint8Array {
    const listed = new Set([this.signer.nodeId]);
    return writeDocument(
      {
        ...builtInDocument(this.overlay),
        sequence,
        selfSignedPermitted: undefined,
        rootCertificates: [this.authority.root],
        configurationSigners: listed,
        kindSigners: listed,
        enrollmentServers: [this.enrollmentUrl],
        ...this.#changes,
        ...changes,
      },
      { configuration: signer.signer, kinds: signer.signer },
    );
  }

  readonly handle = async (request: HttpRequest) => {
    this.requests.push(`${request.method} ${request.path}`);
    if (this.instead !== undefined) return this.instead(request);
    return (await this.#services.get(request.path)?.(request)) ?? textAnswer(404, 'not found');
  };
}

/** The same behind HTTPS on loopback. */
export class TestEnrollmentServer extends TestAuthority {
  readonly https: HttpsAuthority;
  readonly #names: ServerNames;
  #server: HttpsServer | undefined;
  #port = 0;

  constructor(options: TestAuthorityOptions = {}, names: ServerNames = {}) {
    super(options);
    this.https = new HttpsAuthority(`HTTPS root of ${this.overlay}`);
    this.#names = names;
  }

  get port(): number {
    return this.#port;
  }

  /** With the pin of its root. */
  get url(): string {
    return `https://127.0.0.1:${this.#port}/#sha256=${this.https.pin}`;
  }

  /** On the same port as before, if it ran before. */
  async start(identity = this.https.server(this.#names)): Promise<void> {
    this.#server = await HttpsServer.listen(
      { handler: this.handle, logger: silentLogger },
      {
        listen: { host: '127.0.0.1', port: this.#port },
        identity,
        maxBodyBytes: 65_536,
        requestTimeoutMs: 5_000,
        maxConnections: 64,
        maxConnectionsPerOrigin: 64,
        maxRunning: 64,
      },
    );
    const isFirst = this.#port === 0;
    this.#port = this.#server.local.port;
    if (!isFirst) return;
    this.enrollmentUrl = `https://127.0.0.1:${this.#port}${ENROLL_PATH}`;
    this.document = this.documentOf(1);
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }
}
