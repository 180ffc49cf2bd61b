import type { SourceGuard } from './source-guard.ts';
import type { StreamFlow } from './stream-flow.ts';

/** The part of all connections that goes at a time, so that a full table is not searched for each new one. */
const PART = 0.01;
/** Whoever was heard of since keeps his place, ms. */
const IDLE_MS = 5_000;
/** After a search that found nobody, ms. */
const PAUSE_MS = 1_000;

/**
 * Makes room among the connections for new ones. Those give way that others opened, where nobody has proved to be one of
 * our users, and that no transaction needs; of these the longest idle. Where nobody has to prove who he is none is
 * known to be a stranger, and nobody gives way.
 */
export class IdleStrangers {
  readonly #flows: ReadonlySet<StreamFlow>;
  readonly #guard: SourceGuard | undefined;
  #searchAt = -Infinity;

  constructor(deps: { flows: ReadonlySet<StreamFlow>; guard: SourceGuard | undefined }) {
    this.#flows = deps.flows;
    this.#guard = deps.guard;
  }

  /** Closes some. @param now monotonic ms @returns how many */
  close(now: number): number {
    if (now < this.#searchAt) return 0;
    const idle = [...this.#flows].filter((flow) => this.#mayGo(flow, now));
    idle.sort((a, b) => a.lastReceivedAt - b.lastReceivedAt);
    const going = idle.slice(0, Math.max(1, Math.floor(this.#flows.size * PART)));
    for (const flow of going) flow.close();
    if (going.length === 0) this.#searchAt = now + PAUSE_MS;
    return going.length;
  }

  #mayGo({ listener, peer, isHeld, lastReceivedAt, remote }: StreamFlow, now: number): boolean {
    if (listener === undefined || peer !== undefined || isHeld || now - lastReceivedAt < IDLE_MS)
      return false;
    return this.#guard?.isStranger(remote.host) === true;
  }
}
