import type { Unsubscribe } from '../../base/index.ts';
import type { Flow } from '../transport/flow.ts';

interface Entry<T> {
  readonly items: Set<T>;
  readonly unsubscribe: Unsubscribe | undefined;
}

/**
 * Transactions by the connection they use. Those of an overlay peer are kept under its Node-ID and outlive the
 * connection; all others are reported as lost when theirs closes. UDP transactions are not kept here at all.
 */
export class FlowIndex<T> {
  readonly #entries = new Map<string | number, Entry<T>>();

  /** @param onLost called with what is left when the connection closes; never for overlay peers */
  add(flow: Flow, item: T, onLost?: (items: ReadonlySet<T>) => void): void {
    const key = keyOf(flow);
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.items.add(item);
      return;
    }
    const items = new Set([item]);
    const watched = flow.peer === undefined && flow.open && onLost !== undefined;
    const unsubscribe = watched ? flow.closed.on(() => onLost(items)) : undefined;
    this.#entries.set(key, { items, unsubscribe });
  }

  delete(flow: Flow, item: T): void {
    const key = keyOf(flow);
    const entry = this.#entries.get(key);
    if (entry === undefined || !entry.items.delete(item) || entry.items.size > 0) return;
    entry.unsubscribe?.();
    this.#entries.delete(key);
  }

  /** A copy: the caller may add and delete meanwhile. */
  ofPeer(peer: string): T[] {
    return [...(this.#entries.get(peer)?.items ?? [])];
  }

  clear(): void {
    for (const { unsubscribe } of this.#entries.values()) unsubscribe?.();
    this.#entries.clear();
  }
}

function keyOf(flow: Flow): string | number {
  return flow.peer ?? flow.id;
}
