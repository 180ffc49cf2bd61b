import {
  type Clock,
  type Counter,
  errorMessage,
  IdleMap,
  type Logger,
  type Metrics,
} from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { toNode } from '../messages/destination.ts';
import { fetch } from '../messages/fetch.ts';
import type { ResourceStore } from '../storage/resource-store.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { NodeId, ResourceId } from '../wire/ids.ts';
import type { KindTable } from '../wire/kind-table.ts';
import { withDeadline } from './concurrency.ts';
import { everything } from './data-specifiers.ts';

/**
 * So long after our range grew, and after the last time that somebody gave us a record or compared one with us, there may
 * be records that have not reached us.
 */
const WINDOW_MS = 60_000;

/** A replica that does not answer must not keep the asker waiting: it tries for 3 s before it asks again. */
const ANSWER_MS = 1_000;

/** Resources being asked for at once; beyond that the answer is what we have. */
const MAX_RUNNING = 256;

/**
 * A peer that has become responsible for more than it was, by joining, by starting again or by a failure, is asked for
 * resources that have not been handed over to it yet. Before it says that there is nothing it asks its successor, which
 * was responsible before it or holds the replicas of who was.
 */
export class ReadRepair {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #forwarding: ForwardingLayer;
  readonly #store: ResourceStore;
  readonly #topology: TopologyPlugin;
  readonly #kinds: () => KindTable;
  readonly #repaired: Counter;
  readonly #running = new IdleMap<ResourceId, Promise<void>>();
  #predecessor: NodeId | undefined;
  #until = Number.NEGATIVE_INFINITY;

  constructor(
    deps: {
      clock: Clock;
      logger: Logger;
      metrics: Metrics;
      forwarding: ForwardingLayer;
      store: ResourceStore;
      topology: TopologyPlugin;
    },
    options: { readonly kinds: () => KindTable },
  ) {
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#forwarding = deps.forwarding;
    this.#store = deps.store;
    this.#topology = deps.topology;
    this.#kinds = options.kinds;
    this.#repaired = deps.metrics.counter(
      'reload_records_repaired_total',
      'Resources found different at another peer',
      { direction: 'asked' },
    );
  }

  /** To be called after each event of the topology. */
  ringChanged(): void {
    const [predecessor] = this.#topology.snapshot().predecessors;
    if (this.#topology.membership !== 'member' || predecessor === this.#predecessor) return;
    this.#predecessor = predecessor;
    this.#until = this.#clock.monotonic() + WINDOW_MS;
  }

  /** Somebody hands over to us. */
  handedOver(): void {
    const now = this.#clock.monotonic();
    if (now <= this.#until) this.#until = now + WINDOW_MS;
  }

  /** Undefined when the answer need not wait; resolves when there is nothing more to be had. */
  before(resource: ResourceId): Promise<void> | undefined {
    if (this.#clock.monotonic() > this.#until || this.#store.kindsAt(resource).length > 0) return undefined;
    if (!this.#topology.isResponsible(resource)) return undefined;
    const running = this.#running.get(resource);
    if (running !== undefined || this.#running.size >= MAX_RUNNING) return running;
    const asked = this.#ask(resource).finally(() => this.#running.delete(resource));
    this.#running.set(resource, asked);
    return asked;
  }

  async #ask(resource: ResourceId): Promise<void> {
    const [peer] = this.#topology.replicaSet();
    if (peer === undefined) return;
    const specifiers = [...this.#kinds().keys()].map((kind) => ({
      kind,
      generation: 0,
      ...everything(this.#kinds(), kind),
    }));
    try {
      const { body, certificates } = await withDeadline(this.#clock, ANSWER_MS, (signal) =>
        this.#forwarding.request(
          fetch,
          { resource, specifiers },
          { destinationList: [toNode(peer)], signal },
        ),
      );
      if (await this.#store.adopt(resource, body, certificates, 'owner')) this.#repaired.inc();
    } catch (error) {
      this.#logger.debug('a replica could not be asked', { resource, peer, error: errorMessage(error) });
    }
  }
}
