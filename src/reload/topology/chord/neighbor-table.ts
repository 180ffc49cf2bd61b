import type { NodeId } from '../../wire/ids.ts';
import { contains } from '../topology.ts';
import { PeerRing } from './peer-ring.ts';

/** Predecessors and successors, nearest first. */
export interface Neighbors {
  readonly predecessors: readonly NodeId[];
  readonly successors: readonly NodeId[];
}

/**
 * RFC 6940 §10.1, §10.7: the nearest peers on either side, read off the ring of known peers. Ourselves we never list; in
 * a small ring one peer may stand in both lists, and lists may be short.
 */
export class NeighborTable {
  readonly #self: NodeId;
  readonly #peers: PeerRing;
  readonly #count: number;
  #current: Neighbors = { predecessors: [], successors: [] };
  #all: readonly NodeId[] = [];

  /** @param count peers wanted on each side, at least 3 */
  constructor(self: NodeId, peers: PeerRing, count: number) {
    this.#self = self;
    this.#peers = peers;
    this.#count = count;
  }

  get current(): Neighbors {
    return this.#current;
  }

  get predecessor(): NodeId | undefined {
    return this.#current.predecessors[0];
  }

  /** Each neighbour once. */
  all(): readonly NodeId[] {
    return this.#all;
  }

  /** Reads the table off the ring again. @returns what it was before when it changed, else undefined */
  refresh(): Neighbors | undefined {
    const before = this.#current;
    const after = neighborsOf(this.#self, this.#peers, this.#count);
    if (sameList(before.predecessors, after.predecessors) && sameList(before.successors, after.successors))
      return undefined;
    this.#current = after;
    this.#all = [...new Set([...after.predecessors, ...after.successors])];
    return before;
  }

  /**
   * Those among the candidates who belong into the table and are not in it, given the peers in it and each other
   * (§10.7.3: "closer than entries in the Neighbor Table").
   */
  wanted(candidates: readonly NodeId[]): NodeId[] {
    // Most Updates name nobody new: that is found out without building a ring.
    if (!candidates.some((peer) => peer !== this.#self && this.#hasRoomFor(peer, this.#self, this.#current)))
      return [];
    const thought = new PeerRing();
    for (const peer of this.all()) thought.add(peer);
    const fresh = [];
    for (const peer of candidates) {
      if (peer !== this.#self && thought.add(peer)) fresh.push(peer);
    }
    const { predecessors, successors } = neighborsOf(this.#self, thought, this.#count);
    return fresh.filter((peer) => predecessors.includes(peer) || successors.includes(peer));
  }

  /** Whether we know peers that belong into the table of `peer` and that it did not name. */
  couldImprove(peer: NodeId, named: Neighbors): boolean {
    const known = [this.#self, ...this.#all];
    if (!known.some((other) => other !== peer && this.#hasRoomFor(other, peer, named))) return false;
    const thought = new PeerRing();
    for (const other of named.predecessors) if (other !== peer) thought.add(other);
    for (const other of named.successors) if (other !== peer) thought.add(other);
    const ours = [];
    for (const other of known) {
      if (other !== peer && thought.add(other)) ours.push(other);
    }
    const ideal = neighborsOf(peer, thought, this.#count);
    return ours.some((other) => ideal.predecessors.includes(other) || ideal.successors.includes(other));
  }

  /**
   * Our neighbours between `from` and us, when its lists pass over one of them: it may have found out that they are gone.
   */
  doubted(from: NodeId, { predecessors, successors }: Neighbors): NodeId[] {
    const first = predecessors.at(-1);
    const last = successors.at(-1);
    if (first === undefined || last === undefined) return [];
    const covered = { after: first, upTo: last };
    if (!contains(covered, from)) return [];
    const passedOver = this.#all.filter(
      (peer) =>
        peer !== from &&
        contains(covered, peer) &&
        !predecessors.includes(peer) &&
        !successors.includes(peer),
    );
    const arcs = [
      { after: from, upTo: this.#self },
      { after: this.#self, upTo: from },
    ].filter((arc) => passedOver.some((peer) => contains(arc, peer)));
    return this.#all.filter((peer) => peer !== from && arcs.some((arc) => contains(arc, peer)));
  }

  /** Whether `peer` may belong into these neighbours of `owner` although it is not named there: no false negatives. */
  #hasRoomFor(peer: NodeId, owner: NodeId, { predecessors, successors }: Neighbors): boolean {
    const first = predecessors[this.#count - 1];
    const last = successors[this.#count - 1];
    if (first === undefined || last === undefined) return true;
    const covered = { after: first, upTo: last };
    // In a small ring the two sides overlap.
    if (contains(covered, owner) && !contains(covered, peer)) return false;
    return !predecessors.includes(peer) && !successors.includes(peer);
  }
}

function neighborsOf(self: NodeId, peers: PeerRing, count: number): Neighbors {
  return { predecessors: peers.predecessors(self, count), successors: peers.successors(self, count) };
}

function sameList(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((peer, i) => peer === b[i]);
}
