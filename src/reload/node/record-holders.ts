import type { NodeId, ResourceId } from '../wire/ids.ts';

/** Peers that are remembered; one bit each. A peer has six neighbours, and keeps those it has lost for no time. */
const MAX_PEERS = 30;

/**
 * Which peers are known to hold of a resource what we hold, so that nothing is asked or sent twice. A note lasts until
 * the resource changes here or the link with that peer is lost.
 */
export class RecordHolders {
  readonly #bits = new Map<NodeId, number>();
  readonly #masks = new Map<ResourceId, number>();

  has(resource: ResourceId, peer: NodeId): boolean {
    return ((this.#masks.get(resource) ?? 0) & (this.#bits.get(peer) ?? 0)) !== 0;
  }

  add(resource: ResourceId, peer: NodeId): void {
    this.#masks.set(resource, (this.#masks.get(resource) ?? 0) | this.#bitOf(peer));
  }

  /** What we hold of the resource has changed. */
  forget(resource: ResourceId): void {
    this.#masks.delete(resource);
  }

  /** The peer may come back with less than it had. */
  lost(peer: NodeId): void {
    const bit = this.#bits.get(peer);
    if (bit === undefined) return;
    this.#bits.delete(peer);
    for (const [resource, mask] of this.#masks) {
      if ((mask & bit) !== 0) this.#masks.set(resource, mask & ~bit);
    }
  }

  #bitOf(peer: NodeId): number {
    const known = this.#bits.get(peer);
    if (known !== undefined) return known;
    if (this.#bits.size === MAX_PEERS) {
      // Not seen in a ring: that many neighbours at a time. Everything is looked at once more.
      this.#bits.clear();
      this.#masks.clear();
    }
    const taken = [...this.#bits.values()].reduce((all, bit) => all | bit, 0);
    const free = ~taken & -~taken;
    this.#bits.set(peer, free);
    return free;
  }
}
