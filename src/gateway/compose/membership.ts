import type { HttpClient, Logger, Metrics } from '../../base/index.ts';
import type { OverlayDocument } from '../../reload/document/overlay-document.ts';
import { CertificateRenewal } from '../../reload/enrollment/certificate-renewal.ts';
import { ConfigurationFetcher } from '../../reload/enrollment/configuration-fetcher.ts';
import { DocumentFollower } from '../../reload/enrollment/document-follower.ts';
import { EnrollmentClient } from '../../reload/enrollment/enrollment-client.ts';
import { OverlayServers, type SrvLookup } from '../../reload/enrollment/overlay-servers.ts';
import { newestDocument } from '../../reload/node/configuration-saved.ts';
import type { ReloadNode } from '../../reload/node/reload-node.ts';
import type { EnrolledIdentity } from '../../reload/security/enrolled-identity.ts';
import {
  type IdentityDeps,
  type NodeIdentity,
  ownRegistrations,
  type RegistrationIdentities,
  saveIdentity,
} from '../../reload/security/identity.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { readPassword } from '../config/secret-file.ts';
import type { DataDirectory } from '../persistence/data-directory.ts';
import { openDocument } from './configuration-document.ts';
import { type OpenedDocument, openFetchedDocument } from './fetched-document.ts';
import { openEnrolledIdentity, openSelfSignedIdentity } from './peer-identity.ts';

export interface MembershipDeps extends IdentityDeps {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly data: DataDirectory;
  readonly http: HttpClient;
  readonly dns: SrvLookup;
  readonly signal: AbortSignal | undefined;
}

/** What makes this peer a member of its overlay: the document and its identity, and what keeps both current. */
export interface Membership {
  readonly document: OverlayDocument;
  readonly identity: NodeIdentity;
  /** Undefined where an enrollment server issues the users' certificates. */
  readonly ownRegistrations: RegistrationIdentities | undefined;
  readonly servers: OverlayServers;
  /** Follows the server's documents and renews the certificate, until `stop`. */
  follow(node: ReloadNode): void;
  stop(): void;
}

/**
 * Brings document and identity: from files, from earlier runs, from the servers of the overlay (RFC 6940 §11).
 * @throws ConfigError, DataError, CodedError with the codes of `ConfigurationFetcher` and `EnrollmentClient`
 */
export async function openMembership(config: GatewayConfig, deps: MembershipDeps): Promise<Membership> {
  const { overlay } = config;
  const { data } = deps;
  const servers = new OverlayServers(deps, {
    overlay: overlay.name,
    url: overlay.server?.url,
    ca: overlay.serverAuthorities,
  });
  const fetcher = new ConfigurationFetcher({ ...deps, servers });
  const { document, isFresh } = await openedDocument(config, deps, fetcher);
  const tasks: { stop(): void }[] = [];
  const stop = (): void => {
    for (const task of tasks.splice(0)) task.stop();
  };
  const follow = (node: ReloadNode): void => {
    if (overlay.server === undefined) return;
    const follower = new DocumentFollower(
      { ...deps, fetcher },
      {
        current: () => node.document,
        peers: () => node.estimatedPeers,
        take: (bytes) => node.takeDocument(bytes),
      },
    );
    tasks.push(follower);
    follower.start(isFresh);
  };
  if (overlay.enroll === undefined) {
    const identity = openSelfSignedIdentity(data, deps, document, overlay);
    return { document, identity, ownRegistrations: ownRegistrations(identity), servers, follow, stop };
  }

  const { username, passwordFile } = overlay.enroll;
  const password = () =>
    readPassword(passwordFile, { file: config.file, path: 'overlay.enroll.password-file' });
  const enrollment = new EnrollmentClient({ ...deps, servers }, { username, password });
  const { keyType } = overlay;
  const { identity, isNew } = await openEnrolledIdentity({ ...deps, enrollment }, document, {
    keyType,
    username,
  });
  return {
    ...{ document, identity, ownRegistrations: undefined, servers, stop },
    follow: (node) => {
      follow(node);
      tasks.push(renewal(identity, isNew, node));
    },
  };

  function renewal(own: EnrolledIdentity, fresh: boolean, node: ReloadNode): CertificateRenewal {
    const started = new CertificateRenewal(deps, {
      identity: own,
      isNew: fresh,
      enroll: (signal) => enrollment.enroll(node.document, own.privateKey, signal),
      onRenewed: () => data.saveIdentity(saveIdentity(own)),
    });
    started.start();
    return started;
  }
}

async function openedDocument(
  config: GatewayConfig,
  deps: MembershipDeps,
  fetcher: ConfigurationFetcher,
): Promise<OpenedDocument> {
  const kv = deps.data.store;
  const { server } = config.overlay;
  if (server !== undefined) return openFetchedDocument(config, server, { ...deps, kv, fetcher });
  const given = openDocument(config, deps);
  return { document: newestDocument({ ...deps, kv }, given), isFresh: true };
}
