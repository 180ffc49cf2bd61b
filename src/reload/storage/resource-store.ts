import { hash } from 'node:crypto';
import type { Clock, KeyValueStore, Logger, Metrics } from '../../base/index.ts';
import type { DataRequest } from '../messages/data-specifier.ts';
import type { FetchAns, FetchReq } from '../messages/fetch.ts';
import type { FindAns, FindReq } from '../messages/find.ts';
import { NO_SIGNATURE } from '../messages/signature.ts';
import type { StatAns, StatReq } from '../messages/stat.ts';
import type { StoreAns, StoreReq } from '../messages/store.ts';
import type { StoredData, StoredDataValue } from '../messages/stored-data.ts';
import type { CertificateStore } from '../security/certificate-store.ts';
import type { SignedBy } from '../security/signature.ts';
import { ID_LENGTH, isNodeId, type KindId, type NodeId, type ResourceId } from '../wire/ids.ts';
import type { KindDefinition, KindTable } from '../wire/kind-table.ts';
import type { KindRecord } from './kind-record.ts';
import { metaDataOf } from './meta-data.ts';
import { bytesOf, type LoadResult, RecordTable } from './record-table.ts';
import { type Selected, select } from './selection.ts';
import { StorageError } from './storage-error.ts';
import { adoptValues, storeValues } from './store-check.ts';
import { unpackElement } from './stored-element.ts';

export interface ResourceStoreDeps {
  readonly clock: Clock;
  readonly kv: KeyValueStore;
  readonly certificates: CertificateStore;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface ResourceStoreOptions {
  readonly kinds: KindTable;
  /** Memory for all values; a Store beyond it is refused with Data_Too_Large. Default 256 MB. */
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
}

/** A Store that was accepted. */
export interface StoreOutcome {
  readonly answer: StoreAns;
  /** False when everything was held already: nothing needs to be replicated. */
  readonly changed: boolean;
  /** Resolves when it is on the disk, and the answer must wait for that; rejects when writing failed. */
  readonly committed: Promise<void>;
}

/** An answer and the certificates that its SecurityBlock must carry (RFC 6940 §6.3.4), DER, each once. */
export interface FetchOutcome {
  readonly answer: FetchAns;
  readonly certificates: readonly Uint8Array[];
}

/** One value on its way to another peer, which signs the StoreReq itself. */
export interface ReplicaStore {
  readonly request: StoreReq;
  readonly certificates: readonly Uint8Array[];
}

const NO_RESOURCE: ResourceId = '00'.repeat(ID_LENGTH);

/**
 * The data a peer holds for the overlay (RFC 6940 §7). Messages, routing and responsibility are its caller's: it is
 * to be asked only for resources this peer is responsible for or a replica of.
 */
export class ResourceStore {
  readonly #clock: Clock;
  readonly #trust: CertificateStore;
  readonly #metrics: Metrics;
  readonly #kinds: KindTable;
  readonly #maxBytes: number;
  readonly #maxBytesPerKind: number;
  readonly #table: RecordTable;

  constructor(
    { clock, kv, certificates, logger, metrics }: ResourceStoreDeps,
    { kinds, maxBytes = 256 * 2 ** 20, maxBytesPerKind = maxBytes / 2 }: ResourceStoreOptions,
  ) {
    this.#clock = clock;
    this.#trust = certificates;
    this.#metrics = metrics;
    this.#kinds = kinds;
    this.#maxBytes = maxBytes;
    this.#maxBytesPerKind = maxBytesPerKind;
    this.#table = new RecordTable({ clock, kv, logger, metrics }, { kinds });
  }

  /** Resources of which something is held (Probe's num_resources). */
  get resourceCount(): number {
    return this.#table.resourceCount;
  }

  get valueCount(): number {
    return this.#table.valueCount;
  }

  /** Estimated memory of all values, bytes. */
  get bytes(): number {
    return this.#table.bytes;
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
      if (error instanceof StorageError) this.#countRefusal(error);
      throw error;
    }
  }

