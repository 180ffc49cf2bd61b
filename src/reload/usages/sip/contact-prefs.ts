import { CodedError } from '../../../base/index.ts';
import { paramOfTag, tagOfParam } from './feature-tags.ts';
import { parsePredicate } from './predicate-parser.ts';

/** Parameters of a Contact, names as sent, values without the quotes; `true` where there is no value. */
export type ContactParams = ReadonlyMap<string, string | true>;

/** RFC 3840 §9 `tag-value`, without its "!". */
const TOKEN = /^[A-Za-z0-9.%*_+`'~-]+$/;
const STRING = /^<[^<>"\\\n\r]*>$/;
const COMPARISON = /^#(>=|<=|=)([+-]?\d+(?:\.\d*)?)$/;
const RANGE = /^#([+-]?\d+(?:\.\d*)?):([+-]?\d+(?:\.\d*)?)$/;

/**
 * The contact predicate (RFC 3840 §5, RFC 2533 §4.1) of what the Contacts can do together: a tag has the values that
 * any of them lists. Parameters that are no feature tags, and values that break the grammar, are left out.
 * @returns for example `(& (sip.audio=TRUE) (| (sip.methods=INVITE) (sip.methods=BYE)))`; empty without features
 */
export function contactPrefsOf(contacts: Iterable<ContactParams>): string {
  const values = new Map<string, Set<string>>();
  for (const params of contacts) {
    for (const [param, value] of params) {
      const tag = tagOfParam(param);
      if (tag === undefined) continue;
      const known = values.get(tag) ?? new Set();
      for (const entry of tagValues(value)) known.add(entry);
      values.set(tag, known);
    }
  }
  const terms: string[] = [];
  for (const [tag, entries] of values) {
    const filters = [...entries]
      .map((entry) => filterOf(tag, entry))
      .filter((filter) => filter !== undefined);
    if (filters.length > 0) terms.push(filters.length === 1 ? filters[0]! : `(| ${filters.join(' ')})`);
  }
  return terms.length > 1 ? `(& ${terms.join(' ')})` : (terms[0] ?? '');
}

/**
 * The Contact parameters a contact predicate came from (RFC 3840 §5).
 * @throws CodedError 'bad-contact-prefs' when it is no conjunction of terms about one tag each
 */
export function paramsOfContactPrefs(contactPrefs: string): ContactParams {
  const params = new Map<string, string | true>();
  for (const { tag, values } of parsePredicate(contactPrefs)) {
    const name = paramOfTag(tag);
    if (params.has(name)) throw new CodedError('bad-contact-prefs', `two terms about ${tag}`);
    params.set(name, values.length === 1 && values[0] === 'TRUE' ? true : values.join(','));
  }
  return params;
}

function tagValues(value: string | true): readonly string[] {
  if (value === true) return ['TRUE'];
  // A string value stands alone and may hold commas.
  return value.startsWith('<') ? [value] : value.split(',').map((entry) => entry.trim());
}

/** One simple filter, negated where the value begins with "!"; undefined when the value breaks the grammar. */
function filterOf(tag: string, value: string): string | undefined {
  if (value.startsWith('!')) {
    const negated = filterOf(tag, value.slice(1));
    return negated === undefined ? undefined : `(! ${negated})`;
  }
  if (TOKEN.test(value)) return `(${tag}=${value})`;
  if (STRING.test(value)) return `(${tag}="${value.slice(1, -1)}")`;
  const comparison = COMPARISON.exec(value);
  if (comparison !== null) return `(${tag}${comparison[1]}${rational(comparison[2]!)})`;
  const range = RANGE.exec(value);
  if (range !== null) return `(${tag}=${rational(range[1]!)}..${rational(range[2]!)})`;
  return undefined;
}

/** RFC 2533 numbers are integers or fractions: 5.125 is 5125/1000. */
function rational(decimal: string): string {
  const [whole = '', fraction = ''] = decimal.split('.');
  return fraction === '' ? whole : `${whole}${fraction}/1${'0'.repeat(fraction.length)}`;
}
