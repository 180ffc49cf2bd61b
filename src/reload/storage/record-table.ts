import {
  type Clock,
  DeadlineQueue,
  errorMessage,
  type Gauge,
  type KeyValueStore,
  type Logger,
  type Metrics,
  type Write,
} from '../../base/index.ts';
import { DecodeError } from '../wire/decode-error.ts';
import type { KindId, ResourceId } from '../wire/ids.ts';
import type { KindTable } from '../wire/kind-table.ts';
import { decodeRecord, emptyRecord, encodeRecord, type KindRecord } from './kind-record.ts';
import { sizeOf } from './stored-element.ts';

const PREFIX = 'resource/';

/** What `load` found on the disk. */
export interface LoadResult {
  readonly resources: number;
  readonly values: number;
  /** Records left out and deleted: damaged, of another format, of unknown Kinds, or expired as a whole. */
  readonly dropped: number;
}

/**
 * The records a peer holds, in memory and on the disk, by Resource-ID; values that expire are removed on one timer.
 * Knows nothing of permissions: that is `ResourceStore`.
 */
export class RecordTable {
  readonly #clock: Clock;
  readonly #kv: KeyValueStore;
  readonly #kinds: KindTable;
  readonly #resources = new Map<ResourceId, readonly KindRecord[]>();
  readonly #bytesOfKind = new Map<KindId, number>();
  readonly #deadlines: DeadlineQueue<ResourceId>;
  readonly #logger: Logger;
  readonly #valuesGauge: Gauge;
  readonly #bytesGauge: Gauge;
  #bytes = 0;
  #values = 0;

  constructor(
    { clock, kv, logger, metrics }: { clock: Clock; kv: KeyValueStore; logger: Logger; metrics: Metrics },
    { kinds }: { kinds: KindTable },
  ) {
    this.#clock = clock;
    this.#kv = kv;
    this.#kinds = kinds;
    this.#logger = logger;
    this.#valuesGauge = metrics.gauge('reload_stored_values', 'Values held for the overlay');
    this.#bytesGauge = metrics.gauge('reload_stored_bytes', 'Memory taken by these values, estimated');
    this.#deadlines = new DeadlineQueue(clock, (resource) => this.#expire(resource));
  }

  get resourceCount(): number {
    return this.#resources.size;
  }

  get valueCount(): number {
    return this.#values;
  }

  /** An estimate of the memory that all values take. */
  get bytes(): number {
    return this.#bytes;
  }

  bytesOfKind(kind: KindId): number {
    return this.#bytesOfKind.get(kind) ?? 0;
  }

  resources(): Iterable<ResourceId> {
    return this.#resources.keys();
  }

  /** The records of a resource, without values that have expired. */
  records(resource: ResourceId): readonly KindRecord[] {
    return this.#live(this.#resources.get(resource) ?? []);
  }

  /** The record of one Kind, without values that have expired; an empty one if there is none. */
  record(resource: ResourceId, kind: KindId): KindRecord {
    const held = this.#resources.get(resource)?.find((record) => record.kind === kind);
    return held === undefined ? emptyRecord(kind) : this.#liveRecord(held);
  }

  /**
   * Puts these records in place of those of the same Kinds, at once in memory.
   * @returns resolves when it is on the disk
   */
  put(resource: ResourceId, changed: readonly KindRecord[]): Promise<void> {
    const kinds = new Set(changed.map(({ kind }) => kind));
    const held = this.#resources.get(resource) ?? [];
    this.#replace(resource, [...held.filter(({ kind }) => !kinds.has(kind)), ...changed]);
    return this.#kv.write(changed.map((record) => writeOf(resource, record)));
  }

  /** Forgets a resource, in memory and on the disk. */
  delete(resource: ResourceId): Promise<void> {
    const held = this.#resources.get(resource) ?? [];
    this.#replace(resource, []);
    return this.#kv.write(held.map(({ kind }) => ({ key: keyOf(resource, kind), value: undefined })));
  }

