import {
  type Clock,
  type Counter,
  errorMessage,
  type Logger,
  type Metrics,
  sleep,
} from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { ReloadError } from '../forwarding/reload-error.ts';
import { type Destination, toNode } from '../messages/destination.ts';
import { ErrorCode } from '../messages/error-response.ts';
import { fetch } from '../messages/fetch.ts';
import { stat } from '../messages/stat.ts';
import { store } from '../messages/store.ts';
import type { ReplicaStore, ResourceStore } from '../storage/resource-store.ts';
import { compareStats, placeKey, type StatDifference } from '../storage/stat-comparison.ts';
import { placeOf } from '../storage/stored-element.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { KindId, NodeId, ResourceId } from '../wire/ids.ts';
import type { KindTable } from '../wire/kind-table.ts';
import { everything } from './data-specifiers.ts';
import type { RecordPace } from './record-pace.ts';

/** A peer that refuses a replica may not know yet that the ring has changed: so often and so long apart it is asked again. */
const RETRY_DELAYS_MS = [1_000, 5_000, 15_000];

/** After so many resources of which a peer held nothing, the next ones are sent to it without asking first. */
const SURELY_EMPTY = 4;

/** With more Kinds than this in the document, only those that we hold ourselves are compared. */
const MAX_KINDS_ASKED = 16;

/** Where a resource is to be compared, and under which number our copy counts there (RFC 6940 §7.4.1.1). */
export interface SyncTarget {
  readonly to: Destination;
  readonly replicaNumber: number;
}

/** Whether the exchange waits for its turn among all that this peer does in the background. */
type When = 'at once' | 'at the pace';
type Turn = () => Promise<void>;

/**
 * Brings one resource here and at one other peer to the same state: compares by Stat, stores there what is newer here,
 * fetches what is newer there (RFC 6940 §7.4.1.1, §7.4.3).
 */
export class RecordSync {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #forwarding: ForwardingLayer;
  readonly #store: ResourceStore;
  readonly #topology: TopologyPlugin;
  readonly #pace: RecordPace;
  readonly #kinds: () => KindTable;
  readonly #stopping: AbortSignal;
  #given = 0;
  /** How many resources in a row a peer held nothing of. */
  readonly #emptyInARow = new Map<NodeId, number>();
  readonly #sent: Counter;
  readonly #failed: Counter;
  readonly #audited: Counter;
  readonly #pushed: Counter;
  readonly #pulled: Counter;

