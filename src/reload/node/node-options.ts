import type {
  Address,
  Clock,
  KeyValueStore,
  Logger,
  Metrics,
  Network,
  Random,
  ReloadTrace,
} from '../../base/index.ts';
import type { Discovery } from '../discovery/discovery.ts';
import type { OverlayDocument } from '../document/overlay-document.ts';
import type { CertificateStore } from '../security/certificate-store.ts';
import type { NodeIdentity } from '../security/identity.ts';
import type { TrustPolicy } from '../security/trust-policy.ts';
import type { NodeId } from '../wire/ids.ts';
import type { Topologies } from './topologies.ts';

export interface ReloadNodeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  /** Stored records and cached bootstrap peers. */
  readonly kv: KeyValueStore;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Where several nodes of one process share what they know of certificates; else each has its own. */
  readonly certificates?: CertificateStore;
  readonly trace?: ReloadTrace;
  /** Looks for peers that nobody has named: on the local network. */
  readonly discovery?: Discovery;
}

export interface ReloadNodeOptions {
  /** Checked already; a newer one known from an earlier run is used instead. */
  readonly document: OverlayDocument;
  readonly identity: NodeIdentity;
  /** Whose certificates are welcome; a function where that follows the configuration document. */
  readonly trust: TrustPolicy | ((document: OverlayDocument) => TrustPolicy);
  /** Where overlay links are accepted; port 0 is any. */
  readonly listen: readonly Address[];
  /** Named to others instead of the listening addresses: behind 1:1 NAT, in a container. */
  readonly advertise?: readonly Address[];
  /** Besides the bootstrap-nodes of the document. */
  readonly bootstrap: readonly Address[];
  /** RFC 6940 §6.4.2.1: may take responsibility for the whole overlay when nobody is there. */
  readonly first?: boolean;
  /**
   * RFC 6940 §13.4: what links are keyed with, if not with the shared-secret of the document; who has another one cannot
   * connect. At most 256 bytes.
   */
  readonly sharedSecret?: Uint8Array;
  /** A client never joins, stores or routes for others (§4.2). */
  readonly role?: 'peer' | 'client';
  /** Port for the connections that AppAttach brings; 0 is any. */
  readonly sipLinkPort?: number;
  /** Topology plug-ins besides CHORD-RELOAD, by the names that documents give them (§6.4.1). */
  readonly topologies?: Topologies;
}

/** Where a node stands. `isolated`: it was part of the overlay, lost everybody else and is trying to join again. */
export type NodeState = 'joining' | 'joined' | 'isolated' | 'leaving' | 'stopped';

export interface LinkView {
  readonly nodeId: NodeId;
  readonly address: Address;
  /** Smoothed, ms; undefined before the first measurement. */
  readonly rttMs: number | undefined;
}

/** The routing table of a node; neighbours nearest first. */
export interface RingView {
  readonly nodeId: NodeId;
  readonly predecessors: readonly NodeId[];
  readonly successors: readonly NodeId[];
  readonly fingers: readonly NodeId[];
  readonly links: readonly LinkView[];
}
