import { CodedError, fromHex } from '../../base/index.ts';
import {
  APPEND_INDEX,
  type StoredData,
  type StoredDataValue,
  storedDataValue,
} from '../messages/stored-data.ts';
import { encodeWhole } from '../wire/codec.ts';
import type { KindId, ResourceId } from '../wire/ids.ts';
import { type SignedBy, type Signer, verifySignature } from './signature.ts';

/** Where a value belongs: both are under its signature although they are not part of it. */
export interface ValuePlace {
  readonly resource: ResourceId;
  readonly kind: KindId;
}

/**
 * RFC 6940 §7.1: resource_id ‖ kind ‖ storage_time ‖ StoredDataValue (‖ SignerIdentity, added when signing).
 * Requirement T12: the resource_id without its length octet.
 * @throws CodedError 'bad-resource-id' when the resource is not hex
 */
function valueSignatureParts(
  { resource, kind }: ValuePlace,
  storageTime: number,
  value: StoredDataValue,
): readonly Uint8Array[] {
  const resourceBytes = fromHex(resource);
  if (resourceBytes === undefined)
    throw new CodedError('bad-resource-id', `${resource} is not a Resource-ID`);
  const fixed = Buffer.allocUnsafe(12);
  fixed.writeUInt32BE(kind, 0);
  fixed.writeBigUInt64BE(BigInt(storageTime), 4);
  return [resourceBytes, fixed, encodeWhole(storedDataValue, value)];
}

/**
 * A value ready to be stored.
 * @param data storage_time in ms, lifetime in s (which the signature does not cover)
 */
export function signValue(
  signer: Signer,
  place: ValuePlace,
  data: Pick<StoredData, 'storageTime' | 'lifetime' | 'value'>,
): StoredData {
  const signature = signer.sign(valueSignatureParts(place, data.storageTime, data.value));
  return { ...data, signature };
}

/**
 * Checks a stored value's signature; not whether the signer may write there, see `storage/access-policy`.
 * @throws CodedError 'signature-unsupported' | 'signature-invalid'
 */
export function verifyValue(place: ValuePlace, data: StoredData, signedBy: SignedBy): void {
  let failure: unknown;
  for (const value of signedForms(data.value)) {
    try {
      verifySignature(data.signature, valueSignatureParts(place, data.storageTime, value), signedBy);
      return;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/**
 * An appended element was signed before its index was known: with 0xffffffff in its place (requirement T14), or
 * with 0, as RFC 6940 §7.4.2.2 wants it.
 */
function signedForms(value: StoredDataValue): readonly StoredDataValue[] {
  if (value.model !== 'ARRAY') return [value];
  return [value, { ...value, index: APPEND_INDEX }, { ...value, index: 0 }];
}
