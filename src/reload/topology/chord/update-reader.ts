import { IdleMap } from '../../../base/index.ts';
import type { NodeId } from '../../wire/ids.ts';
import type { TopologyAction } from '../topology.ts';
import type { Neighbors, NeighborTable } from './neighbor-table.ts';

/** Neighbours that somebody passes over are checked at most this often: their links need a second to show it. */
const CHECK_PAUSE_MS = 2_000;
/** A peer gets an unasked Update with neighbours it lacks at most this often. */
const HINT_PAUSE_MS = 5_000;

/** What a member makes of neighbours that an Update names differently than it would itself. */
export class UpdateReader {
  readonly #neighbors: NeighborTable;
  readonly #hintedAt = new IdleMap<NodeId, number>();
  #checkedAt = -Infinity;

  constructor(deps: { readonly neighbors: NeighborTable }) {
    this.#neighbors = deps.neighbors;
  }

  /** @param named those of the peer `from`, by its Update @param actions what follows is added here */
  read(from: NodeId, named: Neighbors, nowMs: number, actions: TopologyAction[]): void {
    this.#hint(from, named, nowMs, actions);
    this.#doubt(from, named, nowMs, actions);
  }

  /** The peer is gone. */
  forget(peer: NodeId): void {
    this.#hintedAt.delete(peer);
  }

  /**
   * Answers an Update that lacks neighbours we know with one of our own. Without it a peer that lost all its
   * successors at once would never hear of the ones in between: only its new neighbours know them, and those see
   * nothing new in its Update.
   */
  #hint(to: NodeId, named: Neighbors, nowMs: number, actions: TopologyAction[]): void {
    if ((this.#hintedAt.get(to) ?? -Infinity) > nowMs - HINT_PAUSE_MS) return;
    if (!this.#neighbors.couldImprove(to, named)) return;
    this.#hintedAt.set(to, nowMs);
    actions.push({ type: 'send-update', to: [to], full: false });
  }

  /**
   * A silent peer is noticed by whoever sends it something: its predecessor, through which lookups come, long before its
   * successor, who has to answer in its stead. The Update of the former tells the latter to look.
   */
  #doubt(from: NodeId, named: Neighbors, nowMs: number, actions: TopologyAction[]): void {
    if (nowMs - this.#checkedAt < CHECK_PAUSE_MS) return;
    const peers = this.#neighbors.doubted(from, named);
    if (peers.length === 0) return;
    this.#checkedAt = nowMs;
    actions.push({ type: 'check', peers });
  }
}
