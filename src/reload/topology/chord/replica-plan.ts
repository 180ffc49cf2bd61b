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
  #heldUntil: number | undefined;

  constructor(holdDownMs: number) {
    this.#holdDownMs = holdDownMs;
  }

  /** Monotonic ms; undefined when nothing is held down. */
  get heldUntil(): number | undefined {
    return this.#heldUntil;
  }

  /** This peer has our records already. */
  assumeHeldBy(peer: NodeId): void {
    this.#holders = [peer];
  }

  /** Whether somebody in the set lacks our records and is due for them now. */
  changed(replicaSet: readonly NodeId[], change: ReplicaChange, nowMs: number): boolean {
    this.#holders = this.#holders.filter((holder) => replicaSet.includes(holder));
    if (replicaSet.every((peer) => this.#holders.includes(peer))) return false;
    if (change === 'failure') this.#heldUntil = nowMs + this.#holdDownMs;
    return this.#heldUntil === undefined;
  }

  /** Ends the hold-down. @returns the members of the set who lack our records; they count as given from now on */
  takeDue(replicaSet: readonly NodeId[]): NodeId[] {
    this.#heldUntil = undefined;
    const missing = replicaSet.filter((peer) => !this.#holders.includes(peer));
    this.#holders = replicaSet;
    return missing;
  }
}
