import {
  type Clock,
  type Counter,
  Event,
  type EventSource,
  errorMessage,
  type KeyValueStore,
  type Logger,
  type Metrics,
} from '../../base/index.ts';
import type { FetchAns, FetchReq } from '../messages/fetch.ts';
import type { FindAns, FindReq } from '../messages/find.ts';
import type { StatAns, StatReq } from '../messages/stat.ts';
import type { StoreAns, StoreReq } from '../messages/store.ts';
import type { CertificateStore } from '../security/certificate-store.ts';
import type { SignedBy } from '../security/signature.ts';
import type { KindId, NodeId, ResourceId } from '../wire/ids.ts';
import type { KindTable } from '../wire/kind-table.ts';
import {
  handedOverGeneration,
  mergedGeneration,
  requireCurrentGenerations,
  requireReplicaGenerations,
} from './generations.ts';
import type { KindRecord } from './kind-record.ts';
import { type LoadResult, RecordTable } from './record-table.ts';
import { requireKinds, requireResourceId } from './request-check.ts';
import { type FetchOutcome, ResourceReader } from './resource-reader.ts';
import type { RevocableFields } from './revoked-values.ts';
import { STORAGE_ERROR_CODES, StorageError } from './storage-error.ts';
import { adoptValues, storeValues } from './store-check.ts';
import { StoreRoom } from './store-room.ts';
import { unpackElement } from './stored-element.ts';

export interface ResourceStoreDeps {
  readonly clock: Clock;
  readonly kv: KeyValueStore;
  readonly certificates: CertificateStore;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface ResourceStoreOptions {
  /** Those of the configuration document as it is now. */
  readonly kinds: () => KindTable;
  /** Room for all values; a Store beyond it is refused with Data_Too_Large. Default 256 MB. */
  readonly maxBytes?: number;
  /** The same for the values of one Kind, so that none can crowd out the others. Default: half of `maxBytes`. */
  readonly maxBytesPerKind?: number;
}

/** What came with a StoreReq. */
export interface StoreContext {
  /** Signer of the StoreReq; its signature was verified already. */
  readonly signer: SignedBy;
  /** DER, from the SecurityBlock. */
  readonly certificates: readonly Uint8Array[];
  /** Tells a retransmission from a second Store with the same storage_time (requirement T7). */
  readonly transactionId?: bigint;
  /** The peers that will hold replicas, to be named in the answer. */
  readonly replicas?: readonly NodeId[];
  /** Whether we are responsible for the resource: then a Store with a replica number hands it over to us. */
  readonly responsible?: boolean;
}

/** A Store that was accepted. */
export interface StoreOutcome {
  readonly answer: StoreAns;
  /** False when everything was held already: nothing needs to be replicated. */
  readonly changed: boolean;
  /** Resolves when it is on the disk, and the answer must wait for that; rejects when writing failed. */
  readonly committed: Promise<void>;
}

/** One value on its way to another peer; the StoreReq is signed by the peer that sends it. */
export interface ReplicaStore {
  readonly request: StoreReq;
  readonly certificates: readonly Uint8Array[];
}

/**
 * The data a peer holds for the overlay (RFC 6940 §7). Messages, routing and responsibility are its caller's: it is
 * to be asked only for resources this peer is responsible for or a replica of.
 */
export class ResourceStore {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #trust: CertificateStore;
  readonly #kinds: () => KindTable;
  readonly #room: StoreRoom;
  /** In the order of STORAGE_ERROR_CODES. */
  readonly #refusals: readonly Counter[];
  readonly #table: RecordTable;
  readonly #reader: ResourceReader;
  readonly #changed = new Event<ResourceId>();

  constructor(
    { clock, kv, certificates, logger, metrics }: ResourceStoreDeps,
    { kinds, maxBytes = 256 * 2 ** 20, maxBytesPerKind = maxBytes / 2 }: ResourceStoreOptions,
  ) {
    this.#clock = clock;
    this.#logger = logger;
    this.#trust = certificates;
    this.#kinds = kinds;
    const refused = (reason: string) =>
      metrics.counter('reload_stores_refused_total', 'Store requests refused', { reason });
    this.#refusals = STORAGE_ERROR_CODES.map(refused);
    this.#table = new RecordTable({ clock, kv, logger, metrics }, { kinds });
    this.#room = new StoreRoom({ index: this.#table.index }, { maxBytes, maxBytesPerKind });
    this.#reader = new ResourceReader({ clock, table: this.#table }, { kinds });
  }