  constructor(
    deps: {
      clock: Clock;
      logger: Logger;
      metrics: Metrics;
      forwarding: ForwardingLayer;
      store: ResourceStore;
      topology: TopologyPlugin;
      pace: RecordPace;
    },
    options: { readonly kinds: () => KindTable; readonly stopping: AbortSignal },
  ) {
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#forwarding = deps.forwarding;
    this.#store = deps.store;
    this.#topology = deps.topology;
    this.#pace = deps.pace;
    this.#kinds = options.kinds;
    this.#stopping = options.stopping;
    const { metrics } = deps;
    this.#sent = metrics.counter(
      'reload_records_moved_total',
      'Values stored at other peers as replica or hand-over',
    );
    this.#failed = metrics.counter(
      'reload_record_moves_failed_total',
      'Values that another peer did not take',
    );
    this.#audited = metrics.counter(
      'reload_records_audited_total',
      'Resources compared with what another peer holds',
    );
    const repaired = (direction: string) =>
      metrics.counter('reload_records_repaired_total', 'Resources found different at another peer', {
        direction,
      });
    this.#pushed = repaired('pushed');
    this.#pulled = repaired('pulled');
  }

  /** Values that others have taken since we started. */
  get given(): number {
    return this.#given;
  }

  /** @returns who now holds what we hold, or is known to keep something newer to itself; undefined when it failed */
  async bring(
    resource: ResourceId,
    target: SyncTarget,
    when: When = 'at the pace',
  ): Promise<NodeId | undefined> {
    const turn = when === 'at once' ? async () => {} : () => this.#pace.take(this.#stopping);
    if (this.#isSurelyEmpty(target.to)) return this.#pushAll(resource, target, turn);
    const found = await this.#compare(resource, target.to, turn);
    if (found === undefined) return undefined;
    const { difference, peer } = found;
    this.#audited.inc();
    this.#emptyInARow.set(peer, difference.nothingThere ? (this.#emptyInARow.get(peer) ?? 0) + 1 : 0);
    const pushed = await this.#push(resource, target, difference, turn);
    const pulled = await this.#pull(resource, target.to, peer, difference, turn);
    return pushed && pulled ? peer : undefined;
  }

  /** @returns who took it, or holds a newer value that we have taken over; undefined when it failed */
  async give({ request, certificates }: ReplicaStore, to: Destination): Promise<NodeId | undefined> {
    for (let attempt = 0; !this.#stopping.aborted; attempt++) {
      try {
        const { body, signer } = await this.#forwarding.request(store, request, {
          destinationList: [to],
          certificates,
        });
        this.#sent.inc();
        this.#given += 1;
        const { resource, kindData } = request;
        const ahead = kindData.filter(
          ({ generation }, i) => (body.kindResponses[i]?.generation ?? 0) > generation,
        );
        // The owner has merged this with something else meanwhile.
        if (ahead.length > 0 && this.#topology.keeps(resource)) {
          const kinds = ahead.map(({ kind }) => kind);
          await this.#adopt(resource, kinds, to, signer.nodeId);
        }
        return signer.nodeId;
      } catch (error) {
        if (error instanceof ReloadError && isNewerThere(error)) {
          const kinds = request.kindData.map(({ kind }) => kind);
          return (await this.#adopt(request.resource, kinds, to, error.nodeId)) ? error.nodeId : undefined;
        }
        const delay = RETRY_DELAYS_MS[attempt];
        const refused = error instanceof ReloadError && error.errorCode === ErrorCode.Forbidden;
        if (!refused || delay === undefined) {
          this.#failed.inc();
          const fields = { resource: request.resource, error: errorMessage(error) };
          this.#logger.debug('a record was not taken', fields);
          return undefined;
        }
        // Requests fail by themselves when the node stops; only pauses have to be told.
        await sleep(this.#clock, delay, this.#stopping).catch(() => {});
      }
    }
    return undefined;
  }

  /** The peer may come back with more. */
  lost(peer: NodeId): void {
    this.#emptyInARow.delete(peer);
  }

  #isSurelyEmpty(to: Destination): boolean {
    return to.type === 'node' && (this.#emptyInARow.get(to.nodeId) ?? 0) >= SURELY_EMPTY;
  }

  async #pushAll(
    resource: ResourceId,
    { to, replicaNumber }: SyncTarget,
    turn: Turn,
  ): Promise<NodeId | undefined> {
    let holder: NodeId | undefined;
    for (const value of this.#store.replicaStores(resource, replicaNumber)) {
      await turn();
      holder = await this.give(value, to);
      if (holder === undefined) return undefined;
    }
    this.#audited.inc();
    this.#pushed.inc();
    return holder;
  }

  /** Undefined when there is no answer. */
  async #compare(
    resource: ResourceId,
    to: Destination,
    turn: Turn,
  ): Promise<{ difference: StatDifference; peer: NodeId } | undefined> {
    const held = this.#store.kindsAt(resource);
    const known = [...this.#kinds().keys()];
    const asked = known.length <= MAX_KINDS_ASKED ? known : held;
    for (const kinds of [asked, held]) {
      await turn();
      const request = { resource, specifiers: this.#specifiers(kinds) };
      try {
        const { body, signer } = await this.#forwarding.request(stat, request, { destinationList: [to] });
        return { difference: compareStats(this.#store.stat(request), body), peer: signer.nodeId };
      } catch (error) {
        this.#logger.debug('a record could not be compared', { resource, error: errorMessage(error) });
        // A peer with an older document knows fewer Kinds, but those that it may hold.
        const older = error instanceof ReloadError && error.errorCode === ErrorCode.Unknown_Kind;
        if (!older || kinds === held) return undefined;
      }
    }
    return undefined;
  }

  async #push(
    resource: ResourceId,
    { to, replicaNumber }: SyncTarget,
    { newerHere, generationBehindThere }: StatDifference,
    turn: Turn,
  ): Promise<boolean> {
    const ownsIt = this.#topology.isResponsible(resource);
    const renumbered = new Set(ownsIt ? generationBehindThere : []);
    if (newerHere.size === 0 && renumbered.size === 0) return true;
    let taken = true;
    for (const value of this.#store.replicaStores(resource, replicaNumber)) {
      const [{ kind, values } = { kind: 0, values: [] }] = value.request.kindData;
      const place = values[0] === undefined ? '' : placeOf(values[0].value);
      if (!newerHere.has(placeKey(kind, place)) && !renumbered.delete(kind)) continue;
      await turn();
      taken = (await this.give(value, to)) !== undefined && taken;
    }
    if (newerHere.size > 0) this.#pushed.inc();
    return taken;
  }

  async #pull(
    resource: ResourceId,
    to: Destination,
    peer: NodeId,
    { newerThere, generationBehindHere }: StatDifference,
    turn: Turn,
  ): Promise<boolean> {
    if (!this.#topology.keeps(resource)) return true;
    const kinds = new Set([...newerThere, ...generationBehindHere]);
    if (kinds.size === 0) return true;
    await turn();
    return this.#adopt(resource, [...kinds], to, peer);
  }

  /**
   * §7.4.1.1: "the peer MUST fetch the newer data from the peer generating the error and use that".
   * @returns whether it answered
   */
  async #adopt(
    resource: ResourceId,
    kinds: readonly KindId[],
    to: Destination,
    holder: NodeId,
  ): Promise<boolean> {
    try {
      const { body, certificates } = await this.#forwarding.request(
        fetch,
        { resource, specifiers: this.#specifiers(kinds) },
        { destinationList: [to.type === 'node' ? toNode(holder) : to] },
      );
      const standing = this.#topology.isResponsible(resource) ? 'owner' : 'replica';
      if (await this.#store.adopt(resource, body, certificates, standing)) this.#pulled.inc();
      return true;
    } catch (error) {
      this.#logger.debug('newer data could not be fetched', { resource, holder, error: errorMessage(error) });
      return false;
    }
  }

  #specifiers(kinds: readonly KindId[]) {
    return kinds.map((kind) => ({ kind, generation: 0, ...everything(this.#kinds(), kind) }));
  }
}

function isNewerThere({ errorCode }: ReloadError): boolean {
  return errorCode === ErrorCode.Data_Too_Old || errorCode === ErrorCode.Generation_Counter_Too_Low;
}
