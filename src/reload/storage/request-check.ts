import { ID_LENGTH, isNodeId, type KindId, type ResourceId } from '../wire/ids.ts';
import type { KindDefinition, KindTable } from '../wire/kind-table.ts';
import { StorageError } from './storage-error.ts';

/** error_info has room for this many Kind-IDs (`KindId unknown_kinds<0..2^8-1>`). */
const MAX_UNKNOWN_KINDS = 63;

/** @throws StorageError 'invalid-request'; RFC 6940 §10.2: Resource-IDs of CHORD-RELOAD have 128 bits */
export function requireResourceId(resource: ResourceId): void {
  if (!isNodeId(resource)) throw new StorageError('invalid-request', `Resource-IDs have ${ID_LENGTH} bytes`);
}

/** @throws StorageError 'invalid-request'; RFC 6940 §§7.4.1.1, 7.4.4.1: a Kind is named once in a request */
export function requireOnce(kinds: readonly KindId[]): void {
  if (new Set(kinds).size !== kinds.length) throw new StorageError('invalid-request', 'a Kind named twice');
}

/**
 * The definitions of the Kinds of a request, in its order.
 * @throws StorageError 'unknown-kind' that lists all unknown ones (RFC 6940 §7.4.1.2) | 'invalid-request'
 */
export function requireKinds(known: KindTable, kinds: readonly KindId[]): readonly KindDefinition[] {
  const unknown = kinds.filter((kind) => !known.has(kind));
  if (unknown.length > 0) {
    throw StorageError.unknownKinds([...new Set(unknown)].slice(0, MAX_UNKNOWN_KINDS));
  }
  requireOnce(kinds);
  return kinds.map((kind) => known.get(kind)!);
}
