import { setMaxListeners } from 'node:events';
import {
  type Address,
  abortable,
  type Clock,
  CodedError,
  Event,
  type EventSource,
  type Logger,
} from '../../base/index.ts';
import type { OverlayDocument } from '../document/overlay-document.ts';
import { type Destination, toNode, toResource } from '../messages/destination.ts';
import type { FindAns } from '../messages/find.ts';
import { ping } from '../messages/ping.ts';
import type { StatAns } from '../messages/stat.ts';
import type { StoreAns } from '../messages/store.ts';
import { CertificateStore } from '../security/certificate-store.ts';
import type { NodeIdentity } from '../security/identity.ts';
import type { TrustPolicy } from '../security/trust-policy.ts';
import { ResourceStore } from '../storage/resource-store.ts';
import type { VerifiedKind } from '../storage/verified-values.ts';
import { next } from '../topology/chord/ring-arithmetic.ts';
import { estimateRingSize } from '../topology/chord/ring-size.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { KindId, NodeId, ResourceId } from '../wire/ids.ts';
import type { ApplicationHandler } from './app-attach-responder.ts';
import type { AppConnection } from './app-attacher.ts';
import { AppConnections } from './app-connections.ts';
import { CertificatePublisher } from './certificate-publisher.ts';
import { ClientRouting } from './client-keeper.ts';
import { ClientRole } from './client-role.ts';
import { dropRevokedValues, followConfiguration, requirePlace } from './configuration-change.ts';
import { ConfigurationExpiry } from './configuration-expiry.ts';
import { type ConfigurationChange, ConfigurationKeeper } from './configuration-keeper.ts';
import { ConfigurationRollout } from './configuration-rollout.ts';
import { serveConfigUpdates } from './configuration-updates.ts';
import { Connectivity } from './connectivity.ts';
import type { NodeState, ReloadNodeDeps, ReloadNodeOptions, RingView } from './node-options.ts';
import { PeerRole } from './peer-role.ts';
import { type RouteTrace, traceRoute } from './route-trace.ts';
import { type KindToFetch, type KindToStore, StorageClient } from './storage-client.ts';
import { knownTopologies } from './topologies.ts';

interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

interface Traceable extends Abortable {
  /** What it is done for: names it to the trace. */
  readonly traceId?: string | undefined;
}

/** A node of a RELOAD overlay (RFC 6940), peer or client. Wiring only: each procedure has a file of its own. */
export class ReloadNode {
  readonly nodeId: NodeId;
  /** Certificates of the overlay, verified ones cached. */
  readonly certificates: CertificateStore;
  /**
   * Resolves, with the reason, when the node cannot go on: another node uses its Node-ID, or a new configuration
   * document has no place for it.
   */
  readonly failed: Promise<Error>;
  readonly #changed = new Event<void>();
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #topology: TopologyPlugin;
  readonly #connectivity: Connectivity;
  readonly #store: ResourceStore;
  readonly #role: PeerRole | ClientRole;
  readonly #storage: StorageClient;
  readonly #publisher: CertificatePublisher;
  readonly #keeper: ConfigurationKeeper;
  readonly #expiry: ConfigurationExpiry;
  readonly #applications = new AppConnections();
  readonly #rollout: ConfigurationRollout;
  /** One for all that waits in this node: an AbortController takes a kilobyte. */
  readonly #stopping = new AbortController();
  #ending: 'leaving' | 'stopped' | undefined;

