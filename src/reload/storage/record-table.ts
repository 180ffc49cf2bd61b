import {
  type Clock,
  DeadlineQueue,
  errorMessage,
  type KeyValueStore,
  type Logger,
  type Metrics,
  type Write,
  type WriteOptions,
} from '../../base/index.ts';
import { DecodeError } from '../wire/decode-error.ts';
import type { KindId, ResourceId } from '../wire/ids.ts';
import type { KindTable } from '../wire/kind-table.ts';
import { CertificateShelf } from './certificate-shelf.ts';
import {
  decodeRecord,
  emptyRecord,
  encodeRecord,
  type KindRecord,
  summarize,
  summaryOf,
} from './kind-record.ts';
import { type IndexEntry, RecordIndex } from './record-index.ts';
import { keyOf, placeOfKey, RECORD_PREFIX } from './record-key.ts';
import { dropRevoked, type RevocableFields } from './revoked-values.ts';
import { undone } from './rollback.ts';

/** Resources that expire at the same moment are removed in slices, so that others have their turn. */
const SLICE = 500;

/** What `load` found on the disk. */
export interface LoadResult {
  readonly resources: number;
  readonly values: number;
  /** Records deleted because all their values ended while this peer was away. */
  readonly expired: number;
  /** Records deleted because they cannot be read. */
  readonly damaged: number;
}

/**
 * The records a peer holds, by Resource-ID: on the disk, with an index in memory; values that expire are removed on
 * one timer. Knows nothing of permissions: that is `ResourceStore`.
 */
export class RecordTable {
  readonly index: RecordIndex;
  readonly #clock: Clock;
  readonly #kv: KeyValueStore;
  readonly #logger: Logger;
  readonly #kinds: () => KindTable;
  readonly #certificates: CertificateShelf;
  readonly #deadlines: DeadlineQueue<ResourceId>;
  #isClosed = false;
  #expiringAt = 0;
  #expiredNow = 0;

  constructor(
    deps: { clock: Clock; kv: KeyValueStore; logger: Logger; metrics: Metrics },
    options: { readonly kinds: () => KindTable },
  ) {
    this.#clock = deps.clock;
    this.#kv = deps.kv;
    this.#logger = deps.logger;
    this.#kinds = options.kinds;
    this.index = new RecordIndex(deps);
    this.#certificates = new CertificateShelf(deps);
    this.#deadlines = new DeadlineQueue(deps.clock, (resource) => this.#expire(resource));
  }

  /** The records of a resource, without values that have expired; Kinds that the overlay has given up are left out. */
  records(resource: ResourceId): readonly KindRecord[] {
    return this.index
      .at(resource)
      .map(({ kind }) => this.record(resource, kind))
      .filter(({ elements }) => elements.length > 0);
  }

  /** The record of one Kind, without values that have expired; an empty one if there is none. */
  record(resource: ResourceId, kind: KindId): KindRecord {
    return this.#live(this.#stored(resource, kind));
  }

  /** DER; undefined when nothing is held that it signed. */
  certificate(fingerprint: string): Uint8Array | undefined {
    return this.#certificates.get(fingerprint);
  }

