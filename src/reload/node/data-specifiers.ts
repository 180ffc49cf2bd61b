import type { ModelSpecifier } from '../messages/data-specifier.ts';
import type { KindId } from '../wire/ids.ts';
import type { KindTable } from '../wire/kind-table.ts';

/** RFC 6940 §7.4.2.1: "the final element". */
const FINAL_ELEMENT = 0xffff_ffff;

/** Everything there is of a Kind. A Kind we do not know is asked for as SINGLE, and refused. */
export function everything(kinds: KindTable, kind: KindId): ModelSpecifier {
  switch (kinds.get(kind)?.dataModel) {
    case 'ARRAY':
      return { model: 'ARRAY', indices: [{ first: 0, last: FINAL_ELEMENT }] };
    case 'DICTIONARY':
      return { model: 'DICTIONARY', keys: [] };
    default:
      return { model: 'SINGLE' };
  }
}