  /** Resources of which something is held (Probe's num_resources). */
  get resourceCount(): number {
    return this.#table.index.resourceCount;
  }

  get valueCount(): number {
    return this.#table.index.valueCount;
  }

  /** The Kinds of which something is held at the resource. */
  kindsAt(resource: ResourceId): readonly KindId[] {
    return this.#table.index.at(resource).map(({ kind }) => kind);
  }

  valuesAt(resource: ResourceId): number {
    return this.#table.index.at(resource).reduce((sum, { values }) => sum + values, 0);
  }

  /** The storage_time of the newest value at the resource, ms; 0 when there is none. */
  newestAt(resource: ResourceId): number {
    return this.#table.index.newestAt(resource);
  }

  /** A number that is another one after each change of the resource. */
  versionOf(resource: ResourceId): number {
    return this.#table.index
      .at(resource)
      .reduce((sum, { generation, newest, values }) => sum + generation + newest + values, 0);
  }

  /** Estimated room taken by all values, bytes. */
  get bytes(): number {
    return this.#table.index.bytes;
  }

  /** Values of a resource were stored, adopted or dropped; not when they expire. */
  get changed(): EventSource<ResourceId> {
    return this.#changed;
  }

  /** Reads what an earlier run left; signatures were verified when the values came. To be called once. */
  load(): Promise<LoadResult> {
    return this.#table.load();
  }

  /** Stops the expiry timer. */
  close(): void {
    this.#table.close();
  }

  /**
   * RFC 6940 §7.4.1: all of the request or nothing. An original Store where `replicaNumber` is 0, else a replica
   * or a hand-over.
   * @throws StorageError
   */
  store(request: StoreReq, context: StoreContext): StoreOutcome {
    try {
      return this.#store(request, context);
    } catch (error) {
      throw error instanceof StorageError ? this.#refuse(error) : error;
    }
  }

  /**
   * RFC 6940 §7.4.2. Lifetimes are what is left of them.
   * @throws StorageError 'unknown-kind' | 'invalid-request'
   */
  fetch(request: FetchReq): FetchOutcome {
    return this.#reader.fetch(request);
  }

  /**
   * RFC 6940 §7.4.3: what a Fetch would give, as sizes and digests.
   * @throws StorageError 'unknown-kind' | 'invalid-request'
   */
  stat(request: StatReq): StatAns {
    return this.#reader.stat(request);
  }

  /**
   * RFC 6940 §7.4.4: for each Kind the closest resource with an existing value; zeros if there is none.
   * @throws StorageError 'invalid-request' when a Kind is named twice
   */
  find(request: FindReq): FindAns {
    return this.#reader.find(request);
  }

  /**
   * RFC 6940 §11.1: forgets everything of these Kinds; to be called while they are still known.
   * @returns resolves when that is on the disk
   */
  discardKinds(kinds: ReadonlySet<KindId>): Promise<void> {
    return this.#table.deleteKinds(kinds);
  }

  /**
   * RFC 6940 §11.1, requirement T16: forgets the values whose certificate is not valid any more.
   * @returns their number, once that is on the disk
   */
  dropRevoked(isRevoked: (certificate: RevocableFields) => boolean): Promise<number> {
    return this.#table.dropRevoked(isRevoked);
  }

