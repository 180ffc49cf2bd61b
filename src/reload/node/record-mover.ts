import { type Clock, IdleSet, type Logger, type Metrics, type Random } from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { toNode } from '../messages/destination.ts';
import type { ReplicaStore, ResourceStore } from '../storage/resource-store.ts';
import type { IdRange, TopologyPlugin } from '../topology/topology.ts';
import type { NodeId, ResourceId } from '../wire/ids.ts';
import type { KindTable } from '../wire/kind-table.ts';
import { forEachConcurrently } from './concurrency.ts';
import { RecordAuditor } from './record-auditor.ts';
import { RecordHolders } from './record-holders.ts';
import { RecordPace } from './record-pace.ts';
import { RecordSync } from './record-sync.ts';

/** Stores under way at once in one hand-over. */
const CONCURRENT_STORES = 16;

/** Exchanges with other peers in the background. A signed exchange costs either side about half a millisecond. */
const PACE = { perSecond: 100, burst: 500 };

/** What a joining node is given before it is admitted; it gets the rest in the background. */
const FOREGROUND_RECORDS = 1_000;
const FOREGROUND_MS = 1_000;
/** When it lacks none of so many it has been here before, with the disk it has now: it need not wait for the others. */
const SAMPLE = 100;

/** Moves records between peers: replicas, hand-overs, and what is left behind afterwards (RFC 6940 §§10.4, 10.7.3). */
export class RecordMover {
  readonly #clock: Clock;
  readonly #store: ResourceStore;
  readonly #topology: TopologyPlugin;
  readonly #pace: RecordPace;
  readonly #holders = new RecordHolders();
  readonly #sync: RecordSync;
  readonly #auditor: RecordAuditor;
  readonly #fresh = new IdleSet<Promise<unknown>>();

  constructor(
    deps: {
      clock: Clock;
      random: Random;
      logger: Logger;
      metrics: Metrics;
      forwarding: ForwardingLayer;
      store: ResourceStore;
      topology: TopologyPlugin;
    },
    options: {
      readonly kinds: () => KindTable /** Aborted when the node stops. */;
      readonly stopping: AbortSignal;
    },
  ) {
    this.#clock = deps.clock;
    this.#store = deps.store;
    this.#topology = deps.topology;
    const { stopping } = options;
    this.#pace = new RecordPace(deps, PACE);
    this.#sync = new RecordSync({ ...deps, pace: this.#pace }, options);
    this.#auditor = new RecordAuditor({ ...deps, holders: this.#holders, sync: this.#sync }, { stopping });
    deps.store.changed.on((resource) => this.#auditor.changed(resource));
  }

  /** Whether the peer is known to hold all that we hold of the resource, be it nothing. */
  isHeldBy(resource: ResourceId, peer: NodeId): boolean {
    return this.#store.kindsAt(resource).length === 0 || this.#holders.has(resource, peer);
  }

  /**
   * §10.4: new values of a resource go to these peers; sent before this returns.
   * @param upToDate those that held everything else already
   */
  replicateValue(
    resource: ResourceId,
    stores: (replicaNumber: number) => Iterable<ReplicaStore>,
    to: readonly NodeId[],
    upToDate: ReadonlySet<NodeId>,
  ): void {
    const version = this.#store.versionOf(resource);
    to.forEach((peer, i) => {
      const given = Promise.all([...stores(i + 1)].map((value) => this.#sync.give(value, toNode(peer))));
      const noted = given.then((holders) => {
        this.#fresh.delete(noted);
        const isWhole = upToDate.has(peer) && this.#store.versionOf(resource) === version;
        if (isWhole && !holders.includes(undefined)) this.#holders.add(resource, peer);
        else this.#auditor.wakeLater();
      });
      this.#fresh.add(noted);
    });
  }

  /**
   * The peer stored a replica here: it need not be told of the resource if that is all of it; others may have to.
   * @param same whether both sides have the same generation counter now
   */
  receivedFrom(peer: NodeId, resource: ResourceId, same: boolean): void {
    const whole = same && this.#store.valuesAt(resource) === 1;
    if (whole && this.#keeps(peer, resource)) this.#holders.add(resource, peer);
    this.#auditor.wakeLater();
  }

  /** The neighbour compares our copy with its own: it takes what is newer here, and gives what is newer there. */
  comparedBy(neighbor: NodeId, resource: ResourceId): void {
    if (this.#keeps(neighbor, resource)) this.#holders.add(resource, neighbor);
  }

  /** §10.7.3: what we are responsible for goes to these peers, in the background. */
  replicate(to: readonly NodeId[]): void {
    this.#auditor.replicate(to);
  }

  /** §6.4.2.3: what we are no longer responsible for goes to whoever is now, in the background. */
  handOver(): void {
    this.#auditor.wake();
  }

  /** §10.7.3: deletes what we are neither responsible for nor a replica of, once its owner certainly has it. */
  dropSurplus(): void {
    this.#auditor.dropSurplus();
  }

  /**
   * §10.5 step 6: what a joining node will be responsible for, the newest first.
   * NOTE: thousands of records would keep it waiting for minutes. It is admitted with the newest of them; meanwhile
   * it asks us, its successor and first replica, for what it has not (see `ReadRepair`).
   */
  async giveToJoining(range: IdRange, peer: NodeId, signal: AbortSignal): Promise<void> {
    const resources = [...this.#store.resources(range.after, range.upTo)]
      .map((resource) => ({ resource, newest: this.#store.newestAt(resource) }))
      .sort((a, b) => b.newest - a.newest)
      .slice(0, FOREGROUND_RECORDS);
    const until = this.#clock.monotonic() + FOREGROUND_MS;
    const { given } = this.#sync;
    let compared = 0;
    const isOver = () =>
      signal.aborted || this.#clock.monotonic() > until || (compared >= SAMPLE && this.#sync.given === given);
    await forEachConcurrently(resources, CONCURRENT_STORES, async ({ resource }) => {
      if (isOver() || this.#holders.has(resource, peer)) return;
      const version = this.#store.versionOf(resource);
      const holder = await this.#sync.bring(resource, { to: toNode(peer), replicaNumber: 1 }, 'at once');
      if (holder === undefined) return;
      compared += 1;
      if (this.#store.versionOf(resource) === version) this.#holders.add(resource, holder);
    });
  }

  /** The links with the peer are gone; it may come back without what it held. */
  lost(peer: NodeId): void {
    this.#holders.lost(peer);
    this.#sync.lost(peer);
  }

  /** To be called after each event of the topology. */
  ringChanged(): void {
    this.#auditor.ringChanged();
  }

  /** This peer is about to leave: resolves when all that can be moved has been, as fast as it goes. */
  async settled(): Promise<void> {
    this.#pace.hurry();
    await Promise.all([this.#auditor.settled(), ...this.#fresh]);
  }

  /** Whether the peer has a part in the resource, as far as we know; whoever has none gives it away to drop it. */
  #keeps(peer: NodeId, resource: ResourceId): boolean {
    return this.#topology.isResponsible(resource)
      ? this.#topology.replicaSet().includes(peer)
      : this.#topology.isPlausibleOwner(peer, resource);
  }
}
