import type { NodeId, ResourceId } from '../wire/ids.ts';

/** A link to a directly connected node. */
export interface LinkLike {
  send(message: Uint8Array): void;
  /** Bytes one message may have on a datagram link (RFC 6940 §6.7); absent on streams. */
  readonly mtu?: number;
}

/** The connection table (RFC 6940 §6.1.2): who is directly connected, peers and clients alike. */
export interface LinkTable {
  linkTo(nodeId: NodeId): LinkLike | undefined;
}

/** What forwarding asks the topology plug-in; a `TopologyPlugin` satisfies it. */
export interface Routing {
  readonly self: NodeId;
  isResponsible(id: string): boolean;
  /** The directly connected peer to send to, or `self`; undefined when nobody is known. */
  nextHop(id: string): NodeId | undefined;
  /** RFC 6940 §6.3.4: whether the node is at least as close to the resource as every node in our neighbour table. */
  isPlausibleOwner(node: NodeId, resource: ResourceId): boolean;
}

/** Where a message came from. */
export interface PreviousHop {
  readonly nodeId: NodeId;
  /**
   * RFC 6940 §6.1.2: the Node-IDs of the node's certificate, when there are several and it has not Attached with one
   * of them, so that only Ping and Attach are taken from it.
   */
  readonly unattached?: readonly NodeId[] | undefined;
}
