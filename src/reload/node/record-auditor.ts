import {
  type Clock,
  errorMessage,
  type Gauge,
  IdleSet,
  type Logger,
  type Metrics,
  type Random,
  sleep,
  type Timer,
} from '../../base/index.ts';
import { toNode, toResource } from '../messages/destination.ts';
import type { ResourceStore } from '../storage/resource-store.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { NodeId, ResourceId } from '../wire/ids.ts';
import { forEachConcurrently } from './concurrency.ts';
import type { RecordHolders } from './record-holders.ts';
import { LAST, RecordRanking, rankOf } from './record-ranking.ts';
import type { RecordSync, SyncTarget } from './record-sync.ts';

/** Resources being compared at once. */
const CONCURRENT = 16;

/** Passes begin at least this far apart: what changes in between is one change. */
const GATHER_MS = 200;

/** A new member of the replica set is audited after this time even if nobody asked for it: past the hold-down. */
const MATURE_MS = 35_000;

/** What could not be brought into line is tried again after this time, doubled each time up to the second. */
const RETRY_MS = 15_000;
const MAX_RETRY_MS = 300_000;

/** A resource that goes on changing while it is audited is left to a later pass. */
const ROUNDS = 3;

/** Resources of one pass; the next pass takes the next ones, and what was stored meanwhile before them. */
const PASS = 2_000;

/** So many resources are looked at before others have their turn: a peer with phones must not pause for a tenth of a second. */
const SLICE = 500;

/**
 * Anti-entropy (RFC 6940 §7.4.1.1, §10.7.3): compares all this peer holds with those who should hold it as well, the
 * owner with its replicas, a replica with the owner, and gives what is surplus to its owner before it is dropped. What
 * is known to be in line is passed over, so a pass costs what has changed since the last one, at a bounded pace.
 */
export class RecordAuditor {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #store: ResourceStore;
  readonly #topology: TopologyPlugin;
  readonly #holders: RecordHolders;
  readonly #sync: RecordSync;
  readonly #stopping: AbortSignal;
  readonly #pending: Gauge;
  /** Members of the replica set, since when, and whether they are to be given what they lack. */
  #replicas: ReadonlyMap<NodeId, { readonly since: number; wanted: boolean }> = new Map();
  #ring = '';
  /** The pass that runs; one that is not this any more ends. */
  #current: object = {};
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #retryMs = RETRY_MS;
  #surplusDue = false;
  /** What could not be brought into line since the ring changed last. */
  readonly #failed = new IdleSet<ResourceId>();
  /** What its owner was found to hold since then, even an owner that we do not know as our neighbour. */
  readonly #settledWithOwner = new IdleSet<ResourceId>();
  /** The last pass left something for another one. */
  #isPart = false;

