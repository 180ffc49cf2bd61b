import type { NodeId, ResourceId } from '../wire/ids.ts';

/** The identifiers after `after` up to and including `upTo`, clockwise; the whole ring when both are equal. */
export interface IdRange {
  readonly after: string;
  readonly upTo: string;
}

/** Whether the identifier lies in the range. */
export function contains({ after, upTo }: IdRange, id: string): boolean {
  return after < upTo ? after < id && id <= upTo : id > after || id <= upTo;
}

/** Whom an Update goes to: everybody we have a link with, those of them who are not neighbours, or the peers named. */
export type UpdateAudience = 'connections' | 'non-neighbors' | readonly NodeId[];

/** What a topology plug-in wants done. The node carries it out and reports back through the plug-in's events. */
export type TopologyAction =
  /** Attach to this peer, source-routed through its informant when there is one (RFC 6940 §10.6). */
  | { readonly type: 'attach'; readonly nodeId: NodeId; readonly via?: NodeId }
  /** Look for a peer near this identifier and Attach to it when it is new to us (§10.5, §10.7.4.2). */
  | { readonly type: 'find-peer'; readonly near: ResourceId }
  | { readonly type: 'send-update'; readonly to: UpdateAudience; readonly full: boolean }
  /** Somebody else seems to have lost these peers: find out at once whether their links work. */
  | { readonly type: 'check'; readonly peers: readonly NodeId[] }
  /** Store what we hold of this range at these peers as replicas (§10.4, §10.7.3). */
  | { readonly type: 'replicate'; readonly range: IdRange; readonly to: readonly NodeId[] }
  /** We are no longer responsible for this range: store what we hold of it at its owner (§6.4.2.3). */
  | { readonly type: 'hand-over'; readonly range: IdRange }
  /** We stopped being a replica for something: delete what its owner has (§10.7.3). */
  | { readonly type: 'drop-surplus' }
  /** A peer named us its neighbour: we are part of the overlay from now on (§10.5 step 7). */
  | { readonly type: 'admitted'; readonly by: NodeId }
  /** Repeat the bootstrap discovery to see whether the overlay fell apart (§10.7.4.4). */
  | { readonly type: 'probe-partition' }
  /** No peer is left: join again. */
  | { readonly type: 'isolated' };

export type Actions = readonly TopologyAction[];

/** How we stand towards the overlay. */
export type Membership =
  /** Not part of it: a joining node, or a client. */
  | 'outside'
  /** Part of it, responsible for its own range. */
  | 'member'
  /** Alone: responsible for everything, whether as the first node or cut off from the others. */
  | 'alone';

/** A snapshot for operators; nearest neighbours first. */
export interface RingSnapshot {
  readonly predecessors: readonly NodeId[];
  readonly successors: readonly NodeId[];
  readonly fingers: readonly NodeId[];
}

/**
 * A topology plug-in (RFC 6940 §6.4.1): decides who is responsible, where to route, whom to know and where replicas
 * go. It does no I/O: events and time in, actions out. `nowMs` is monotonic. A peer becomes known only through an
 * Update that came over a link with it (§6.5.1), so every peer it names as a next hop has a link.
 */
export interface TopologyPlugin {
  readonly self: NodeId;
  readonly membership: Membership;

  isResponsible(id: string): boolean;
  /** The peer a message for this Node-ID or Resource-ID goes to next; self when we are responsible; undefined: nobody. */
  nextHop(id: string): NodeId | undefined;
  /** Where we store replicas of what we are responsible for, in the order of their replica numbers. */
  replicaSet(): readonly NodeId[];
  /** Whether we are responsible for the resource or one of those who keep a replica (§10.7.3). */
  keeps(resource: ResourceId): boolean;
  /** Whether this node may ask us to keep a replica of the resource (§7.4.1.1). */
  isPlausibleReplicaSource(sender: NodeId, resource: ResourceId): boolean;
  /** Whether the node may answer for the resource: none of our neighbours would be a better owner (§6.3.4). */
  isPlausibleOwner(node: NodeId, resource: ResourceId): boolean;
  /** The part of the identifier space we are responsible for, in parts per billion (§6.4.2.5). */
  responsibleFractionPpb(): number;
  /** The peers whose links have to be kept alive. */
  neighbors(): readonly NodeId[];
  knows(peer: NodeId): boolean;
  /** True while Attaches to neighbours-to-be are under way. */
  readonly settling: boolean;
  snapshot(): RingSnapshot;

  /** The resource whose owner admits us (§10.5 step 2). */
  admittingResource(): ResourceId;
  /** What a node that we admit becomes responsible for; a part of our own range. */
  rangeOf(joining: NodeId): IdRange;
  /** Identifiers near which a joining node wants peers, apart from its neighbours (§10.5 step 3). */
  initialFingers(): readonly ResourceId[];

  /** The contents of an UpdateReq of ours, encoded. */
  updateContents(full: boolean, uptimeS: number): Uint8Array;
  /** The body of our RouteQueryAns, encoded: whom we send to next, or we ourselves (§10.8). */
  routeQueryContents(next: NodeId): Uint8Array;
  /** Whom such a body of another peer names. @throws DecodeError */
  routeQueryNext(contents: Uint8Array): NodeId;
  /** overlay_specific_data of our LeaveReq to this neighbour, encoded (§10.9). */
  leaveContents(to: NodeId): Uint8Array;

  /** We are the first node, or nobody else is left. */
  standAlone(nowMs: number): Actions;
  /** An UpdateReq from the peer at the other end of a link. @throws DecodeError */
  updateReceived(from: NodeId, contents: Uint8Array, nowMs: number): Actions;
  /** A LeaveReq from the peer at the other end of a link. @throws DecodeError */
  leaveReceived(from: NodeId, contents: Uint8Array, nowMs: number): Actions;
  /** The peer is no longer part of the overlay although its link stands: it joins anew. */
  forget(peer: NodeId, nowMs: number): Actions;
  /** We admit this joining node: it has what it will be responsible for (§10.5 steps 7 and 8). */
  admit(joining: NodeId, nowMs: number): Actions;
  /** The last link with the peer is gone. */
  linkLost(peer: NodeId, nowMs: number): Actions;
  /** An `attach` action ended: the link stands, or it could not be made. */
  attachEnded(peer: NodeId, connected: boolean, nowMs: number): Actions;
  /** Replicas that are held back for now, for a peer that is about to leave. */
  flushReplicas(): Actions;
  /** When `timeout` wants to be called next, monotonic ms. */
  nextTimeout(): number | undefined;
  timeout(nowMs: number): Actions;
}
