import type { NodeId } from '../../wire/ids.ts';

/** The peers we may route through, in ring order: the union of neighbour and finger table (RFC 6940 §10.3). */
export class PeerRing {
  readonly #sorted: NodeId[] = [];

  get size(): number {
    return this.#sorted.length;
  }

  has(peer: NodeId): boolean {
    return this.#sorted[this.#lowerBound(peer)] === peer;
  }

  /** False when it was there already. */
  add(peer: NodeId): boolean {
    const at = this.#lowerBound(peer);
    if (this.#sorted[at] === peer) return false;
    this.#sorted.splice(at, 0, peer);
    return true;
  }

  /** False when it was not there. */
  delete(peer: NodeId): boolean {
    const at = this.#lowerBound(peer);
    if (this.#sorted[at] !== peer) return false;
    this.#sorted.splice(at, 1);
    return true;
  }

  clear(): void {
    this.#sorted.length = 0;
  }

  /** The first peer at or after the identifier, clockwise. */
  atOrAfter(id: string): NodeId | undefined {
    return this.#sorted[this.#lowerBound(id)] ?? this.#sorted[0];
  }

  /** The last peer before the identifier, clockwise. */
  before(id: string): NodeId | undefined {
    return this.#sorted[this.#lowerBound(id) - 1] ?? this.#sorted.at(-1);
  }

  /** Up to `count` peers clockwise from the identifier, nearest first. */
  successors(id: string, count: number): NodeId[] {
    const size = this.#sorted.length;
    const start = this.#lowerBound(id);
    return Array.from({ length: Math.min(count, size) }, (_, i) => this.#sorted[(start + i) % size]!);
  }

  /** Up to `count` peers counter-clockwise from the identifier, nearest first. */
  predecessors(id: string, count: number): NodeId[] {
    const size = this.#sorted.length;
    const start = this.#lowerBound(id) - 1;
    return Array.from(
      { length: Math.min(count, size) },
      (_, i) => this.#sorted[(start - i + 2 * size) % size]!,
    );
  }

  [Symbol.iterator](): IterableIterator<NodeId> {
    return this.#sorted[Symbol.iterator]();
  }

  #lowerBound(id: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sorted[middle]! < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
