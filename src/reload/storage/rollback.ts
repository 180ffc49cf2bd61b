import { equalBytes } from '../../base/index.ts';
import type { KindRecord } from './kind-record.ts';

/**
 * Takes back a change that could not be written.
 * @param current the record now: `before` itself, or what later Stores made of `after`
 * @returns `current` without what `after` brought
 */
export function undone(current: KindRecord, before: KindRecord, after: KindRecord): KindRecord {
  const old = new Map(before.elements.map((element) => [element.place, element]));
  const brought = new Map(
    after.elements
      .filter(({ place, data }) => !isSame(old.get(place)?.data, data))
      .map((element) => [element.place, element]),
  );
  const elements = current.elements.flatMap((element) => {
    const refused = brought.get(element.place);
    if (!isSame(refused?.data, element.data)) return [element];
    const replaced = old.get(element.place);
    return replaced === undefined ? [] : [replaced];
  });
  const generation = current.generation === after.generation ? before.generation : current.generation;
  return { kind: current.kind, generation, elements };
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && equalBytes(a, b);
}
