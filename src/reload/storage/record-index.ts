import type { Gauge, Metrics } from '../../base/index.ts';
import type { KindId, ResourceId } from '../wire/ids.ts';
import type { RecordSummary } from './kind-record.ts';

/** What is known of the record of one Kind at one resource; the record itself is on the disk. */
export interface IndexEntry extends RecordSummary {
  readonly kind: KindId;
}

/** What a value takes besides its own bytes: its share of the index, and its signer's certificate on the disk. */
const OVERHEAD_BYTES = 1024;

/** Which records there are, without their values: what a peer keeps of each in memory. */
export class RecordIndex {
  readonly #resources = new Map<ResourceId, readonly IndexEntry[]>();
  readonly #bytesOfKind = new Map<KindId, number>();
  readonly #valuesGauge: Gauge;
  readonly #bytesGauge: Gauge;
  #bytes = 0;
  #values = 0;

  constructor({ metrics }: { metrics: Metrics }) {
    this.#valuesGauge = metrics.gauge('reload_stored_values', 'Values held for the overlay');
    this.#bytesGauge = metrics.gauge('reload_stored_bytes', 'Room taken by these values, estimated');
  }

  get resourceCount(): number {
    return this.#resources.size;
  }

  get valueCount(): number {
    return this.#values;
  }

  /** An estimate of the room that all values take. */
  get bytes(): number {
    return this.#bytes;
  }

  bytesOfKind(kind: KindId): number {
    return this.#bytesOfKind.get(kind) ?? 0;
  }

  resources(): Iterable<ResourceId> {
    return this.#resources.keys();
  }

  at(resource: ResourceId): readonly IndexEntry[] {
    return this.#resources.get(resource) ?? [];
  }

  entry(resource: ResourceId, kind: KindId): IndexEntry | undefined {
    return this.#resources.get(resource)?.find((entry) => entry.kind === kind);
  }

  /** The storage_time of the newest value at the resource, ms. */
  newestAt(resource: ResourceId): number {
    return this.at(resource).reduce((newest, entry) => Math.max(newest, entry.newest), 0);
  }

  /** A summary without values takes the record away. */
  set(resource: ResourceId, kind: KindId, summary: RecordSummary): void {
    const held = this.at(resource);
    const before = held.find((entry) => entry.kind === kind);
    if (before !== undefined) this.#account(before, -1);
    const others = before === undefined ? held : held.filter((entry) => entry !== before);
    const entry = entryOf(kind, summary);
    // Neither spread: a spread array has room for sixteen more, and a spread object is twice as large.
    const entries = summary.values === 0 ? others : others.concat([entry]);
    if (summary.values > 0) this.#account(entry, 1);
    if (entries.length === 0) this.#resources.delete(resource);
    else this.#resources.set(resource, entries);
    this.#valuesGauge.set(this.#values);
    this.#bytesGauge.set(this.#bytes);
  }

  #account({ kind, size, values }: IndexEntry, sign: 1 | -1): void {
    const bytes = sign * roomFor({ size, values });
    this.#bytes += bytes;
    this.#bytesOfKind.set(kind, this.bytesOfKind(kind) + bytes);
    this.#values += sign * values;
  }
}

/** The room a record takes, as the limits count it. */
export function roomFor({ size, values }: Pick<RecordSummary, 'size' | 'values'>): number {
  return size + values * OVERHEAD_BYTES;
}

function entryOf(
  kind: KindId,
  { generation, values, size, expiresAt, expiredAt, newest }: RecordSummary,
): IndexEntry {
  return { kind, generation, values, size, expiresAt, expiredAt, newest };
}
