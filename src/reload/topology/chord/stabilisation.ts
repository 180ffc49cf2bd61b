import type { Random } from '../../../base/index.ts';
import type { TopologyAction } from '../topology.ts';
import { Deadlines } from './deadlines.ts';
import type { RoutingTable } from './routing-table.ts';

/** Surplus records are dropped once the ring has been quiet for this long. */
const SURPLUS_DELAY_MS = 60_000;
/** Part of each interval that is random (RFC 6940 §10.7.4.1: "randomly offset"). */
const JITTER = 0.2;

export interface StabilisationIntervals {
  /** §10.7.4.1, `chord-update-interval`. */
  readonly updateIntervalMs: number;
  /** §10.7.4.2, `chord-ping-interval`. */
  readonly pingIntervalMs: number;
}

/** What a member does from time to time (RFC 6940 §10.7.4), and what it does once the ring is quiet. */
export class Stabilisation {
  readonly #random: Random;
  readonly #table: RoutingTable;
  readonly #intervals: StabilisationIntervals;
  readonly #deadlines = new Deadlines<'neighbor' | 'finger' | 'partition' | 'surplus'>();
  #nextNeighbor = 0;

  constructor(
    deps: { readonly random: Random; readonly table: RoutingTable },
    intervals: StabilisationIntervals,
  ) {
    this.#random = deps.random;
    this.#table = deps.table;
    this.#intervals = intervals;
  }

  start(nowMs: number): void {
    const { updateIntervalMs, pingIntervalMs } = this.#intervals;
    this.#deadlines.setIfUnset('neighbor', nowMs + this.#jittered(updateIntervalMs / 2));
    this.#deadlines.setIfUnset('finger', nowMs + this.#jittered(pingIntervalMs));
    this.#deadlines.setIfUnset('partition', nowMs + this.#jittered(updateIntervalMs));
  }

  /** The neighbours changed: there may be records that are no longer ours to keep. */
  neighborsChanged(nowMs: number): void {
    this.#deadlines.set('surplus', nowMs + SURPLUS_DELAY_MS);
  }

  next(): number | undefined {
    return this.#deadlines.next();
  }

  timeout(nowMs: number, actions: TopologyAction[]): void {
    if (this.#deadlines.take('neighbor', nowMs)) this.#updateNextNeighbor(nowMs, actions);
    if (this.#deadlines.take('finger', nowMs)) this.#searchFinger(nowMs, actions);
    if (this.#deadlines.take('surplus', nowMs)) actions.push({ type: 'drop-surplus' });
    if (this.#deadlines.take('partition', nowMs)) {
      this.#deadlines.set('partition', nowMs + this.#jittered(this.#intervals.updateIntervalMs));
      if (this.#table.membership === 'member') actions.push({ type: 'probe-partition' });
    }
  }

  /** §10.7.4.1: each neighbour once in an update interval, one after the other. */
  #updateNextNeighbor(nowMs: number, actions: TopologyAction[]): void {
    const neighbors = this.#table.neighbors.all();
    const count = Math.max(1, neighbors.length);
    const peer = neighbors[this.#nextNeighbor++ % count];
    if (peer !== undefined && this.#table.membership === 'member')
      actions.push({ type: 'send-update', to: [peer], full: false });
    this.#deadlines.set('neighbor', nowMs + this.#jittered(this.#intervals.updateIntervalMs / count));
  }

  /** §10.7.4.2, alternative 1: walks from i=1 and takes each invalid entry with probability 0.5. */
  #searchFinger(nowMs: number, actions: TopologyAction[]): void {
    this.#deadlines.set('finger', nowMs + this.#jittered(this.#intervals.pingIntervalMs));
    const { fingers } = this.#table;
    for (const i of this.#table.searchableFingers()) {
      if (fingers.entry(i) !== undefined || this.#random.float() < 0.5) continue;
      actions.push({ type: 'find-peer', near: fingers.randomInRange(i, this.#random) });
      return;
    }
  }

  #jittered(ms: number): number {
    return ms * (1 - JITTER + 2 * JITTER * this.#random.float());
  }
}
