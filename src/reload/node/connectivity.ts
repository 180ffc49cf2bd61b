import {
  type Address,
  type Listener,
  type PresharedKey,
  type ReloadTrace,
  type TlsOptions,
  utf8,
} from '../../base/index.ts';
import { ForwardingLayer, type ForwardingOptions } from '../forwarding/forwarding-layer.ts';
import type { Routing } from '../forwarding/ports.ts';
import { signedIntroduction } from '../forwarding/signed-introduction.ts';
import { DATA_HEADER_BYTES, FRAME_DATA } from '../link/frame.ts';
import type { TraceHook } from '../link/link.ts';
import { LinkLayer, type LinkLayerOptions } from '../link/link-layer.ts';
import type { IceCandidate } from '../messages/ice-candidate.ts';
import type { CertificateStore } from '../security/certificate-store.ts';
import type { NodeId } from '../wire/ids.ts';
import { AppAttachResponder } from './app-attach-responder.ts';
import { AppAttacher } from './app-attacher.ts';
import { AttachResponder } from './attach-responder.ts';
import { Attacher } from './attacher.ts';
import { Bootstrap } from './bootstrap.ts';
import { BootstrapCache } from './bootstrap-cache.ts';
import { connectableAddresses, offeredAddresses, toCandidates } from './candidates.ts';
import { ConnectionTable } from './connection-table.ts';
import { LinkDialer } from './link-dialer.ts';
import type { ReloadNodeDeps, ReloadNodeOptions } from './node-options.ts';

/** The document in force, and what to do where another node has another one. */
export type Configuration = Pick<
  ForwardingOptions,
  'document' | 'accepted' | 'onOlderConfiguration' | 'mendConfiguration'
>;

export interface ConnectivityDeps extends ReloadNodeDeps {
  readonly certificates: CertificateStore;
  readonly routing: (connections: ConnectionTable) => Routing;
  readonly configuration: Configuration;
  /** Aborted before `stop`. */
  readonly stopping: AbortSignal;
}

/** Links, Attach and AppAttach of one node, and the forwarding layer above them. Wiring only. */
export class Connectivity {
  readonly connections: ConnectionTable;
  readonly forwarding: ForwardingLayer;
  readonly attacher: Attacher;
  readonly bootstrap: Bootstrap;
  readonly appAttacher: AppAttacher;
  readonly appResponder: AppAttachResponder;
  readonly #deps: ConnectivityDeps;
  readonly #options: ReloadNodeOptions;
  readonly #links: LinkLayer;
  readonly #cache: BootstrapCache;
  #listeners: readonly Listener[] = [];