  /** Reads what an earlier run left; to be called once, on an empty table. */
  async load(): Promise<LoadResult> {
    const now = this.#clock.now();
    const found = new Map<ResourceId, KindRecord[]>();
    const drop: Write[] = [];
    for (const [key, value] of this.#kv.entries(PREFIX)) {
      const read = this.#read(key, value, now);
      if (read === undefined) drop.push({ key, value: undefined });
      else found.set(read.resource, [...(found.get(read.resource) ?? []), read.record]);
    }
    for (const [resource, records] of found) this.#replace(resource, records);
    if (drop.length > 0) await this.#kv.write(drop);
    return { resources: this.resourceCount, values: this.valueCount, dropped: drop.length };
  }

  /** Stops the timer. */
  close(): void {
    this.#deadlines.clear();
  }

  #read(
    key: string,
    bytes: Uint8Array,
    now: number,
  ): { resource: ResourceId; record: KindRecord } | undefined {
    const match = /^resource\/([0-9a-f]+)\/([0-9a-f]{8})$/.exec(key);
    const kind = this.#kinds.get(Number.parseInt(match?.[2] ?? '0', 16));
    if (match === null || kind === undefined) return undefined;
    try {
      const record = decodeRecord(kind.id, kind.dataModel, bytes, now);
      return record === undefined || record.elements.length === 0
        ? undefined
        : { resource: match[1]!, record };
    } catch (error) {
      if (error instanceof DecodeError) return undefined;
      throw error;
    }
  }

  #expire(resource: ResourceId): void {
    const held = this.#resources.get(resource) ?? [];
    const live = held.map((record) => this.#liveRecord(record));
    const shrunk = live.filter((record, i) => record !== held[i]);
    this.#replace(resource, live);
    // Nobody waits for this; at the next start expired values are left out anyway.
    this.#kv.write(shrunk.map((record) => writeOf(resource, record))).catch((error) => {
      this.#logger.warn('removing expired values from the disk failed', { error: errorMessage(error) });
    });
  }

  #live(records: readonly KindRecord[]): readonly KindRecord[] {
    return records.map((record) => this.#liveRecord(record)).filter(({ elements }) => elements.length > 0);
  }

  /** The record itself where nothing in it has expired. */
  #liveRecord(record: KindRecord): KindRecord {
    const now = this.#clock.now();
    if (record.elements.every(({ expiresAt }) => expiresAt > now)) return record;
    return { ...record, elements: record.elements.filter(({ expiresAt }) => expiresAt > now) };
  }

  #replace(resource: ResourceId, records: readonly KindRecord[]): void {
    for (const record of this.#resources.get(resource) ?? []) this.#account(record, -1);
    const kept = records.filter(({ elements }) => elements.length > 0);
    for (const record of kept) this.#account(record, 1);
    if (kept.length === 0) {
      this.#resources.delete(resource);
      this.#deadlines.delete(resource);
    } else {
      this.#resources.set(resource, kept);
      const ends = kept.flatMap(({ elements }) => elements.map(({ expiresAt }) => expiresAt));
      this.#deadlines.set(resource, Math.min(...ends));
    }
    this.#valuesGauge.set(this.#values);
    this.#bytesGauge.set(this.#bytes);
  }

  #account({ kind, elements }: KindRecord, sign: 1 | -1): void {
    const bytes = sign * bytesOf(elements);
    this.#bytes += bytes;
    this.#bytesOfKind.set(kind, this.bytesOfKind(kind) + bytes);
    this.#values += sign * elements.length;
  }
}

/** The memory these elements take, as `RecordTable` counts it. */
export function bytesOf(elements: KindRecord['elements']): number {
  return elements.reduce((sum, element) => sum + sizeOf(element), 0);
}

function keyOf(resource: ResourceId, kind: KindId): string {
  return `${PREFIX}${resource}/${kind.toString(16).padStart(8, '0')}`;
}

function writeOf(resource: ResourceId, record: KindRecord): Write {
  const value = record.elements.length === 0 ? undefined : encodeRecord(record);
  return { key: keyOf(resource, record.kind), value };
}
