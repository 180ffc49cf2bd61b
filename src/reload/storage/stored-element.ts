import { type StoredData, type StoredDataValue, storedData } from '../messages/stored-data.ts';
import type { Certificate } from '../security/certificate.ts';
import { encodeWhole } from '../wire/codec.ts';
import type { DataModel } from '../wire/kind-table.ts';
import { Reader } from '../wire/reader.ts';

/** One stored value, as long as somebody works with it; at rest it is part of an encoded record. */
export interface StoredElement {
  /** See `placeOf`. */
  readonly place: string;
  readonly exists: boolean;
  /** ms since the Unix epoch, by the storer's clock. */
  readonly storageTime: number;
  /** ms since the Unix epoch, by ours. */
  readonly expiresAt: number;
  /** The encoded StoredData, as it came. */
  readonly data: Uint8Array;
  /** Fingerprint of the signer's certificate, which is kept on the `CertificateShelf`. */
  readonly signer: string;
  /** DER; only until the element is put away. */
  readonly certificate?: Uint8Array;
  /** The transaction that stored it here, for requirement T7; it outlives a restart. */
  readonly transactionId: bigint | undefined;
}

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
    data: encodeWhole(storedData[data.value.model], data),
    signer: certificate.fingerprint,
    certificate: certificate.der,
    transactionId,
  };
}

/** The value as it was stored but for its lifetime, which is what is left of it (§7.4.1.1). */
export function unpackElement({ data, expiresAt }: StoredElement, model: DataModel, now: number): StoredData {
  const stored = storedData[model].decode(new Reader(data));
  return { ...stored, lifetime: Math.max(0, Math.floor((expiresAt - now) / 1000)) };
}

/**
 * An element read back from a record at rest.
 * @throws DecodeError when the bytes are damaged
 */
export function restoreElement(
  atRest: Pick<StoredElement, 'data' | 'signer' | 'expiresAt' | 'transactionId'>,
  model: DataModel,
): StoredElement {
  const { value, storageTime } = storedData[model].decode(new Reader(atRest.data));
  return { ...atRest, place: placeOf(value), exists: value.exists, storageTime };
}
