import type { ResourceId } from '../wire/ids.ts';
import { encodeRecord, type KindRecord } from './kind-record.ts';
import { type RecordIndex, roomFor } from './record-index.ts';
import { StorageError } from './storage-error.ts';

export interface StoreRoomOptions {
  /** Of all values, bytes. */
  readonly maxBytes: number;
  /** Of those of one Kind, so that none can crowd out the others. */
  readonly maxBytesPerKind: number;
}

/** What this peer has room for. */
export class StoreRoom {
  readonly #index: RecordIndex;
  readonly #options: StoreRoomOptions;

  constructor(deps: { readonly index: RecordIndex }, options: StoreRoomOptions) {
    this.#index = deps.index;
    this.#options = options;
  }

  /**
   * Only new values need room: a full store still takes renewals and removals, whose size the Kind bounds.
   * @throws StorageError 'data-too-large'
   */
  require(resource: ResourceId, records: readonly KindRecord[]): void {
    const index = this.#index;
    const { maxBytes, maxBytesPerKind } = this.#options;
    let growth = 0;
    for (const record of records) {
      const before = index.entry(resource, record.kind) ?? { values: 0, size: 0 };
      const values = record.elements.length;
      if (values <= before.values) continue;
      const more = roomFor({ values, size: encodeRecord(record).length }) - roomFor(before);
      growth += more;
      if (index.bytesOfKind(record.kind) + more > maxBytesPerKind) {
        throw new StorageError('data-too-large', 'this peer has no room for more of this Kind');
      }
    }
    if (growth > 0 && index.bytes + growth > maxBytes) {
      throw new StorageError('data-too-large', 'this peer has no room for more');
    }
  }
}
