import { setMaxListeners } from 'node:events';
import {
  type Clock,
  CodedError,
  type Counter,
  errorMessage,
  type Logger,
  type Metrics,
  sleep,
} from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { ReloadError } from '../forwarding/reload-error.ts';
import { type Destination, toNode, toResource } from '../messages/destination.ts';
import { ErrorCode } from '../messages/error-response.ts';
import { fetch } from '../messages/fetch.ts';
import { type StoreReq, store } from '../messages/store.ts';
import type { ReplicaStore, ResourceStore } from '../storage/resource-store.ts';
import type { IdRange, TopologyPlugin } from '../topology/topology.ts';
import type { NodeId, ResourceId } from '../wire/ids.ts';
import type { KindTable } from '../wire/kind-table.ts';
import { forEachConcurrently } from './concurrency.ts';
import { everything } from './data-specifiers.ts';

/** Stores under way at once in one move of many records. */
const CONCURRENT_STORES = 16;

/** A peer that refuses a replica may not know yet that the ring has changed: so often and so long apart it is asked again. */
const RETRY_DELAYS_MS = [1_000, 5_000, 15_000];

/** Moves records between peers: replicas, hand-overs, and what is left behind afterwards (RFC 6940 §§10.4, 10.7.3). */
export class RecordMover {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #forwarding: ForwardingLayer;
  readonly #store: ResourceStore;
  readonly #topology: TopologyPlugin;
  readonly #kinds: () => KindTable;
  readonly #sent: Counter;
  readonly #failed: Counter;
  readonly #stopping = new AbortController();
  readonly #moves = new Set<Promise<unknown>>();

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
    setMaxListeners(0, this.#stopping.signal);
    this.#sent = deps.metrics.counter(
      'reload_records_moved_total',
      'Values stored at other peers as replica or hand-over',
    );
    this.#failed = deps.metrics.counter(
      'reload_record_moves_failed_total',
      'Values that another peer did not take',
    );
  }

  /** §10.4: one new value goes to these peers; sent before this returns. */
  replicateValue(stores: (replicaNumber: number) => Iterable<ReplicaStore>, to: readonly NodeId[]): void {
    to.forEach((peer, i) => {
      for (const value of stores(i + 1)) void this.#give(value, [toNode(peer)]);
    });
  }

  /** §10.7.3: everything in the range goes to these peers; nothing more once the signal is aborted. */
  replicate(range: IdRange, to: readonly NodeId[], signal?: AbortSignal): Promise<void> {
    return this.#track(
      forEachConcurrently(to, to.length, async (peer) => {
        const replicaNumber = Math.max(1, this.#topology.replicaSet().indexOf(peer) + 1);
        const resources = this.#store.resources(range.after, range.upTo);
        await forEachConcurrently(resources, CONCURRENT_STORES, async (resource) => {
          if (!signal?.aborted) await this.#giveAll(resource, replicaNumber, [toNode(peer)]);
        });
      }),
    );
  }

  /** §6.4.2.3: everything in the range goes to whoever is responsible for it now. */
  handOver(range: IdRange): Promise<void> {
    return this.#track(
      forEachConcurrently(
        this.#store.resources(range.after, range.upTo),
        CONCURRENT_STORES,
        async (resource) => {
          if (!this.#topology.isResponsible(resource))
            await this.#giveAll(resource, 1, [toResource(resource)]);
        },
      ),
    );
  }

  /** §10.7.3: deletes what we are neither responsible for nor a replica of, once its owner certainly has it. */
  dropSurplus(): Promise<void> {
    const { self } = this.#topology;
    return this.#track(
      forEachConcurrently(this.#store.resources(self, self), CONCURRENT_STORES, async (resource) => {
        if (this.#topology.keeps(resource)) return;
        if (!(await this.#giveAll(resource, 1, [toResource(resource)]))) return;
        if (!this.#topology.keeps(resource)) await this.#store.drop(resource);
      }),
    );
  }

  /** Resolves when all moves that have begun are over. */
  async settled(): Promise<void> {
    while (this.#moves.size > 0) await Promise.allSettled(this.#moves);
  }

  stop(): void {
    this.#stopping.abort(new CodedError('stopped', 'this node is stopping'));
  }

  /** @returns whether all values of the resource were taken */
  async #giveAll(resource: ResourceId, replicaNumber: number, to: readonly Destination[]): Promise<boolean> {
    let taken = true;
    for (const value of this.#store.replicaStores(resource, replicaNumber)) {
      taken = (await this.#give(value, to)) && taken;
    }
    return taken;
  }

  async #give(
    { request, certificates }: ReplicaStore,
    destinationList: readonly Destination[],
  ): Promise<boolean> {
    // Requests fail by themselves when the node stops; only pauses have to be told.
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#forwarding.request(store, request, { destinationList, certificates });
        this.#sent.inc();
        return true;
      } catch (error) {
        if (error instanceof ReloadError && isNewerThere(error)) {
          await this.#adopt(request, destinationList, error.nodeId);
          return true;
        }
        const delay = RETRY_DELAYS_MS[attempt];
        const refused = error instanceof ReloadError && error.errorCode === ErrorCode.Forbidden;
        if (!refused || delay === undefined) {
          this.#failed.inc();
          this.#logger.debug('a record was not taken', {
            resource: request.resource,
            error: errorMessage(error),
          });
          return false;
        }
        await sleep(this.#clock, delay, signal).catch(() => {});
      }
    }
    return false;
  }

  /** §7.4.1.1: "the peer MUST fetch the newer data from the peer generating the error and use that". */
  async #adopt({ resource, kindData }: StoreReq, to: readonly Destination[], holder: NodeId): Promise<void> {
    try {
      const specifiers = kindData.map(({ kind }) => ({
        kind,
        generation: 0,
        ...everything(this.#kinds(), kind),
      }));
      const destinationList = to.at(-1)?.type === 'node' ? [toNode(holder)] : to;
      const { body, certificates } = await this.#forwarding.request(
        fetch,
        { resource, specifiers },
        { destinationList },
      );
      await this.#store.adopt(resource, body, certificates);
    } catch (error) {
      this.#logger.debug('newer data could not be fetched', { resource, holder, error: errorMessage(error) });
    }
  }

  #track(move: Promise<void>): Promise<void> {
    const tracked = move
      .catch((error) => this.#logger.warn('moving records failed', { error: errorMessage(error) }))
      .finally(() => this.#moves.delete(tracked));
    this.#moves.add(tracked);
    return tracked;
  }
}

function isNewerThere({ errorCode }: ReloadError): boolean {
  return errorCode === ErrorCode.Data_Too_Old || errorCode === ErrorCode.Generation_Counter_Too_Low;
}
