import type { Random } from '../../../base/index.ts';
import { toHex } from '../../../base/index.ts';
import type { NodeId, ResourceId } from '../../wire/ids.ts';
import { contains } from '../topology.ts';
import type { PeerRing } from './peer-ring.ts';
import { distance, fingerIndex, plus, plusPowerOfTwo } from './ring-arithmetic.ts';

const BITS = 128;

/**
 * RFC 6940 §10.1, §10.7.4: entry i is the first known peer in [self + 2^(128-i), self + 2^(128-(i-1)) - 1]. Entries are
 * read off the ring of known peers, so a failed entry is replaced by the best match at once (§10.7.2).
 */
export class FingerTable {
  readonly #self: NodeId;
  readonly #peers: PeerRing;
  readonly #minimum: number;

  constructor(self: NodeId, peers: PeerRing, minimum: number) {
    this.#self = self;
    this.#peers = peers;
    this.#minimum = minimum;
  }

  /** §10.7.4.3: 16 entries, more when the neighbourhood is so dense that the last successor lies below them. */
  size(lastSuccessor: NodeId | undefined): number {
    if (lastSuccessor === undefined) return this.#minimum;
    return Math.min(BITS, Math.max(this.#minimum, fingerIndex(this.#self, lastSuccessor)));
  }

  /** Where the range of entry i begins. */
  target(index: number): ResourceId {
    return plusPowerOfTwo(this.#self, BITS - index);
  }

  entry(index: number): NodeId | undefined {
    const peer = this.#peers.atOrAfter(this.target(index));
    return peer !== undefined && fingerIndex(this.#self, peer) === index ? peer : undefined;
  }

  /** The distinct entries in numerically ascending order, as an Update of type "full" lists them (§10.7). */
  entries(size: number): NodeId[] {
    const found = new Set<NodeId>();
    for (let i = 1; i <= size; i++) {
      const peer = this.entry(i);
      if (peer !== undefined) found.add(peer);
    }
    return [...found].sort();
  }

  /**
   * Entries worth a search: those whose range begins outside the stretch of ring that the neighbour table covers without
   * a gap. Within it we know every peer there is.
   */
  beyondNeighbors(
    size: number,
    lastPredecessor: NodeId | undefined,
    lastSuccessor: NodeId | undefined,
  ): number[] {
    if (lastPredecessor === undefined || lastSuccessor === undefined) return [];
    // Predecessors and successors meet on the far side: the whole ring is known.
    if (distance(this.#self, lastSuccessor) >= distance(this.#self, lastPredecessor)) return [];
    const indices = [];
    for (let i = 1; i <= size; i++) {
      const target = this.target(i);
      if (!contains({ after: lastPredecessor, upTo: lastSuccessor }, target)) indices.push(i);
    }
    return indices;
  }

  /** A random identifier in the range of entry i (§10.7.4.2: random rather than strictly spaced). */
  randomInRange(index: number, random: Random): ResourceId {
    const offset = Buffer.from(random.bytes(BITS / 8));
    const bits = BITS - index;
    for (let bit = BITS - 1; bit >= bits; bit--) offset[15 - (bit >> 3)]! &= ~(1 << (bit & 7));
    return plus(this.target(index), toHex(offset));
  }
}
