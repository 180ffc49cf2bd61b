import type { NodeId } from '../../wire/ids.ts';

/** Why the replica set is what it is now. */
export type ReplicaChange = 'failure' | 'better-peer';

/**
 * RFC 6940 §10.7.1, §10.7.3: who has been given replicas of our range, and when a new member of the replica set gets
 * them: at once when a nearer peer arrived, after the hold-down when it replaces a failed one, so that a triggered
 * Update can name a better one first.
 */
export class ReplicaPlan {
  readonly #holdDownMs: number;
  #holders: readonly NodeId[] = [];
  #held: readonly NodeId[] = [];
  #heldUntil: number | undefined;

  constructor(holdDownMs: number) {
    this.#holdDownMs = holdDownMs;
  }

  /** Monotonic ms; undefined when nobody is held down. */
  get heldUntil(): number | undefined {
    return this.#heldUntil;
  }

  /** This peer has our records already. */
  assumeHeldBy(peer: NodeId): void {
    this.#holders = [peer];
    this.#held = [];
    this.#heldUntil = undefined;
  }

  /** @returns those who get our records now; they count as given */
  changed(replicaSet: readonly NodeId[], change: ReplicaChange, nowMs: number): readonly NodeId[] {
    this.#holders = this.#holders.filter((peer) => replicaSet.includes(peer));
    this.#held = this.#held.filter((peer) => replicaSet.includes(peer));
    const fresh = replicaSet.filter((peer) => !this.#holders.includes(peer) && !this.#held.includes(peer));
    if (change === 'failure' && fresh.length > 0) {
      this.#held = [...this.#held, ...fresh];
      // The first failure counts: a peer whose neighbours fail one after the other must not wait for ever.
      this.#heldUntil ??= nowMs + this.#holdDownMs;
      return [];
    }
    this.#holders = [...this.#holders, ...fresh];
    return fresh;
  }

  /** Ends the hold-down. @returns those who waited for it; they count as given */
  release(): readonly NodeId[] {
    const released = this.#held;
    this.#holders = [...this.#holders, ...released];
    this.#held = [];
    this.#heldUntil = undefined;
    return released;
  }
}
