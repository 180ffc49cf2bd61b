import { CodedError, equalBytes } from '../../base/index.ts';
import { APPEND_INDEX, type StoredData } from '../messages/stored-data.ts';
import type { CertificateStore } from '../security/certificate-store.ts';
import type { SignedBy } from '../security/signature.ts';
import type { ResourceId } from '../wire/ids.ts';
import type { KindDefinition } from '../wire/kind-table.ts';
import { mayWrite } from './access-policy.ts';
import { arrayLength, MAX_ELEMENTS, withElement } from './kind-record.ts';
import { StorageError } from './storage-error.ts';
import { packElement, placeOf, type StoredElement, unpackElement } from './stored-element.ts';
import { verifyStored } from './verified-values.ts';

/** Where values are to be put, and what they came with. */
export interface StoreTarget {
  readonly trust: CertificateStore;
  readonly kind: KindDefinition;
  readonly resource: ResourceId;
  /** ms. */
  readonly now: number;
  /** Signer of an original StoreReq; undefined for replicas, hand-overs and what we fetched ourselves. */
  readonly requestSigner: SignedBy | undefined;
  /** DER, from the SecurityBlock. */
  readonly certificates: readonly Uint8Array[];
  readonly transactionId: bigint | undefined;
}

// Removed values hold their place until they expire; that many of them may stand beside the existing ones.
const REMOVED_PER_MAX_COUNT = 3;

/**
 * RFC 6940 §7.4.1.1: checks the values of one StoreKindData and puts them in, one after the other.
 * @param current elements that have not expired
 * @returns the elements afterwards; `current` itself when nothing changed
 * @throws StorageError
 */
export function storeValues(
  target: StoreTarget,
  current: readonly StoredElement[],
  values: readonly StoredData[],
): readonly StoredElement[] {
  return values.reduce((elements, data) => storeValue(target, elements, data), current);
}

/** The same for values that were fetched: those that cannot be stored, older ones above all, are passed over. */
export function adoptValues(
  target: StoreTarget,
  current: readonly StoredElement[],
  values: readonly StoredData[],
): readonly StoredElement[] {
  return values.reduce((elements, data) => {
    try {
      return storeValue(target, elements, data);
    } catch (error) {
      if (error instanceof StorageError) return elements;
      throw error;
    }
  }, current);
}

function storeValue(
  target: StoreTarget,
  elements: readonly StoredElement[],
  received: StoredData,
): readonly StoredElement[] {
  const { kind, now } = target;
  if (received.value.model !== kind.dataModel) {
    throw new StorageError('invalid-request', `${kind.name} is ${kind.dataModel}`);
  }
  // The cheap checks come before the signature.
  requireSize(kind, received);
  const data = atItsIndex(kind, elements, received);
  const held = elements.find(({ place }) => place === placeOf(data.value));
  if (held !== undefined && received.storageTime <= held.storageTime) {
    if (isRepetition(target, held, data)) return elements;
    throw new StorageError(
      'data-too-old',
      `storage_time ${data.storageTime} is not after ${held.storageTime}`,
    );
  }
  const signer = authorize(target, received);
  const element = packElement(data, signer.certificate, now, target.transactionId);
  const stored = withElement(elements, element, kind.dataModel);
  requireCount(kind, stored);
  return stored;
}

function requireSize({ name, maxSize }: KindDefinition, { value }: StoredData): void {
  if (value.value.length > maxSize) {
    throw new StorageError('data-too-large', `${value.value.length} bytes, ${name} allows ${maxSize}`);
  }
}

function requireCount({ name, maxCount }: KindDefinition, elements: readonly StoredElement[]): void {
  const existing = elements.filter((element) => element.exists).length;
  const most = Math.min(MAX_ELEMENTS, maxCount * (1 + REMOVED_PER_MAX_COUNT));
  if (existing > maxCount || elements.length > most) {
    throw new StorageError('data-too-large', `${name} allows ${maxCount} values`);
  }
}

/**
 * §7.4.1.1: 0xffffffff "places the new value at the end of the array". An array is as long as its highest index
 * says (§7.2.2), so indices from max-count on are too large.
 */
function atItsIndex(kind: KindDefinition, elements: readonly StoredElement[], data: StoredData): StoredData {
  const { value } = data;
  if (value.model !== 'ARRAY') return data;
  const index = value.index === APPEND_INDEX ? arrayLength(elements) : value.index;
  if (index >= kind.maxCount) {
    throw new StorageError('data-too-large', `index ${index}, ${kind.name} allows ${kind.maxCount} values`);
  }
  return index === value.index ? data : { ...data, value: { ...value, index } };
}

/**
 * A value at the same time as the one held is good if it is the very same: in a retransmission (requirement T7),
 * or from a peer that replicates or hands over what we hold already (T7b).
 */
function isRepetition(
  { kind, now, requestSigner, transactionId }: StoreTarget,
  held: StoredElement,
  data: StoredData,
): boolean {
  const replica = requestSigner === undefined;
  const sameStore = replica || (transactionId !== undefined && transactionId === held.transactionId);
  if (!sameStore || data.storageTime !== held.storageTime) return false;
  const { value } = unpackElement(held, kind.dataModel, now);
  return value.exists === data.value.exists && equalBytes(value.value, data.value.value);
}

/** §7.4.1.1: the signer of the value, and of an original StoreReq, must be authorized; "none" never is. */
function authorize(
  { trust, kind, resource, requestSigner, certificates }: StoreTarget,
  data: StoredData,
): SignedBy {
  if (requestSigner !== undefined && !mayWrite(kind, resource, data.value, requestSigner)) {
    throw new StorageError(
      'forbidden',
      `${requestSigner.nodeId} may not store ${kind.name} at ${resource} (${kind.accessControl})`,
    );
  }
  try {
    return verifyStored(trust, kind, resource, data, certificates);
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause;
    throw new StorageError('forbidden', cause.message, { cause });
  }
}