  /**
   * Puts these records in place of those of the same Kinds; reads see them at once.
   * @param options.patient somebody else has them on the disk already, and no user waits
   * @returns resolves when it is on the disk; rejects when that failed, and everything is as it was before
   */
  async put(resource: ResourceId, changed: readonly KindRecord[], options: WriteOptions = {}): Promise<void> {
    const before = changed.map(({ kind }) => this.#stored(resource, kind));
    const writes = changed.flatMap((record, i) => this.#replace(resource, before[i]!, record));
    const mine = changed.map(({ kind }) => this.index.entry(resource, kind));
    this.#setDeadline(resource);
    try {
      await this.#kv.write(writes, options);
    } catch (error) {
      for (const [i, record] of changed.entries()) this.#rollBack(resource, before[i]!, record, mine[i]);
      this.#setDeadline(resource);
      throw error;
    }
  }

  /** Forgets a resource, in memory and on the disk. */
  delete(resource: ResourceId): Promise<void> {
    return this.put(
      resource,
      this.index.at(resource).map(({ kind }) => emptyRecord(kind)),
    );
  }

  /** Forgets all records of these Kinds, in memory and on the disk. */
  async deleteKinds(kinds: ReadonlySet<KindId>): Promise<void> {
    const gone = [...this.index.resources()].map((resource) => {
      const records = this.index.at(resource).filter(({ kind }) => kinds.has(kind));
      return records.length === 0
        ? undefined
        : this.put(
            resource,
            records.map(({ kind }) => emptyRecord(kind)),
          );
    });
    await Promise.all(gone);
  }

  /** Forgets the values whose certificate is revoked. @returns their number, once that is on the disk */
  dropRevoked(isRevoked: (certificate: RevocableFields) => boolean): Promise<number> {
    const records = {
      signers: () => this.#certificates.signers(),
      certificate: (fingerprint: string) => this.certificate(fingerprint),
      resources: () => [...this.index.resources()],
      kindsAt: (resource: ResourceId) => this.index.at(resource).map(({ kind }) => kind),
      record: (resource: ResourceId, kind: KindId) => this.record(resource, kind),
      put: (resource: ResourceId, changed: readonly KindRecord[]) => this.put(resource, changed),
    };
    return dropRevoked(this.#clock, records, isRevoked);
  }

  /** Indexes what an earlier run left; values are read when somebody asks for them. To be called once. */
  async load(): Promise<LoadResult> {
    const now = this.#clock.now();
    const drop: Write[] = [];
    const signers: string[] = [];
    let expired = 0;
    let damaged = 0;
    for (const [key, value] of this.#kv.entries(RECORD_PREFIX)) {
      const place = placeOfKey(key);
      const found = place === undefined ? undefined : readable(() => summarize(value));
      if (place !== undefined && found !== undefined && found.summary.expiredAt > now) {
        this.index.set(place.resource, place.kind, found.summary);
        this.#certificates.loaded(found.signers);
        continue;
      }
      drop.push({ key, value: undefined });
      if (found === undefined) damaged += 1;
      else expired += 1;
      signers.push(...(found?.signers ?? []));
    }
    // Who signed what is damaged cannot be told.
    drop.push(...this.#certificates.unused(damaged > 0 ? this.#certificates.onDisk() : signers));
    for (const resource of this.index.resources()) this.#setDeadline(resource);
    if (drop.length > 0) await this.#kv.write(drop);
    const { resourceCount: resources, valueCount: values } = this.index;
    if (damaged > 0) this.#logger.error('records that cannot be read are deleted', { damaged });
    return { resources, values, expired, damaged };
  }

  /** Stops the timer for good: a Store that is still on its way starts it no more. */
  close(): void {
    this.#isClosed = true;
    this.#deadlines.clear();
  }

  /** What is on the disk or on its way there, with values that have expired. */
  #stored(resource: ResourceId, kind: KindId): KindRecord {
    const model = this.#kinds().get(kind)?.dataModel;
    const bytes = model === undefined ? undefined : this.#kv.get(keyOf(resource, kind));
    if (model === undefined || bytes === undefined) return emptyRecord(kind);
    const record = readable(() => decodeRecord(kind, model, bytes));
    if (record === undefined) this.#logger.warn('a damaged record is passed over', { resource, kind });
    return record ?? emptyRecord(kind);
  }

  #expire(resource: ResourceId): void {
    const now = this.#clock.now();
    this.#expiredNow = this.#expiringAt === now ? this.#expiredNow + 1 : 1;
    this.#expiringAt = now;
    if (this.#expiredNow > SLICE) {
      this.#deadlines.set(resource, now + 1);
      return;
    }
    const due = this.index.at(resource).filter((entry) => this.#endOf(entry) <= now);
    // Nobody waits for this; at the next start expired values are left out anyway.
    this.put(
      resource,
      due.map(({ kind }) => this.record(resource, kind)),
    ).catch((error) => {
      this.#logger.warn('removing expired values from the disk failed', { error: errorMessage(error) });
    });
  }

  /** The record itself where nothing in it has expired. */
  #live(record: KindRecord): KindRecord {
    const now = this.#clock.now();
    if (record.elements.every(({ expiresAt }) => expiresAt > now)) return record;
    const elements = record.elements.filter(({ expiresAt }) => expiresAt > now);
    return elements.length === 0 ? emptyRecord(record.kind) : { ...record, elements };
  }

  /** @returns what this needs written */
  #replace(resource: ResourceId, before: KindRecord, after: KindRecord): Write[] {
    const { kind, generation, elements } = after;
    const value = elements.length === 0 ? undefined : encodeRecord(after);
    this.index.set(resource, kind, summaryOf(generation, elements, value?.length ?? 0));
    return [{ key: keyOf(resource, kind), value }, ...this.#certificates.replace(before.elements, elements)];
  }

  /**
   * The disk did not take `after`. What later Stores built on it meanwhile stays, but for the values that were refused.
   * @param mine what the index said of `after`
   */
  #rollBack(resource: ResourceId, before: KindRecord, after: KindRecord, mine: IndexEntry | undefined): void {
    const current = this.#stored(resource, after.kind);
    const overtaken = this.index.entry(resource, after.kind) !== mine;
    const restored = undone(current, before, after);
    const changes = this.#replace(resource, overtaken ? current : after, restored);
    const writes = [...(overtaken ? changes : []), ...this.#certificates.stillNeeded(after.elements)];
    if (writes.length === 0) return;
    this.#kv
      .write(writes)
      .catch((error) => this.#logger.warn('the disk takes nothing', { error: errorMessage(error) }));
  }

  #setDeadline(resource: ResourceId): void {
    if (this.#isClosed) return;
    const ends = this.index.at(resource).map((entry) => this.#endOf(entry));
    if (ends.length === 0) this.#deadlines.delete(resource);
    else this.#deadlines.set(resource, Math.min(...ends));
  }

  /** When something of the record has to go. Values of a Kind that the overlay has given up go together. */
  #endOf({ kind, expiresAt, expiredAt }: IndexEntry): number {
    return this.#kinds().has(kind) ? expiresAt : expiredAt;
  }
}

/** Undefined when the bytes on the disk are damaged. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
