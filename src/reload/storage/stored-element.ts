import { concatBytes } from '../../base/index.ts';
import { type StoredData, type StoredDataValue, storedData } from '../messages/stored-data.ts';
import type { Certificate } from '../security/certificate.ts';
import { encodeWhole } from '../wire/codec.ts';
import type { DataModel } from '../wire/kind-table.ts';
import { Reader } from '../wire/reader.ts';

/**
 * One stored value at rest. A peer may hold hundreds of thousands, so the value, its signature and the signer's
 * certificate (RFC 6940 §6.3.4: "a peer storing data is obligated to retain certificates") are one byte string:
 * the encoded StoredData, then the DER certificate. Values are taken apart again when somebody asks for them.
 */
export interface StoredElement {
  /** See `placeOf`. */
  readonly place: string;
  readonly exists: boolean;
  /** ms since the Unix epoch, by the storer's clock. */
  readonly storageTime: number;
  /** ms since the Unix epoch, by ours. */
  readonly expiresAt: number;
  readonly bytes: Uint8Array;
  /** The transaction that stored it here, for requirement T7; not kept across restarts. */
  readonly transactionId: bigint | undefined;
}

/** What is kept beside an element's bytes; the estimate behind the memory bound. */
const ELEMENT_OVERHEAD_BYTES = 512;

/** Where in its Kind a value stands: '' if single, the array index in decimal, or the dictionary key in hex. */
export function placeOf(value: StoredDataValue): string {
  switch (value.model) {
    case 'SINGLE':
      return '';
    case 'ARRAY':
      return String(value.index);
    case 'DICTIONARY':
      return value.key;
  }
}

/**
 * @param now ms; the lifetime counts from here
 * @param transactionId of the StoreReq, where there is one
 */
export function packElement(
  data: StoredData,
  certificate: Certificate,
  now: number,
  transactionId?: bigint,
): StoredElement {
  return {
    place: placeOf(data.value),
    exists: data.value.exists,
    storageTime: data.storageTime,
    // §7.1 lets us bound the life of a value by that of the certificate that makes it valid.
    expiresAt: Math.min(now + data.lifetime * 1000, certificate.notAfter),
    // A buffer of its own: pooled memory or a received frame would be kept alive by it.
    bytes: new Uint8Array(concatBytes(encodeWhole(storedData[data.value.model], data), certificate.der)),
    transactionId,
  };
}

/** The value as it was stored but for its lifetime, which is what is left of it (§7.4.1.1); and the certificate. */
export function unpackElement(
  { bytes, expiresAt }: StoredElement,
  model: DataModel,
  now: number,
): { readonly data: StoredData; readonly certificate: Uint8Array } {
  const reader = new Reader(bytes);
  const data = storedData[model].decode(reader);
  const lifetime = Math.max(0, Math.floor((expiresAt - now) / 1000));
  return { data: { ...data, lifetime }, certificate: reader.view(reader.remaining) };
}

/**
 * An element read back from disk.
 * @throws DecodeError when the bytes are damaged
 */
export function restoreElement(bytes: Uint8Array, model: DataModel, expiresAt: number): StoredElement {
  const { value, storageTime } = storedData[model].decode(new Reader(bytes));
  return {
    place: placeOf(value),
    exists: value.exists,
    storageTime,
    expiresAt,
    bytes: new Uint8Array(bytes),
    transactionId: undefined,
  };
}

export function sizeOf(element: StoredElement): number {
  return element.bytes.length + ELEMENT_OVERHEAD_BYTES;
}