  /** Resource-IDs held in the interval (after, upTo] of the ring; all of them when both are the same. */
  *resources(after: string, upTo: string): Iterable<ResourceId> {
    for (const resource of [...this.#table.index.resources()]) {
      const above = after < resource;
      const below = resource <= upTo;
      if (after < upTo ? above && below : above || below) yield resource;
    }
  }

  /**
   * Everything held at a resource as Stores for another peer: for replicas (RFC 6940 §10.4, §10.7.3) and for
   * handing over (§10.5). One value each (requirement T7b), lifetimes reduced by the time they were held (§7.4.1.1).
   * @param replicaNumber from 1
   */
  *replicaStores(resource: ResourceId, replicaNumber: number): Iterable<ReplicaStore> {
    const now = this.#clock.now();
    for (const { kind, generation, elements } of this.#table.records(resource)) {
      const { dataModel } = this.#kinds().get(kind)!;
      for (const element of elements) {
        const certificate = this.#table.certificate(element.signer);
        // A value without its certificate is of no use to anybody.
        if (certificate === undefined) continue;
        const kindData = [{ kind, generation, values: [unpackElement(element, dataModel, now)] }];
        yield { request: { resource, replicaNumber, kindData }, certificates: [certificate] };
      }
    }
  }

  /**
   * RFC 6940 §7.4.1.1: takes over what a peer that refused our replica as too old holds itself. Values that are not
   * newer than ours or not properly signed are passed over.
   * @param standing whether we are responsible for the resource: then the counter must never stand for two states
   * @returns whether anything was taken, once it is on the disk
   * @throws StorageError 'data-too-large' when there is no room
   */
  async adopt(
    resource: ResourceId,
    answer: FetchAns,
    certificates: readonly Uint8Array[],
    standing: 'owner' | 'replica',
  ): Promise<boolean> {
    const taken: KindRecord[] = [];
    for (const { kind, generation, values } of answer.kindResponses) {
      const definition = this.#kinds().get(kind);
      if (definition === undefined) continue;
      const held = this.#table.record(resource, kind);
      const target = { ...this.#common(resource), kind: definition, certificates };
      const elements = adoptValues(target, held.elements, values);
      const merged = mergedGeneration(held, elements, { generation, values }, standing);
      const adopted = { kind, generation: merged, elements };
      if (elements !== held.elements || adopted.generation !== held.generation) taken.push(adopted);
    }
    if (taken.length === 0) return false;
    this.#room.require(resource, taken);
    await this.#commit(resource, () => this.#table.put(resource, taken));
    return true;
  }

  /** Forgets a resource this peer has no part in any more; resolves when that is on the disk. */
  drop(resource: ResourceId): Promise<void> {
    return this.#commit(resource, () => this.#table.delete(resource));
  }

  #store({ resource, replicaNumber, kindData }: StoreReq, context: StoreContext): StoreOutcome {
    requireResourceId(resource);
    const kinds = requireKinds(
      this.#kinds(),
      kindData.map(({ kind }) => kind),
    );
    const held = kindData.map(({ kind }) => this.#table.record(resource, kind));
    const replica = replicaNumber > 0;
    if (replica) requireReplicaGenerations(kindData);
    else requireCurrentGenerations(kindData, held);

    // Records are never changed in place: what throws on the way leaves no trace.
    const after = kindData.map(({ kind, generation, values }, i): KindRecord => {
      const { certificates, transactionId, signer } = context;
      const requestSigner = replica ? undefined : signer;
      const target = {
        ...this.#common(resource),
        kind: kinds[i]!,
        certificates,
        transactionId,
        requestSigner,
      };
      const before = held[i]!;
      const elements = storeValues(target, before.elements, values);
      if (replica) {
        const counter = context.responsible ? handedOverGeneration(before, elements, generation) : generation;
        return { kind, generation: counter, elements };
      }
      return elements === before.elements ? before : { kind, generation: before.generation + 1, elements };
    });
    this.#room.require(resource, after);

    const changed = after.filter((record, i) => record.elements !== held[i]!.elements);
    const moved = after.filter(
      (record, i) => record.elements !== held[i]!.elements || record.generation !== held[i]!.generation,
    );
    const replicas = context.replicas ?? [];
    return {
      answer: { kindResponses: after.map(({ kind, generation }) => ({ kind, generation, replicas })) },
      changed: changed.length > 0,
      committed:
        moved.length === 0
          ? Promise.resolve()
          : this.#commit(resource, () => this.#table.put(resource, moved, { patient: replica })),
    };
  }

  /** @throws StorageError 'data-too-large' when the disk does not take it; nothing has changed then */
  async #commit(resource: ResourceId, write: () => Promise<void>): Promise<void> {
    try {
      const written = write();
      this.#changed.emit(resource);
      await written;
    } catch (cause) {
      this.#changed.emit(resource);
      this.#logger.error('the disk does not take a record', { resource, error: errorMessage(cause) });
      throw this.#refuse(
        new StorageError('data-too-large', 'the disk of this peer takes no more', { cause }),
      );
    }
  }

  #refuse(error: StorageError): StorageError {
    this.#refusals[STORAGE_ERROR_CODES.indexOf(error.code)]?.inc();
    return error;
  }

  #common(resource: ResourceId) {
    const now = this.#clock.now();
    return { trust: this.#trust, resource, now, requestSigner: undefined, transactionId: undefined };
  }
}
