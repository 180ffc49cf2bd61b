import type { NodeId, ResourceId } from '../../wire/ids.ts';
import { contains, type IdRange, type Membership, type RingSnapshot } from '../topology.ts';
import { FingerTable } from './finger-table.ts';
import { NeighborTable } from './neighbor-table.ts';
import { PeerRing } from './peer-ring.ts';
import { distance, fractionPpb } from './ring-arithmetic.ts';

/** RFC 6940 §10.4: the next two peers keep replicas. */
const REPLICAS = 2;

/** RFC 6940 §10.3: the union of neighbour and finger table, and the questions it answers. */
export class RoutingTable {
  readonly self: NodeId;
  readonly peers = new PeerRing();
  readonly neighbors: NeighborTable;
  readonly fingers: FingerTable;
  membership: Membership = 'outside';

  /** @param options.neighbors per side, @param options.fingers at least */
  constructor(self: NodeId, options: { readonly neighbors: number; readonly fingers: number }) {
    this.self = self;
    this.neighbors = new NeighborTable(self, this.peers, options.neighbors);
    this.fingers = new FingerTable(self, this.peers, options.fingers);
  }

  /** What we are responsible for: (predecessor, self] (§10.1). */
  range(): IdRange {
    const after = this.membership === 'member' ? this.neighbors.predecessor : undefined;
    return { after: after ?? this.self, upTo: this.self };
  }

  isResponsible(id: string): boolean {
    if (this.membership !== 'member') return this.membership === 'alone';
    return contains(this.range(), id);
  }

  nextHop(id: string): NodeId | undefined {
    if (this.isResponsible(id)) return this.self;
    if (this.peers.has(id)) return id;
    // §10.3: the largest Node-ID between us and the identifier; without one, the smallest after it.
    const preceding = this.peers.before(id);
    if (preceding === undefined) return undefined;
    return distance(this.self, preceding) < distance(this.self, id) ? preceding : this.peers.atOrAfter(id);
  }

  replicaSet(): readonly NodeId[] {
    return this.neighbors.current.successors.slice(0, REPLICAS);
  }

  /** §10.7.3: not once there are three predecessors between us and the resource. */
  keeps(resource: ResourceId): boolean {
    const third = this.neighbors.current.predecessors[REPLICAS];
    return (
      this.membership === 'alone' ||
      third === undefined ||
      contains({ after: third, upTo: this.self }, resource)
    );
  }

  isPlausibleReplicaSource(sender: NodeId, resource: ResourceId): boolean {
    // NOTE: §7.4.1.1 wants the sender near the resource. Towards its owner any peer may re-store what it is no longer
    // responsible for (§6.4.2.3), however far it is in a ring that has just been merged.
    if (this.isResponsible(resource)) return true;
    const holders = new PeerRing();
    for (const peer of this.peers.successors(resource, REPLICAS + 1)) holders.add(peer);
    holders.add(this.self);
    const farthest = holders.successors(resource, REPLICAS + 1)[REPLICAS];
    return farthest === undefined || distance(resource, sender) <= distance(resource, farthest);
  }

  /** §6.3.4: no neighbour of ours would be a better owner; in Chord the first node at or after the resource owns it. */
  isPlausibleOwner(node: NodeId, resource: ResourceId): boolean {
    const way = distance(resource, node);
    return this.neighbors.all().every((neighbor) => way <= distance(resource, neighbor));
  }

  responsibleFractionPpb(): number {
    return this.membership === 'outside' ? 0 : fractionPpb(this.range().after, this.self);
  }

  snapshot(): RingSnapshot {
    const entries = () => this.fingers.entries(this.#fingerCount());
    return {
      ...this.neighbors.current,
      // Read when somebody asks: most want the neighbours alone, at every event.
      get fingers() {
        return entries();
      },
    };
  }

  /** The finger entries whose search can find somebody the neighbour table does not cover. */
  searchableFingers(): number[] {
    const { predecessors, successors } = this.neighbors.current;
    return this.fingers.beyondNeighbors(this.#fingerCount(), predecessors.at(-1), successors.at(-1));
  }

  /** The searchable entry that this peer holds. */
  fingerHeldBy(peer: NodeId): number | undefined {
    return this.searchableFingers().find((i) => this.fingers.entry(i) === peer);
  }

  #fingerCount(): number {
    return this.fingers.size(this.neighbors.current.successors.at(-1));
  }
}
