import { type Address, type Clock, formatAddress, LruMap } from '../../base/index.ts';
import type { TransportName } from '../transport/flow.ts';

interface Target {
  readonly transport: TransportName;
  readonly address: Address;
}

/** Those not asked for the longest are forgotten. */
const MAX_DEAD = 1_024;
/** ms */
const DEAD_MS = 30_000;
/** A server that is overloaded says itself for how long; up to this it is believed, ms (RFC 3261 §21.5.4). */
const MAX_RETRY_AFTER_MS = 300_000;

/** Servers that failed lately: a call must not wait for each of them anew (RFC 3263 §4.3). */
export class DeadTargets {
  readonly #clock: Clock;
  /** Until when, monotonic ms. */
  readonly #dead = new LruMap<string, number>(MAX_DEAD);

  constructor(deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
  }

  /** Those worth trying, in their order: all, when all are dead. */
  alive<T extends Target>(targets: readonly T[]): readonly T[] {
    if (this.#dead.size === 0 || targets.length < 2) return targets;
    const alive = targets.filter((target) => !this.#isDead(target));
    return alive.length === 0 ? targets : alive;
  }

  /** @param forMs as the server asks for */
  add(target: Target, forMs = DEAD_MS): void {
    this.#dead.set(keyOf(target), this.#clock.monotonic() + Math.min(forMs, MAX_RETRY_AFTER_MS));
  }

  /** It answered. */
  delete(target: Target): void {
    if (this.#dead.size > 0) this.#dead.delete(keyOf(target));
  }

  #isDead(target: Target): boolean {
    const until = this.#dead.get(keyOf(target));
    if (until === undefined) return false;
    if (this.#clock.monotonic() < until) return true;
    this.#dead.delete(keyOf(target));
    return false;
  }
}

function keyOf({ transport, address }: Target): string {
  return `${transport} ${formatAddress(address)}`;
}