  constructor(deps: ReloadNodeDeps, options: ReloadNodeOptions) {
    const { identity, role = 'peer', first = false } = options;
    const { nodeId } = identity;
    this.nodeId = nodeId;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    const topologies = knownTopologies(options.topologies);
    const keeper = new ConfigurationKeeper(deps, { document: options.document, topologies });
    this.#keeper = keeper;
    const document = (): OverlayDocument => keeper.current;
    requirePlace(deps, document(), { identity, role });
    const trust = typeof options.trust === 'function' ? options.trust : () => options.trust as TrustPolicy;
    const certificates =
      deps.certificates ?? new CertificateStore({ clock: deps.clock, trust: trust(document()) });
    this.certificates = certificates;
    certificates.add(identity.certificate);
    const topology = topologies.get(document().topologyPlugin)!(deps, nodeId, document);
    this.#topology = topology;
    const { signal: stopping } = this.#stopping;
    setMaxListeners(0, stopping);
    this.#connectivity = new Connectivity(
      {
        ...deps,
        certificates,
        stopping,
        routing: (connections) => (role === 'peer' ? topology : new ClientRouting(nodeId, connections)),
        configuration: {
          document,
          accepted: () => keeper.accepted,
          onOlderConfiguration: (...older) => this.#rollout.older(...older),
          mendConfiguration: (mismatch) => this.#rollout.mend(mismatch),
        },
      },
      options,
      (asking) => this.#role.updateWanted(asking),
    );
    this.#store = new ResourceStore({ ...deps, certificates }, { kinds: () => document().kinds });
    const parts = { ...deps, ...partsOf(this.#connectivity), certificates, topology, store: this.#store };
    this.#role = role === 'peer' ? new PeerRole(parts, { first, document, stopping }) : new ClientRole(parts);
    this.#storage = new StorageClient(
      { ...parts, service: this.#role.service },
      { kinds: () => document().kinds },
    );
    this.#rollout = new ConfigurationRollout({ ...parts, keeper });
    this.#expiry = new ConfigurationExpiry({ ...deps, keeper });
    serveConfigUpdates({ ...parts, keeper });
    this.#publisher = new CertificatePublisher({ ...deps, storage: this.#storage }, { identity });
    this.#role.changed.on(() => this.#changed.emit());
    this.#role.keeper.stateChanged.on((state) => {
      deps.logger.info('overlay state', { state });
      this.#changed.emit();
    });
    this.failed = new Promise((resolve) => {
      this.#role.keeper.failed.on(resolve);
      followConfiguration(
        { ...parts, keeper, rollout: this.#rollout, applications: this.#applications },
        { node: { identity, role, sharedSecret: options.sharedSecret }, trust, onFailure: resolve },
      );
    });
  }

  get state(): NodeState {
    return this.#ending ?? this.#role.keeper.state;
  }

  /** State, neighbours or links may have changed. */
  get changed(): EventSource<void> {
    return this.#changed;
  }

  /** The configuration in force. */
  get document(): OverlayDocument {
    return this.#keeper.current;
  }

  /** Another document is in force. */
  get documentChanged(): EventSource<ConfigurationChange> {
    return this.#keeper.changed;
  }

  /** Where overlay links are accepted. */
  get listening(): readonly Address[] {
    return this.#connectivity.listening;
  }

  /** Values held for the overlay. */
  get storedValues(): number {
    return this.#store.valueCount;
  }

  /**
   * Resolves when the node is part of the overlay; a joining node goes on trying until then.
   * @throws CodedError 'no-bootstrap' when there is nobody to ask, 'node-id-conflict', 'address-in-use',
   * 'address-unavailable'; the signal's reason. `stop` is due afterwards all the same.
   */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.#role.service !== undefined) {
      this.#logger.info('records loaded', { ...(await this.#store.load()) });
      // The document may be newer than what an earlier run did about it.
      void dropRevokedValues({ store: this.#store, logger: this.#logger }, this.document);
    }
    await this.#connectivity.start();
    this.#expiry.start();
    const started = this.#role.start();
    await abortable(started, signal);
    this.#publisher.start();
  }

