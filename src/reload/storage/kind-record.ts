import type { TypeOf } from '../wire/codec.ts';
import { decodeWhole, encodeWhole } from '../wire/codec.ts';
import type { KindId } from '../wire/ids.ts';
import { counter64, uint8 } from '../wire/integers.ts';
import type { DataModel } from '../wire/kind-table.ts';
import { opaque, vector } from '../wire/sequences.ts';
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

const FORMAT_VERSION = 1;

const persisted = struct({
  version: uint8,
  generation: counter64,
  elements: vector(4, struct({ expiresAt: counter64, bytes: opaque(4) })),
});

/** The record for the disk. */
export function encodeRecord({ generation, elements }: KindRecord): Uint8Array {
  const value: TypeOf<typeof persisted> = { version: FORMAT_VERSION, generation, elements };
  // A copy without the slack of the writer's buffer: the in-memory key-value store keeps it.
  return new Uint8Array(encodeWhole(persisted, value));
}

/**
 * The record that was written, whatever has expired since left out; undefined when it has another format.
 * @throws DecodeError when it is damaged
 */
export function decodeRecord(
  kind: KindId,
  model: DataModel,
  bytes: Uint8Array,
  now: number,
): KindRecord | undefined {
  const { version, generation, elements } = decodeWhole(persisted, bytes);
  if (version !== FORMAT_VERSION) return undefined;
  return {
    kind,
    generation,
    elements: elements
      .filter(({ expiresAt }) => expiresAt > now)
      .map((element) => restoreElement(element.bytes, model, element.expiresAt)),
  };
}
