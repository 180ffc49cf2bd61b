import { createHash } from 'node:crypto';
import { HashAlgorithm } from '../messages/signature.ts';
import type { MetaData, StoredMetaData } from '../messages/stat.ts';
import type { StoredData, StoredDataValue } from '../messages/stored-data.ts';

/** RFC 6940 §7.4.3.2: a stored value's StatAns entry, with a SHA-256 digest. */
export function metaDataOf({ storageTime, lifetime, value }: StoredData): StoredMetaData {
  const metadata: MetaData = {
    exists: value.exists,
    valueLength: value.value.length,
    hashAlgorithm: HashAlgorithm.sha256,
    hashValue: digestOf(value),
  };
  switch (value.model) {
    case 'SINGLE':
      return { storageTime, lifetime, metadata: { model: 'SINGLE', ...metadata } };
    case 'ARRAY':
      return { storageTime, lifetime, metadata: { model: 'ARRAY', index: value.index, ...metadata } };
    case 'DICTIONARY':
      return { storageTime, lifetime, metadata: { model: 'DICTIONARY', key: value.key, ...metadata } };
  }
}

/** "A digest [...] on the value field of the DataValue, including its 4 leading length bytes." */
function digestOf({ value }: StoredDataValue): string {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(value.length);
  return createHash('sha256').update(length).update(value).digest('hex');
}
