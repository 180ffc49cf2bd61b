import { X509Certificate } from 'node:crypto';
import {
  type Address,
  type Clock,
  formatAddress,
  type HttpHandler,
  type Logger,
  type Random,
} from '../../base/index.ts';
import { HttpsServer } from '../../net/index.ts';
import { RegistrationAuthority } from '../../p2psip/enrollment/registration-authority.ts';
import { ADAPTER_KEY_PATH, REGISTRATION_PATH } from '../../p2psip/enrollment/registration-protocol.ts';
import { trustOfDocument } from '../../reload/document/document-trust.ts';
import { CertificateIssuer } from '../../reload/enrollment/certificate-issuer.ts';
import { ConfigurationService } from '../../reload/enrollment/configuration-service.ts';
import { EnrollmentService } from '../../reload/enrollment/enrollment-service.ts';
import { routesOf } from '../../reload/enrollment/http-answers.ts';
import { WELL_KNOWN_PATH } from '../../reload/enrollment/protocol.ts';
import { CertificateStore } from '../../reload/security/certificate-store.ts';
import type { AdminServer } from '../admin/admin-server.ts';
import { loadOrMakeSecret } from '../persistence/identity-files.ts';
import { AccountFiles } from './account-files.ts';
import { AuthorityDirectory, enrollmentUrl } from './authority-directory.ts';
import { DocumentEditor } from './document-editor.ts';
import { type EnrollmentAdminDeps, enrollmentAdmin } from './enrollment-admin.ts';
import { PublishedDocument } from './published-document.ts';

/** Of a request for registration certificates; other services have smaller bounds of their own. */
const MAX_BODY_BYTES = 256 * 1024;
const REQUEST_TIMEOUT_MS = 15_000;
const MAX_CONNECTIONS = 4_096;
const MAX_CONNECTIONS_PER_ORIGIN = 256;
const MAX_RUNNING = 512;

/** What the adapter peers' nonce keys follow from. */
const NONCE_SECRET_BYTES = 32;

const DAY_MS = 86_400_000;
const WARN_BEFORE_MS = 30 * DAY_MS;

export interface EnrollmentServerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: EnrollmentAdminDeps['metrics'];
}

export interface EnrollmentServerOptions {
  /** As `overlay create` made it. */
  readonly directory: string;
  readonly listen: Address;
  /** Where operators may ask; undefined: nowhere. */
  readonly admin?: { readonly listen: Address; readonly token: string | undefined } | undefined;
}

/** An enrollment and configuration server that runs. */
export interface RunningEnrollmentServer {
  /** `https://HOST:PORT`, as bound. */
  readonly listening: string;
  /** What peers are given, with its pin. */
  readonly url: string;
  readonly overlay: string;
  readonly sequence: number;
  readonly adminUrl: string | undefined;
  stop(): Promise<void>;
}

/**
 * `p2psip enrollment serve`: composes the services over an authority's directory.
 * @throws AuthorityError, CodedError<BindErrorCode>
 */
export async function startEnrollmentServer(
  deps: EnrollmentServerDeps,
  options: EnrollmentServerOptions,
): Promise<RunningEnrollmentServer> {
  const { clock, logger } = deps;
  const directory = AuthorityDirectory.open(deps, options.directory);
  const editor = new DocumentEditor({ clock, directory });
  const published = new PublishedDocument({ clock, logger, directory, editor });
  const { name: overlay } = published.current;
  const accounts = new AccountFiles(deps, { ...directory.places, overlay });
  await editor.remove(accounts);
  const handler = routesOf(routes(deps, { directory, published, accounts }));
  warnOperator(directory, deps);
  let identity = directory.server();
  let server: HttpsServer | undefined;
  let admin: AdminServer | undefined;
  let adminUrl: string | undefined;
  await published.start();
  try {
    server = await HttpsServer.listen(
      { handler, logger },
      {
        listen: options.listen,
        identity,
        maxBodyBytes: MAX_BODY_BYTES,
        requestTimeoutMs: REQUEST_TIMEOUT_MS,
        maxConnections: MAX_CONNECTIONS,
        maxConnectionsPerOrigin: MAX_CONNECTIONS_PER_ORIGIN,
        maxRunning: MAX_RUNNING,
      },
    );
    admin = options.admin && enrollmentAdmin({ ...deps, identity: () => identity, published }, options.admin);
    adminUrl = await admin?.start();
  } catch (error) {
    published.stop();
    await server?.close();
    throw error;
  }
  const listening = server;
  published.onFiles(() => {
    const next = directory.server();
    listening.setIdentity(next);
    identity = next;
  });
  return {
    listening: `https://${formatAddress(listening.local)}`,
    adminUrl,
    url: enrollmentUrl(published.current, identity),
    overlay,
    sequence: published.current.sequence,
    stop: async () => {
      published.stop();
      await admin?.stop();
      await listening.close();
    },
  };
}

function routes(
  deps: EnrollmentServerDeps,
  {
    directory,
    published,
    accounts,
  }: { directory: AuthorityDirectory; published: PublishedDocument; accounts: AccountFiles },
): Map<string, HttpHandler> {
  const { issuer: names, key } = directory.issuer();
  const { name: overlay, enrollmentServers } = published.current;
  const revokedUsers = () => published.current.revokedUsers;
  const issuer = new CertificateIssuer({ ...deps, key, revokedUsers }, { overlay, issuer: names });
  const badNodes = () => published.current.badNodes;
  const enrollment = new EnrollmentService({ ...deps, accounts, issuer, badNodes });
  const certificates = new CertificateStore({
    clock: deps.clock,
    trust: trustOfDocument(deps, published.current),
  });
  published.onDocument((document) => certificates.retrust(trustOfDocument(deps, document)));
  const registrations = new RegistrationAuthority(
    {
      ...deps,
      accounts,
      issuer,
      verifyPeer: (der) => certificates.verify(der),
      revokedUsers,
      nonceSecret: loadOrMakeSecret(directory.path, 'nonce', () => deps.random.bytes(NONCE_SECRET_BYTES)),
    },
    { overlay },
  );
  const configuration = new ConfigurationService({ document: () => published.current.source!.bytes });
  // One URL is enough for everything: who GETs it wants the document, who POSTs to it a certificate.
  const both: HttpHandler = (request) =>
    request.method === 'POST' ? enrollment.handle(request) : configuration.handle(request);
  return new Map([
    [new URL(enrollmentServers[0]!).pathname, both],
    [WELL_KNOWN_PATH, configuration.handle],
    [REGISTRATION_PATH, registrations.handle],
    [ADAPTER_KEY_PATH, registrations.handle],
  ]);
}

function warnOperator(directory: AuthorityDirectory, { clock, logger }: EnrollmentServerDeps): void {
  if (directory.hasRootKey) {
    logger.warn('the key of the root is still on this machine: move offline/ away', {
      directory: directory.path,
    });
  }
  const { validTo } = new X509Certificate(directory.server().certificates[0]!);
  if (Date.parse(validTo) - clock.now() < WARN_BEFORE_MS) {
    logger.warn('the certificate of the enrollment server runs out', { validTo });
  }
}
