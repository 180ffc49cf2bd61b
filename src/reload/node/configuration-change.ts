import { type Clock, CodedError, errorMessage, type Logger } from '../../base/index.ts';
import { revocationOf, trustOfDocument } from '../document/document-trust.ts';
import type { OverlayDocument } from '../document/overlay-document.ts';
import { type CertificateStore, CertificateTimeError } from '../security/certificate-store.ts';
import type { NodeIdentity } from '../security/identity.ts';
import type { TrustPolicy } from '../security/trust-policy.ts';
import type { ResourceStore } from '../storage/resource-store.ts';
import type { KindId } from '../wire/ids.ts';
import type { AppConnections } from './app-connections.ts';
import type { ConfigurationChange, ConfigurationKeeper } from './configuration-keeper.ts';
import type { ConfigurationRollout } from './configuration-rollout.ts';
import type { ConnectionTable } from './connection-table.ts';

export interface ConfigurationChangeDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly keeper: ConfigurationKeeper;
  readonly rollout: ConfigurationRollout;
  readonly certificates: CertificateStore;
  readonly connections: ConnectionTable;
  readonly applications: AppConnections;
  readonly store: ResourceStore;
}

/**
 * RFC 6940 §11.1: "it MUST change its configuration to meet the new requirements". What asks the keeper each time needs
 * no telling; this does the rest.
 * @param options.onFailure the new document has no place for this node
 */
export function followConfiguration(
  { clock, logger, keeper, rollout, certificates, connections, applications, store }: ConfigurationChangeDeps,
  options: {
    readonly node: NodeInOverlay;
    readonly trust: (document: OverlayDocument) => TrustPolicy;
    readonly onFailure: (error: Error) => void;
  },
): void {
  const { node, trust, onFailure } = options;
  const isWelcome = (der: Uint8Array): boolean => {
    try {
      certificates.verify(der);
      return true;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      // The node may have a new certificate since; what it signs is checked against that.
      if (error instanceof CertificateTimeError) return true;
      logger.info('a connection is closed, its certificate is not welcome any more', {
        reason: error.message,
      });
      return false;
    }
  };

  keeper.changing.on((change) => {
    const gone = discardedKinds(change);
    if (gone.size === 0) return;
    store.discardKinds(gone).catch((error) => {
      logger.warn('data of Kinds that were given up stays on the disk', { error: errorMessage(error) });
    });
  });

  keeper.changed.on(({ before, after }) => {
    // Only Kinds were added.
    if (before.sequence === after.sequence) return;
    certificates.retrust(trust(after));
    connections.closeUnwelcome(isWelcome);
    applications.closeUnwelcome(isWelcome);
    rollout.announce([...connections.nodeIds()]);
    void dropRevokedValues({ store, logger }, after);
    try {
      requirePlace({ clock }, after, node);
      if (node.sharedSecret === undefined) requireSameKeying(before, after);
    } catch (error) {
      onFailure(error as Error);
    }
  });
  keeper.failed.on(onFailure);
}

/** Of what is held, the values that bad nodes and revoked users signed go (§11.1, requirement T16). Never rejects. */
export async function dropRevokedValues(
  { store, logger }: Pick<ConfigurationChangeDeps, 'store' | 'logger'>,
  document: OverlayDocument,
): Promise<void> {
  if (document.badNodes.size + document.revokedUsers.size === 0) return;
  try {
    const values = await store.dropRevoked(
      (certificate) => revocationOf(document, certificate) !== undefined,
    );
    if (values > 0) logger.info('values of revoked certificates were dropped', { values });
  } catch (error) {
    logger.warn('values of revoked certificates stay on the disk', { error: errorMessage(error) });
  }
}

/** What a document must have room for: this very node. */
export interface NodeInOverlay {
  readonly identity: NodeIdentity;
  readonly role: 'peer' | 'client';
  /** Its own, which counts whatever a document says. */
  readonly sharedSecret?: Uint8Array | undefined;
}

/**
 * Whether a document that somebody wrote lets this node take part.
 * @throws CodedError 'not-welcome'
 */
export function requirePlace(
  deps: { readonly clock: Clock },
  document: OverlayDocument,
  { identity, role }: NodeInOverlay,
): void {
  if (document.source === undefined) return;
  if (role === 'client' && !document.clientsPermitted) {
    throw new CodedError('not-welcome', 'the configuration document permits no clients');
  }
  try {
    // Without our own allow list, which need not name ourselves.
    trustOfDocument(deps, document).check(identity.certificate);
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause;
    const message = `the configuration document refuses the certificate of this node: ${cause.message}`;
    throw new CodedError('not-welcome', message, { cause });
  }
}

/** Another secret is taken up live; listeners cannot turn from certificates to a secret, or back, while links stand. */
function requireSameKeying(before: OverlayDocument, after: OverlayDocument): void {
  const [had, has] = [before.sharedSecret !== undefined, after.sharedSecret !== undefined];
  if (had === has) return;
  const change = has ? 'begins to ask for a shared-secret' : 'asks for no shared-secret any more';
  throw new CodedError('not-welcome', `the configuration document ${change}: start this node anew`);
}

/** §11.1: such a Kind "MUST be discarded along with any stored information of that Kind". */
function discardedKinds({ before, after }: ConfigurationChange): ReadonlySet<KindId> {
  const gone = [...before.kinds].filter(([id, kind]) => after.kinds.get(id)?.dataModel !== kind.dataModel);
  return new Set(gone.map(([id]) => id));
}
