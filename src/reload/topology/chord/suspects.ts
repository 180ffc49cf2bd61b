import { IdleMap } from '../../../base/index.ts';
import type { NodeId } from '../../wire/ids.ts';

const FIRST_PAUSE_MS = 30_000;
const MAX_TRIES = 3;
const MAX_SUSPECTS = 256;

interface Suspect {
  untilMs: number;
  tries: number;
}

/**
 * Peers that others still name but that we could not reach. They are left alone for a while, else the gossip about a
 * dead peer would make everybody Attach to it again and again.
 */
export class Suspects {
  readonly #suspects = new IdleMap<NodeId, Suspect>();

  has(peer: NodeId): boolean {
    return this.#suspects.has(peer);
  }

  add(peer: NodeId, nowMs: number): void {
    const tries = (this.#suspects.get(peer)?.tries ?? 0) + 1;
    this.#suspects.delete(peer);
    const oldest = this.#suspects.keys().next();
    if (this.#suspects.size >= MAX_SUSPECTS && !oldest.done) this.#suspects.delete(oldest.value);
    this.#suspects.set(peer, { untilMs: nowMs + FIRST_PAUSE_MS * 2 ** (tries - 1), tries });
  }

  /** Left alone for one pause, then forgotten without another try. */
  addForOnce(peer: NodeId, nowMs: number): void {
    this.#suspects.set(peer, { untilMs: nowMs + FIRST_PAUSE_MS, tries: MAX_TRIES });
  }

  clear(peer: NodeId): void {
    this.#suspects.delete(peer);
  }

  /** When the next pause ends, monotonic ms. */
  next(): number | undefined {
    let next: number | undefined;
    for (const { untilMs } of this.#suspects.values()) next = Math.min(next ?? untilMs, untilMs);
    return next;
  }

  /**
   * Those whose pause is over, for another try that ends in `add` or `clear`. Who had their share of tries are
   * forgotten instead.
   */
  takeDue(nowMs: number): NodeId[] {
    const due: NodeId[] = [];
    for (const [peer, suspect] of this.#suspects) {
      if (suspect.untilMs > nowMs) continue;
      if (suspect.tries < MAX_TRIES) {
        suspect.untilMs = Number.POSITIVE_INFINITY;
        due.push(peer);
      } else this.#suspects.delete(peer);
    }
    return due;
  }
}
