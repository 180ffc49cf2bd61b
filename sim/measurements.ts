import type { LookupResult } from './lookups.ts';
import type { SimOverlay } from './sim-overlay.ts';

/** One minute of virtual time. */
export interface Minute {
  /** Since the beginning of the measurement. */
  readonly at: number;
  readonly peers: number;
  readonly lookups: number;
  readonly failed: number;
  /** Records of living owners that were not found when last looked for, and all of them. */
  readonly missing: number;
  readonly records: number;
  readonly medianLatencyMs: number;
  /** Requests and answers that a peer originated, by their name, per peer: users' own left out. */
  readonly maintenance: ReadonlyMap<string, number>;
}

const MINUTE_MS = 60_000;

/** Collects what happens, minute by minute. */
export class Measurements {
  readonly minutes: Minute[] = [];
  readonly hops: number[] = [];
  readonly latenciesMs: number[] = [];
  lookups = 0;
  failed = 0;
  /** Records not found when last looked for. */
  missing = 0;
  /** The longest time for which a record of a living owner was not found. */
  longestOutageMs = 0;
  readonly #overlay: SimOverlay;
  #sentBefore: ReadonlyMap<string, number>;
  #usersBefore: number;
  #minute = { lookups: 0, failed: 0, latenciesMs: [] as number[], remote: 0 };
  #running = false;

  constructor(overlay: SimOverlay) {
    this.#overlay = overlay;
    this.#sentBefore = new Map(overlay.counts.sent);
    this.#usersBefore = overlay.counts.userStores;
  }

  start(): void {
    this.#running = true;
    this.#overlay.clock.setTimer(MINUTE_MS, () => this.#tick());
  }

  stop(): void {
    this.#running = false;
  }

  lookup({ found, hops, latencyMs }: LookupResult): void {
    if (hops > 0) this.#minute.remote++;
    if (found === undefined) return;
    this.lookups++;
    this.#minute.lookups++;
    if (found) {
      this.hops.push(hops);
      this.latenciesMs.push(latencyMs);
      this.#minute.latenciesMs.push(latencyMs);
    } else {
      this.failed++;
      this.#minute.failed++;
    }
  }

  outage(ms: number): void {
    this.longestOutageMs = Math.max(this.longestOutageMs, ms);
  }

  #tick(): void {
    const { counts, peers, clock } = this.#overlay;
    const { lookups, failed, latenciesMs, remote } = this.#minute;
    const maintenance = new Map<string, number>();
    const stores = counts.userStores - this.#usersBefore;
    const owed: Readonly<Record<string, number>> = {
      fetch_req: remote,
      fetch_ans: remote,
      store_req: stores,
      store_ans: stores,
    };
    for (const [message, count] of counts.sent) {
      const sent = count - (this.#sentBefore.get(message) ?? 0) - (owed[message] ?? 0);
      maintenance.set(message, Math.max(0, sent) / peers.length);
    }
    this.#sentBefore = new Map(counts.sent);
    this.#usersBefore = counts.userStores;
    this.minutes.push({
      at: this.minutes.length + 1,
      peers: peers.length,
      lookups,
      failed,
      missing: this.missing,
      records: peers.reduce((sum, { users }) => sum + users.length, 0),
      medianLatencyMs: quantile(latenciesMs, 0.5),
      maintenance,
    });
    this.#minute = { lookups: 0, failed: 0, latenciesMs: [], remote: 0 };
    if (this.#running) clock.setTimer(MINUTE_MS, () => this.#tick());
  }
}

/** The value below which this part of the values lies; 0 when there are none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
