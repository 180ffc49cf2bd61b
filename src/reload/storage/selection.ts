import type { ArrayRange, ModelSpecifier } from '../messages/data-specifier.ts';
import type { StoredDataValue } from '../messages/stored-data.ts';
import type { KindDefinition } from '../wire/kind-table.ts';
import { arrayLength } from './kind-record.ts';
import { StorageError } from './storage-error.ts';
import type { StoredElement } from './stored-element.ts';

/** RFC 6940 §7.4.2.1: "0xffffffff is used to indicate the final element". */
const FINAL_ELEMENT = 0xffff_ffff;

/** What a Fetch or Stat asked for: an element, or the place where there is none. */
export type Selected =
  | { readonly element: StoredElement; readonly absent?: undefined }
  | { readonly element?: undefined; readonly absent: StoredDataValue };

const NOTHING = { exists: false, value: new Uint8Array(0) } as const;

/**
 * RFC 6940 §7.4.2: the elements that the specifier names. Every place that was asked for by its index or key and
 * is empty comes as absent; ranges end at the Kind's max-count at the latest.
 * @param elements those that have not expired
 * @throws StorageError 'invalid-request' for a specifier of another data model and for ranges that are not in order
 */
export function select(
  kind: KindDefinition,
  elements: readonly StoredElement[],
  specifier: ModelSpecifier,
): readonly Selected[] {
  if (specifier.model !== kind.dataModel) {
    throw new StorageError('invalid-request', `${kind.name} is ${kind.dataModel}`);
  }
  switch (specifier.model) {
    case 'SINGLE':
      return [found(elements[0], () => ({ model: 'SINGLE', ...NOTHING }))];
    case 'ARRAY':
      return selectIndices(kind, elements, specifier.indices);
    case 'DICTIONARY':
      return selectKeys(elements, specifier.keys);
  }
}

function found(element: StoredElement | undefined, absent: () => StoredDataValue): Selected {
  return element === undefined ? { absent: absent() } : { element };
}

function selectKeys(elements: readonly StoredElement[], keys: readonly string[]): readonly Selected[] {
  // §7.4.2.1: "If no keys are specified, then this is a wildcard fetch".
  if (keys.length === 0) return elements.map((element) => ({ element }));
  const byKey = new Map(elements.map((element) => [element.place, element]));
  return [...new Set(keys)].map((key) =>
    found(byKey.get(key), () => ({ model: 'DICTIONARY', key, ...NOTHING })),
  );
}

function selectIndices(
  kind: KindDefinition,
  elements: readonly StoredElement[],
  ranges: readonly ArrayRange[],
): readonly Selected[] {
  requireDisjoint(ranges);
  const byIndex = new Map(elements.map((element) => [Number(element.place), element]));
  const length = arrayLength(elements);
  const selected: Selected[] = [];
  for (const range of ranges) {
    const last = range.last === FINAL_ELEMENT ? length - 1 : Math.min(range.last, kind.maxCount - 1);
    const first = range.first === FINAL_ELEMENT ? length - 1 : range.first;
    for (let index = Math.max(first, 0); index <= last; index++) {
      selected.push(found(byIndex.get(index), () => ({ model: 'ARRAY', index, ...NOTHING })));
    }
  }
  return selected;
}

/** §7.4.2.1: "The first integer MUST be less than or equal to the second. [...] they MUST NOT overlap." */
function requireDisjoint(ranges: readonly ArrayRange[]): void {
  const sorted = [...ranges].sort((a, b) => a.first - b.first);
  sorted.forEach(({ first, last }, i) => {
    const previous = sorted[i - 1];
    if (first > last || (previous !== undefined && first <= previous.last)) {
      throw new StorageError('invalid-request', 'array ranges out of order or overlapping');
    }
  });
}