  /** @param onUpdateWanted a node that has just connected asked for our routing table */
  constructor(deps: ConnectivityDeps, options: ReloadNodeOptions, onUpdateWanted: (nodeId: NodeId) => void) {
    this.#deps = deps;
    this.#options = options;
    const { identity, advertise = [] } = options;
    const { configuration } = deps;
    const self = identity.nodeId;
    const candidates = (): IceCandidate[] => toCandidates(this.#offered());
    const ownAddresses = (): readonly Address[] => [...this.listening, ...this.#offered()];
    const onListening = (address: Address): void => this.#cache.add(address);

    this.connections = new ConnectionTable(deps, {
      onMessage: (message, hop) => this.forwarding.receive(message, hop),
      onOversized: (prefix, hop) => this.forwarding.receiveOversized(prefix, hop),
    });
    this.forwarding = new ForwardingLayer(
      { ...deps, links: this.connections, routing: deps.routing(this.connections) },
      { ...configuration, identity },
    );
    this.#links = new LinkLayer(
      { ...deps, trace: deps.trace && messagesOnly(deps.trace) },
      {
        identity,
        nodeId: self,
        verifyPeer: (chain) => ({ nodeIds: this.#nodeIdsOf(chain) }),
        ...this.#sharedSecret(),
        limits: new MessageLimits(configuration),
      },
    );
    this.#links.conflict.on((error) => deps.logger.error(error.message));
    this.#cache = new BootstrapCache(deps);
    const parts = { ...deps, forwarding: this.forwarding, connections: this.connections, links: this.#links };
    this.bootstrap = new Bootstrap(
      { ...parts, cache: this.#cache },
      {
        configured: () => [...options.bootstrap, ...configuration.document().bootstrapNodes],
        ownAddresses,
      },
    );
    const { stopping } = deps;
    this.attacher = new Attacher(parts, {
      self,
      stopping,
      candidates,
      onListening: (theirs) => {
        const [address] = connectableAddresses(theirs, ownAddresses());
        if (address !== undefined) onListening(address);
      },
    });
    const dialer = new LinkDialer(parts, { stopping });
    new AttachResponder(
      { ...parts, attacher: this.attacher, dialer },
      { self, candidates, ownAddresses, onListening, onUpdateWanted },
    );
    this.appAttacher = new AppAttacher(parts, {
      hosts: [...new Set(options.listen.map(({ host }) => host))],
      port: options.sipLinkPort ?? 0,
      advertisedHosts: [...new Set(advertise.map(({ host }) => host))],
      tls: () => this.#tls(),
      nodeIdsOf: (chain) => this.#nodeIdsOf(chain),
    });
    this.appResponder = new AppAttachResponder(
      { ...parts, attacher: this.appAttacher },
      { ownAddresses, tlsTowards: (nodeId) => this.#tls(nodeId), stopping },
    );
  }

  /** Where links are accepted. */
  get listening(): readonly Address[] {
    return this.#listeners.map(({ local }) => local);
  }

  /** @throws CodedError 'address-in-use' | 'address-unavailable' */
  async start(): Promise<void> {
    this.#cache.load();
    const listeners: Listener[] = [];
    this.#listeners = listeners;
    for (const address of this.#options.listen) {
      listeners.push(await this.#links.listen(address, (link) => this.connections.add(link)));
    }
    const announced = this.#options.role === 'client' ? () => [] : () => this.#offered();
    await this.#deps.discovery?.start(announced);
  }

  async stop(): Promise<void> {
    await this.#deps.discovery?.stop();
    this.forwarding.stop();
    await this.appAttacher.stop();
    await this.#links.stop();
  }

  /** Asked at each handshake, since a new document may have another one. */
  #sharedSecret(): Pick<LinkLayerOptions, 'sharedSecret'> {
    const { document } = this.#deps.configuration;
    const { sharedSecret, identity } = this.#options;
    const current = (): PresharedKey => {
      const { name, sharedSecret: text = '' } = document();
      return { identity: name, key: sharedSecret ?? utf8(text) };
    };
    if (current().key.length === 0) return {};
    const introduction = signedIntroduction(this.#deps, { document, signer: () => identity.signer });
    return { sharedSecret: { key: current, introduction } };
  }

  #offered(): readonly Address[] {
    const { advertise = [] } = this.#options;
    return advertise.length > 0
      ? advertise
      : offeredAddresses(this.listening, this.#deps.network.interfaceAddresses());
  }

  /** @throws CodedError with a CertificateErrorCode */
  #nodeIdsOf([leaf]: readonly Uint8Array[]): readonly NodeId[] {
    return this.#deps.certificates.verify(leaf ?? new Uint8Array(0)).nodeIds;
  }

  /** RFC 6940 §6.5.1.13: mutual authentication; the other side is a node of the overlay, or this very node. */
  #tls(expected?: NodeId): TlsOptions {
    const { identity } = this.#options;
    return {
      get identity() {
        return identity.tls;
      },
      verifyPeer: (chain) => {
        const nodeIds = this.#nodeIdsOf(chain);
        if (expected !== undefined && !nodeIds.includes(expected)) {
          throw new Error(`expected node ${expected}, met ${nodeIds.join(', ')}`);
        }
      },
    };
  }
}

/** max-message-size as it is now (RFC 6940 §6.6). */
class MessageLimits {
  readonly #configuration: Configuration;

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
  }

  get maxMessageBytes(): number {
    const { accepted, document } = this.#configuration;
    return (accepted?.() ?? document()).maxMessageSize;
  }
}

/** Leaves out the acks and framing headers of the link layer. */
function messagesOnly(trace: ReloadTrace): TraceHook {
  return (direction, peer, frame, { local, remote }) => {
    if (frame[0] !== FRAME_DATA) return;
    trace.message(direction, peer, frame.subarray(DATA_HEADER_BYTES), {
      ...{ transport: 'TLS', local, remote, peer },
    });
  };
}
