import type { Address, Clock, KeyValueStore, Logger, Metrics, Network, Random } from '../../base/index.ts';
import type { OverlayDocument } from '../document/overlay-document.ts';
import type { CertificateStore } from '../security/certificate-store.ts';
import type { Identity } from '../security/identity.ts';
import type { TrustPolicy } from '../security/trust-policy.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { NodeId } from '../wire/ids.ts';

/** Sees every RELOAD message on every link, without the framing header. */
export type TraceHook = (direction: 'in' | 'out', peer: NodeId, message: Uint8Array) => void;

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
  readonly trace?: TraceHook;
}

export interface ReloadNodeOptions {
  readonly document: OverlayDocument;
  readonly identity: Identity;
  /** Whose certificates are welcome. */
  readonly trust: TrustPolicy;
  /** Where overlay links are accepted; port 0 is any. */
  readonly listen: readonly Address[];
  /** Named to others instead of the listening addresses: behind 1:1 NAT, in a container. */
  readonly advertise?: readonly Address[];
  readonly bootstrap: readonly Address[];
  /** RFC 6940 §6.4.2.1: may take responsibility for the whole overlay when nobody is there. */
  readonly first?: boolean;
  /** A client never joins, stores or routes for others (§4.2). */
  readonly role?: 'peer' | 'client';
  /** Port for the connections that AppAttach brings; 0 is any. */
  readonly sipLinkPort?: number;
  /** Another topology plug-in than the document's CHORD-RELOAD (§6.4.1). */
  readonly topology?: TopologyPlugin;
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
