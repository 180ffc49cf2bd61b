import type { TypeOf } from '../wire/codec.ts';
import { decodeWhole, encodeWhole } from '../wire/codec.ts';
import type { KindId } from '../wire/ids.ts';
import { counter64, uint8, uint64 } from '../wire/integers.ts';
import type { DataModel } from '../wire/kind-table.ts';
import { fixedHex, opaque, vector } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';
import { restoreElement, type StoredElement } from './stored-element.ts';

/** All values of one Kind at one Resource-ID. Never changed, only replaced: that makes Stores atomic. */
export interface KindRecord {
  readonly kind: KindId;
  /** RFC 6940 §7.4.1.1; 0 before the first Store. */
  readonly generation: number;
  /** Arrays in the order of their indices, dictionaries in that of their first Store. */
  readonly elements: readonly StoredElement[];
}

/** What is known of a record without looking at its values. */
export interface RecordSummary {
  readonly generation: number;
  readonly values: number;
  /** Bytes at rest, certificates apart. */
  readonly size: number;
  /** When the first of its values ends, wall-clock ms. */
  readonly expiresAt: number;
  /** When the last of its values ends, wall-clock ms. */
  readonly expiredAt: number;
  /** The storage_time of its newest value, ms. */
  readonly newest: number;
}

/** Elements of one record, removed ones among them; a record at rest holds no more than one list of a message. */
export const MAX_ELEMENTS = 4096;

export function emptyRecord(kind: KindId): KindRecord {
  return { kind, generation: 0, elements: [] };
}

/** The elements with `element` put in, in place of the one at the same place if there is one. */
export function withElement(
  elements: readonly StoredElement[],
  element: StoredElement,
  model: DataModel,
): readonly StoredElement[] {
  const at = elements.findIndex(({ place }) => place === element.place);
  if (at >= 0) return elements.with(at, element);
  const added = [...elements, element];
  return model === 'ARRAY' ? added.sort((a, b) => Number(a.place) - Number(b.place)) : added;
}

/** The length of an array: one more than its highest index. */
export function arrayLength(elements: readonly StoredElement[]): number {
  const last = elements.at(-1);
  return last === undefined ? 0 : Number(last.place) + 1;
}

/** Goes with the schema version of the data directory; version 1 is read by its migration alone. */
const FORMAT_VERSION = 2;

const FINGERPRINT_BYTES = 32;

/** `length` and `storage_time` of a StoredData (RFC 6940 §7), whatever its data model. */
const STORAGE_TIME_AT = 4;

const atRest = struct({
  version: uint8,
  generation: counter64,
  elements: vector(
    4,
    struct({
      expiresAt: counter64,
      /** 0: none. */
      transactionId: uint64,
      signer: fixedHex(FINGERPRINT_BYTES),
      data: opaque(4),
    }),
    MAX_ELEMENTS,
  ),
});
export type RecordAtRest = Omit<TypeOf<typeof atRest>, 'version'>;

/** The record for the disk. */
export function encodeRecord({ generation, elements }: KindRecord): Uint8Array {
  return encodeAtRest({
    generation,
    elements: elements.map(({ expiresAt, transactionId = 0n, signer, data }) => ({
      expiresAt,
      transactionId,
      signer,
      data,
    })),
  });
}

export function encodeAtRest(record: RecordAtRest): Uint8Array {
  // A copy without the slack of the writer's buffer: the in-memory key-value store keeps it.
  return new Uint8Array(encodeWhole(atRest, { version: FORMAT_VERSION, ...record }));
}

/**
 * The record that was written, with what has expired since.
 * @throws DecodeError when it is damaged
 */
export function decodeRecord(kind: KindId, model: DataModel, bytes: Uint8Array): KindRecord {
  const { generation, elements } = decodeWhole(atRest, bytes);
  return {
    kind,
    generation,
    elements: elements.map(({ expiresAt, transactionId, signer, data }) =>
      restoreElement(
        { expiresAt, transactionId: transactionId === 0n ? undefined : transactionId, signer, data },
        model,
      ),
    ),
  };
}

/**
 * Reads no more of a record than its index needs: 50,000 of them are indexed at a start in less than a second.
 * @returns undefined for another format
 * @throws DecodeError when it is damaged
 */
export function summarize(
  bytes: Uint8Array,
): { readonly summary: RecordSummary; readonly signers: readonly string[] } | undefined {
  if (bytes[0] !== FORMAT_VERSION) return undefined;
  const { generation, elements } = decodeWhole(atRest, bytes);
  const entries = elements.map(({ expiresAt, data }) => ({ expiresAt, storageTime: storageTimeOf(data) }));
  return {
    summary: summaryOf(generation, entries, bytes.length),
    signers: elements.map(({ signer }) => signer),
  };
}

/** @param size bytes at rest */
export function summaryOf(
  generation: number,
  elements: readonly Pick<StoredElement, 'expiresAt' | 'storageTime'>[],
  size: number,
): RecordSummary {
  let expiresAt = Number.POSITIVE_INFINITY;
  let expiredAt = 0;
  let newest = 0;
  for (const element of elements) {
    expiresAt = Math.min(expiresAt, element.expiresAt);
    expiredAt = Math.max(expiredAt, element.expiresAt);
    newest = Math.max(newest, element.storageTime);
  }
  return { generation, values: elements.length, size, expiresAt, expiredAt, newest };
}

function storageTimeOf({ buffer, byteOffset, length }: Uint8Array): number {
  if (length < STORAGE_TIME_AT + 8) return 0;
  return Number(new DataView(buffer, byteOffset).getBigUint64(STORAGE_TIME_AT));
}