  /**
   * RFC 6940 §7.4.2.
   * @throws StorageError 'unknown-kind' | 'invalid-request'
   */
  fetch(request: FetchReq): FetchOutcome {
    const certificates = new Map<string, Uint8Array>();
    const kindResponses = this.#answer(request, (data, certificate) => {
      if (certificate !== undefined) certificates.set(hash('sha256', certificate, 'hex'), certificate);
      return data;
    });
    return { answer: { kindResponses }, certificates: [...certificates.values()] };
  }

  /**
   * RFC 6940 §7.4.3: what a Fetch would give, as sizes and digests.
   * @throws StorageError 'unknown-kind' | 'invalid-request'
   */
  stat(request: StatReq): StatAns {
    return { kindResponses: this.#answer(request, metaDataOf) };
  }

  /**
   * RFC 6940 §7.4.4: for each Kind the closest resource with an existing value. Closest is the first one upwards
   * around the ring, since "R_n+1=nearest(1 + R_n)" is to walk the overlay.
   * @throws StorageError 'invalid-request' when a Kind is named twice
   */
  find({ resource, kinds }: FindReq): FindAns {
    requireResourceId(resource);
    requireOnce(kinds);
    return { results: kinds.map((kind) => ({ kind, closest: this.#closest(resource, kind) })) };
  }

  /** Resource-IDs held in the interval (after, upTo] of the ring; all of them when both are the same. */
  *resources(after: string, upTo: string): Iterable<ResourceId> {
    for (const resource of [...this.#table.resources()]) {
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
      const { dataModel } = this.#kind(kind);
      for (const element of elements) {
        const { data, certificate } = unpackElement(element, dataModel, now);
        const kindData = [{ kind, generation, values: [data] }];
        yield { request: { resource, replicaNumber, kindData }, certificates: [certificate] };
      }
    }
  }

  /**
   * RFC 6940 §7.4.1.1: takes over what a peer that refused our replica as too old holds itself. Values that are not
   * newer than ours or not properly signed are passed over.
   * @returns whether anything was taken, once it is on the disk
   * @throws StorageError 'data-too-large' when there is no room
   */
  async adopt(resource: ResourceId, answer: FetchAns, certificates: readonly Uint8Array[]): Promise<boolean> {
    const changed = answer.kindResponses.flatMap(({ kind, generation, values }): KindRecord[] => {
      const definition = this.#kinds.get(kind);
      if (definition === undefined) return [];
      const held = this.#table.record(resource, kind);
      const target = { ...this.#target(resource, definition), certificates };
      const elements = adoptValues(target, held.elements, values);
      return elements === held.elements
        ? []
        : [{ kind, generation: Math.max(generation, held.generation), elements }];
    });
    if (changed.length === 0) return false;
    this.#requireRoom(resource, changed);
    await this.#table.put(resource, changed);
    return true;
  }

  /** Forgets a resource this peer has no part in any more; resolves when that is on the disk. */
  drop(resource: ResourceId): Promise<void> {
    return this.#table.delete(resource);
  }

  #store({ resource, replicaNumber, kindData }: StoreReq, context: StoreContext): StoreOutcome {
    requireResourceId(resource);
    this.#requireKinds(kindData.map(({ kind }) => kind));
    const held = kindData.map(({ kind }) => this.#table.record(resource, kind));
    const replica = replicaNumber > 0;
    kindData.forEach(({ generation }, i) => {
      requireGeneration(generation, replica, held, i);
    });

    // Everything is tried on copies: what throws here leaves no trace.
    const after = kindData.map(({ kind, generation, values }, i): KindRecord => {
      const before = held[i]!;
      const target = {
        ...this.#target(resource, this.#kind(kind)),
        requestSigner: replica ? undefined : context.signer,
        certificates: context.certificates,
        transactionId: context.transactionId,
      };
      const elements = storeValues(target, before.elements, values);
      if (replica) return { kind, generation, elements };
      return elements === before.elements ? before : { kind, generation: before.generation + 1, elements };
    });
    this.#requireRoom(resource, after);

    const changed = after.filter((record, i) => record.elements !== held[i]!.elements);
    const moved = after.filter(
      (record, i) => changed.includes(record) || record.generation !== held[i]!.generation,
    );
    const replicas = context.replicas ?? [];
    return {
      answer: { kindResponses: after.map(({ kind, generation }) => ({ kind, generation, replicas })) },
      changed: changed.length > 0,
      committed: moved.length === 0 ? Promise.resolve() : this.#table.put(resource, moved),
    };
  }

  /** RFC 6940 §7.4.2.2: one response for each specifier, empty where the asker's generation is the current one. */
  #answer<T>(
    { resource, specifiers }: DataRequest,
    toValue: (data: StoredData, certificate: Uint8Array | undefined) => T,
  ): { kind: KindId; generation: number; values: readonly T[] }[] {
    requireResourceId(resource);
    this.#requireKinds(specifiers.map(({ kind }) => kind));
    const now = this.#clock.now();
    return specifiers.map((specifier) => {
      const kind = this.#kind(specifier.kind);
      const { generation, elements } = this.#table.record(resource, kind.id);
      const selected = select(kind, elements, specifier);
      const known = generation !== 0 && specifier.generation === generation;
      const values = known ? [] : selected.map((found) => toValue(...unpack(found, kind, now)));
      return { kind: kind.id, generation, values };
    });
  }

  #closest(from: ResourceId, kind: KindId): ResourceId {
    let above: ResourceId | undefined;
    let lowest: ResourceId | undefined;
    for (const resource of this.#table.resources()) {
      const beatsAbove = resource >= from && (above === undefined || resource < above);
      const beatsLowest = lowest === undefined || resource < lowest;
      if (!beatsAbove && !beatsLowest) continue;
      if (!this.#table.record(resource, kind).elements.some(({ exists }) => exists)) continue;
      if (beatsAbove) above = resource;
      if (beatsLowest) lowest = resource;
    }
    // §7.4.4.2: "It is 0 if no Resource-ID is known", and for an unknown Kind.
    return above ?? lowest ?? NO_RESOURCE;
  }

  #target(resource: ResourceId, kind: KindDefinition) {
    const now = this.#clock.now();
    return { trust: this.#trust, kind, resource, now, requestSigner: undefined, transactionId: undefined };
  }

  #kind(id: KindId): KindDefinition {
    return this.#kinds.get(id) ?? raise(StorageError.unknownKinds([id]));
  }

  /** §7.4.1.1: "The same Kind-ID MUST NOT be used twice"; unknown ones are refused all at once. */
  #requireKinds(kinds: readonly KindId[]): void {
    const unknown = kinds.filter((kind) => !this.#kinds.has(kind));
    if (unknown.length > 0) throw StorageError.unknownKinds([...new Set(unknown)].slice(0, 63));
    requireOnce(kinds);
  }

  /** Room is needed only for what grows: a full store still takes removals and renewals. */
  #requireRoom(resource: ResourceId, records: readonly KindRecord[]): void {
    let growth = 0;
    for (const { kind, elements } of records) {
      const more = bytesOf(elements) - bytesOf(this.#table.record(resource, kind).elements);
      if (more > 0 && this.#table.bytesOfKind(kind) + more > this.#maxBytesPerKind) {
        throw new StorageError(
          'data-too-large',
          `this peer has no room for more of ${this.#kind(kind).name}`,
        );
      }
      growth += more;
    }
    if (growth > 0 && this.#table.bytes + growth > this.#maxBytes) {
      throw new StorageError('data-too-large', 'this peer has no room for more');
    }
  }

  #countRefusal({ code }: StorageError): void {
    this.#metrics.counter('reload_stores_refused_total', 'Stores refused', { reason: code }).inc();
  }
}

/**
 * §7.4.1.1: an original Store with a counter other than 0 must have the current one; a replica sets it. §7.4.1.2:
 * the refusal tells the counters of all Kinds.
 */
function requireGeneration(
  generation: number,
  replica: boolean,
  held: readonly KindRecord[],
  i: number,
): void {
  if (replica) {
    if (generation === 0) throw new StorageError('invalid-request', 'a replica with generation counter 0');
  } else if (generation !== 0 && generation !== held[i]!.generation) {
    throw StorageError.generationTooLow(
      held.map((record) => ({ kind: record.kind, generation: record.generation, replicas: [] })),
    );
  }
}

function requireResourceId(resource: ResourceId): void {
  if (!isNodeId(resource)) throw new StorageError('invalid-request', `Resource-IDs have ${ID_LENGTH} bytes`);
}

function requireOnce(kinds: readonly KindId[]): void {
  if (new Set(kinds).size !== kinds.length) throw new StorageError('invalid-request', 'a Kind named twice');
}

function unpack(
  found: Selected,
  { dataModel }: KindDefinition,
  now: number,
): [data: StoredData, certificate: Uint8Array | undefined] {
  if (found.element === undefined) return [synthetic(found.absent), undefined];
  const { data, certificate } = unpackElement(found.element, dataModel, now);
  return [data, certificate];
}

/** §7.4.2.2: "a synthetic value with 'exists' set to False [that] has an empty signature". */
function synthetic(value: StoredDataValue): StoredData {
  return { storageTime: 0, lifetime: 0, value, signature: NO_SIGNATURE };
}

function raise(error: Error): never {
  throw error;
}