  /** Hands over, leaves the overlay (bounded to a few seconds) and closes everything. */
  async stop(): Promise<void> {
    if (this.#ending !== undefined) return;
    this.#ending = 'leaving';
    this.#publisher.stop();
    this.#rollout.stop();
    this.#expiry.stop();
    await this.#role.leave();
    this.#stopping.abort(new CodedError('stopped', 'this node is stopping'));
    this.#role.stop();
    await this.#connectivity.stop();
    this.#store.close();
    this.#ending = 'stopped';
    this.#changed.emit();
  }

  /**
   * A configuration document from outside the overlay: taken if it is newer than the one in force and signed by a signer
   * that one names (§11.1).
   * @throws DocumentError; nothing has changed then
   */
  takeDocument(bytes: Uint8Array): Promise<void> {
    return this.#keeper.takeDocument(bytes);
  }

  /** RFC 6940 §7.4.1. @throws ReloadError when it is refused, RequestFailure when nobody answers */
  store(
    resource: ResourceId,
    kinds: readonly KindToStore[],
    options: Abortable & { readonly signer: NodeIdentity },
  ): Promise<StoreAns> {
    return this.#storage.store(resource, kinds, options);
  }

  /** RFC 6940 §7.4.2: verified values only. @throws ReloadError, RequestFailure */
  fetch(
    resource: ResourceId,
    kinds: readonly KindToFetch[],
    options?: Traceable,
  ): Promise<readonly VerifiedKind[]> {
    return this.#storage.fetch(resource, kinds, options);
  }

  /** RFC 6940 §7.4.3. @throws ReloadError, RequestFailure */
  stat(resource: ResourceId, kinds: readonly KindToFetch[], options?: Abortable): Promise<StatAns> {
    return this.#storage.stat(resource, kinds, options);
  }

  /** RFC 6940 §7.4.4. @throws ReloadError, RequestFailure */
  find(resource: ResourceId, kinds: readonly KindId[], options?: Abortable): Promise<FindAns> {
    return this.#storage.find(resource, kinds, options);
  }

  /** RFC 6940 §6.5.3: resolves when the node answered. @throws ReloadError, RequestFailure */
  async ping(nodeId: NodeId, { signal }: Abortable = {}): Promise<void> {
    await this.#connectivity.forwarding.request(
      ping,
      { padding: new Uint8Array(0) },
      { destinationList: [toNode(nodeId)], ...(signal && { signal }) },
    );
  }

  /** The way of messages to a resource. @throws ReloadError, RequestFailure */
  traceRoute(resource: ResourceId): Promise<RouteTrace> {
    const { forwarding } = this.#connectivity;
    return traceRoute({ clock: this.#clock, forwarding, topology: this.#topology }, resource);
  }

  /** The peer that answers for a Resource-ID, asked by a Ping to it. @throws ReloadError, RequestFailure */
  async responsibleFor(resource: ResourceId): Promise<NodeId> {
    if (this.#topology.isResponsible(resource)) return this.nodeId;
    const body = { padding: new Uint8Array(0) };
    const destinationList = [toResource(resource)];
    return (await this.#connectivity.forwarding.request(ping, body, { destinationList })).signer.nodeId;
  }

  /** The peer that follows a peer in the ring: it answers for the identifier behind. @throws like `responsibleFor` */
  successorOf(nodeId: NodeId): Promise<NodeId> {
    return this.responsibleFor(next(nodeId));
  }

  /**
   * AppAttach (RFC 6940 §6.5.2): a mutually authenticated connection for the application with the node at the end of
   * the destination list. We are the TLS server.
   * @throws CodedError 'app-attach-pending' | 'too-many-attaches' | 'timeout', ReloadError, RequestFailure
   */
  async openApplication(
    destinationList: readonly Destination[],
    application: number,
    options?: Traceable,
  ): Promise<AppConnection> {
    const opened = await this.#connectivity.appAttacher.open(destinationList, application, options);
    this.#applications.add(opened.connection);
    return opened;
  }

  /** Takes the connections that other nodes ask for with this Application-ID. */
  onApplication(application: number, handler: ApplicationHandler): void {
    this.#connectivity.appResponder.onApplication(application, (connection, nodeId) => {
      this.#applications.add(connection);
      handler(connection, nodeId);
    });
  }

  /** About how many peers the overlay has. */
  get estimatedPeers(): number {
    return estimateRingSize(this.nodeId, this.#topology.snapshot());
  }

  isResponsible(resource: ResourceId): boolean {
    return this.#topology.isResponsible(resource);
  }

  ring(): RingView {
    return {
      nodeId: this.nodeId,
      ...this.#topology.snapshot(),
      links: this.#connectivity.connections.views(),
    };
  }
}

function partsOf({ forwarding, connections, attacher, bootstrap }: Connectivity) {
  return { forwarding, connections, attacher, bootstrap };
}