  constructor(
    deps: {
      clock: Clock;
      random: Random;
      logger: Logger;
      metrics: Metrics;
      store: ResourceStore;
      topology: TopologyPlugin;
      holders: RecordHolders;
      sync: RecordSync;
    },
    options: { readonly stopping: AbortSignal },
  ) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#logger = deps.logger;
    this.#store = deps.store;
    this.#topology = deps.topology;
    this.#holders = deps.holders;
    this.#sync = deps.sync;
    this.#stopping = options.stopping;
    this.#pending = deps.metrics.gauge(
      'reload_records_to_audit',
      'Resources not yet compared with all who should hold them',
    );
    options.stopping.addEventListener('abort', () => this.#timer?.close());
  }

  /** To be called after each event of the topology; does something when our neighbours have changed. */
  ringChanged(): void {
    const ring = `${this.#topology.membership} ${this.#topology.neighbors().join()}`;
    if (ring === this.#ring) return;
    this.#ring = ring;
    this.#follow();
    this.wake();
  }

  /** These members of the replica set are to be given what they lack, now. */
  replicate(to: readonly NodeId[]): void {
    this.#follow();
    for (const peer of to) {
      const replica = this.#replicas.get(peer);
      if (replica !== undefined) replica.wanted = true;
    }
    this.wake();
  }

  /** What we have no part in any more is to be given to its owner and dropped. */
  dropSurplus(): void {
    this.#surplusDue = true;
    this.wake();
  }

  /** What we hold of the resource has changed. */
  changed(resource: ResourceId): void {
    this.#holders.forget(resource);
    this.#settledWithOwner.delete(resource);
  }

  /** Begins a pass soon; one that runs already gives way to it. */
  wake(): void {
    this.#retryMs = RETRY_MS;
    this.#failed.clear();
    this.#settledWithOwner.clear();
    this.#wakeIn(GATHER_MS);
  }

  /** Something could not be sent: looks again, later. */
  wakeLater(): void {
    this.#wakeIn(this.#retryMs);
  }

  /** Resolves when everything that can be brought into line now has been. */
  async settled(): Promise<void> {
    if (this.#timerAt < Number.POSITIVE_INFINITY) this.#begin();
    while (this.#running !== undefined) {
      await this.#running;
      if (this.#isPart && !this.#stopping.aborted) this.#begin();
    }
  }

  #follow(): void {
    const since = this.#clock.monotonic();
    const before = this.#replicas;
    const set = this.#topology.replicaSet();
    this.#replicas = new Map(
      set.map((peer) => [peer, before.get(peer) ?? { since, wanted: false }] as const),
    );
    // Who is not our replica any more drops what it holds of ours, and may become one again.
    for (const peer of before.keys()) {
      if (!this.#replicas.has(peer)) this.#holders.lost(peer);
    }
  }

  #wakeIn(delayMs: number): void {
    const at = this.#clock.monotonic() + delayMs;
    if (at >= this.#timerAt || this.#stopping.aborted) return;
    this.#timer?.close();
    this.#timerAt = at;
    this.#timer = this.#clock.setTimer(delayMs, () => this.#begin());
  }

  #begin(): void {
    this.#timer?.close();
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.monotonic();
    for (const { since, wanted } of this.#replicas.values()) {
      if (!wanted && since + MATURE_MS > now) this.#wakeIn(since + MATURE_MS - now);
    }
    const pass = {};
    this.#current = pass;
    const running = this.#pass(pass)
      .catch((error) => {
        if (this.#stopping.aborted) return;
        this.#logger.warn('auditing records failed', { error: errorMessage(error) });
      })
      .finally(() => {
        if (this.#running === running) this.#running = undefined;
      });
    this.#running = running;
  }

  async #pass(pass: object): Promise<void> {
    const surplus = this.#surplusDue;
    this.#isPart = false;
    const ranking = await this.#rank(pass, surplus);
    let left = ranking.size;
    this.#pending.set(left);
    await forEachConcurrently(ranking.take(PASS, this.#random), CONCURRENT, async (resource) => {
      if (this.#isOver(pass)) return;
      if (await this.#bringIntoLine(resource)) this.#failed.delete(resource);
      else this.#failed.add(resource);
      left -= 1;
      if (this.#current === pass) this.#pending.set(left);
    });
    if (this.#isOver(pass)) return;
    // What failed comes last, so there is something else left to do.
    this.#isPart = left > this.#failed.size;
    if (this.#isPart) this.#wakeIn(0);
    else if (this.#failed.size > 0) {
      this.wakeLater();
      this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2);
    } else {
      this.#retryMs = RETRY_MS;
      if (surplus) this.#surplusDue = false;
    }
  }

  #isOver(pass: object): boolean {
    return this.#current !== pass || this.#stopping.aborted;
  }

  /** Surplus comes last, when its owner has had time to give it to its own replicas. */
  async #rank(pass: object, withSurplus: boolean): Promise<RecordRanking> {
    const ranking = new RecordRanking();
    if (this.#topology.membership !== 'member') return ranking;
    const { self } = this.#topology;
    let looked = 0;
    for (const resource of this.#store.resources(self, self)) {
      if (++looked % SLICE === 0) await sleep(this.#clock, 0, this.#stopping);
      if (this.#isOver(pass)) break;
      const surplus = !this.#topology.keeps(resource) && !this.#topology.isResponsible(resource);
      if (surplus ? !withSurplus : this.#isInLine(resource)) continue;
      const isLast = surplus || this.#failed.has(resource);
      ranking.add(resource, isLast ? LAST : rankOf(this.#store.newestAt(resource)));
    }
    return ranking;
  }

  #isInLine(resource: ResourceId): boolean {
    return this.#topology.isResponsible(resource)
      ? this.#replicasDue(resource).length === 0
      : this.#settledWithOwner.has(resource) || this.#isOwnerKnown(resource);
  }

  /** @returns whether that is so now */
  async #bringIntoLine(resource: ResourceId): Promise<boolean> {
    // What a replica had newer is fetched in one round and given to the others in the next.
    for (let round = 0; round < ROUNDS; round++) {
      if (!this.#topology.isResponsible(resource)) break;
      const due = this.#replicasDue(resource);
      if (due.length === 0) return true;
      for (const target of due) {
        if (!(await this.#bring(resource, target))) return false;
      }
    }
    return this.#topology.isResponsible(resource) || this.#bringToOwner(resource);
  }

  async #bringToOwner(resource: ResourceId): Promise<boolean> {
    const keeps = this.#topology.keeps(resource);
    if (keeps && this.#isOwnerKnown(resource)) return true;
    const done = await this.#bring(resource, { to: toResource(resource), replicaNumber: 1 });
    if (done && !keeps && !this.#topology.keeps(resource)) await this.#store.drop(resource);
    return done;
  }

  async #bring(resource: ResourceId, target: SyncTarget): Promise<boolean> {
    const version = this.#store.versionOf(resource);
    const holder = await this.#sync.bring(resource, target);
    if (holder !== undefined && this.#store.versionOf(resource) === version) {
      this.#holders.add(resource, holder);
      if (target.to.type === 'resource') this.#settledWithOwner.add(resource);
    }
    // What changed meanwhile, here or by what we fetched, is not yet everywhere.
    else this.wakeLater();
    return holder !== undefined;
  }

  /** Our replicas that are not known to hold what we hold. */
  #replicasDue(resource: ResourceId): readonly SyncTarget[] {
    const matureSince = this.#clock.monotonic() - MATURE_MS;
    return this.#topology.replicaSet().flatMap((peer, i) => {
      const replica = this.#replicas.get(peer);
      const due = replica !== undefined && (replica.wanted || replica.since <= matureSince);
      return due && !this.#holders.has(resource, peer) ? [{ to: toNode(peer), replicaNumber: i + 1 }] : [];
    });
  }

  /** Whether the peer that owns the resource, as far as we know the ring, is known to hold what we hold. */
  #isOwnerKnown(resource: ResourceId): boolean {
    return this.#topology
      .neighbors()
      .some((peer) => this.#holders.has(resource, peer) && this.#topology.isPlausibleOwner(peer, resource));
  }
}
