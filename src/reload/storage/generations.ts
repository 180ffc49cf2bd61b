import type { StoreKindData } from '../messages/store.ts';
import type { StoredData } from '../messages/stored-data.ts';
import type { KindRecord } from './kind-record.ts';
import { StorageError } from './storage-error.ts';
import { placeOf } from './stored-element.ts';

// Generation counters (RFC 6940 §7.4.1): what they become, and which are refused.

/**
 * NOTE: §7.4.1.1 has a peer take the counter of any Store with a replica number. The responsible peer does not let it
 * go back: what was merged here has a counter that whoever still hands over an older state does not know.
 */
export function handedOverGeneration(
  held: KindRecord,
  elements: KindRecord['elements'],
  generation: number,
): number {
  if (generation >= held.generation) return generation;
  return elements === held.elements ? held.generation : held.generation + 1;
}

/**
 * The counter after a merge: theirs when we now hold what they do, else one that neither side has given out, so that
 * nobody who knows either state takes the merged one for it.
 */
export function mergedGeneration(
  held: KindRecord,
  elements: KindRecord['elements'],
  theirs: { readonly generation: number; readonly values: readonly StoredData[] },
  standing: 'owner' | 'replica',
): number {
  const times = new Map(theirs.values.map(({ value, storageTime }) => [placeOf(value), storageTime]));
  const same =
    elements.length === times.size &&
    elements.every(({ place, storageTime }) => times.get(place) === storageTime);
  if (same && (standing === 'replica' || theirs.generation > held.generation)) return theirs.generation;
  return elements === held.elements ? held.generation : Math.max(theirs.generation, held.generation) + 1;
}

/** RFC 6940 §7.4.1.1: "Replica Stores MUST NOT use a generation counter of 0." They are not compared, but taken. */
export function requireReplicaGenerations(kindData: readonly StoreKindData[]): void {
  if (kindData.some(({ generation }) => generation === 0)) {
    throw new StorageError('invalid-request', 'a replica with a generation counter of 0');
  }
}

/** §7.4.1.1: a counter other than 0 must be the current one. §7.4.1.2: the refusal tells those of all Kinds. */
export function requireCurrentGenerations(
  kindData: readonly StoreKindData[],
  held: readonly KindRecord[],
): void {
  const current = kindData.every(
    ({ generation }, i) => generation === 0 || generation === held[i]!.generation,
  );
  if (current) return;
  throw StorageError.generationTooLow(
    held.map(({ kind, generation }) => ({ kind, generation, replicas: [] })),
  );
}
