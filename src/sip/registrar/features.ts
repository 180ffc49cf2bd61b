import type { Params } from '../message/params.ts';
import { unquote } from '../message/text.ts';

/** One value a feature may or must have (RFC 3840 §9 `tag-value`, `string-value`). */
type Filter =
  /** Tokens and booleans in lower case; strings in their angle brackets, as they are. */
  | { readonly kind: 'text'; readonly text: string; readonly negated: boolean }
  | { readonly kind: 'range'; readonly from: number; readonly to: number; readonly negated: boolean };

/** A conjunction of features, each with the values that satisfy it (RFC 3840 §5, RFC 3841 §8). */
export type FeatureSet = ReadonlyMap<string, readonly Filter[]>;

const BASE_TAGS = new Set(
  `audio automata class duplex data control mobility description events priority methods schemes application video
  language type isfocus actor text extensions`.split(/\s+/),
);
/** Values of a whole set that are looked at, since two sets cost their product; the rest are as if not there. */
const MAX_VALUES = 64;
const NUMERIC =
  /^#(?:(=|>=|<=)([+-]?[0-9]+(?:\.[0-9]*)?)|([+-]?[0-9]+(?:\.[0-9]*)?):([+-]?[0-9]+(?:\.[0-9]*)?))$/;

/** The feature parameters among these (RFC 3841 §7.2.1); a `+` marks those that are not in the base set. */
export function featuresOf(params: Params): FeatureSet {
  const features = new Map<string, readonly Filter[]>();
  let left = MAX_VALUES;
  for (const [name, value] of params) {
    if (!BASE_TAGS.has(name) && !name.startsWith('+')) continue;
    if (left === 0) break;
    const filters = value === true ? TRUE : filtersOf(unquote(value), left);
    features.set(name, filters);
    left -= filters.length;
  }
  return features;
}

/** A feature set of one value: what a request asks for without saying so (RFC 3841 §7.2.2). */
export function singleFeature(name: string, value: string): FeatureSet {
  return new Map([[name, [{ kind: 'text', text: value.toLowerCase(), negated: false }]]]);
}

/**
 * Whether something could have both feature sets (RFC 2533 §4): what only one of them mentions is open in the other.
 */
export function matches(wanted: FeatureSet, had: FeatureSet): boolean {
  for (const [name, filters] of wanted) {
    const others = had.get(name);
    if (others !== undefined && !filters.some((filter) => others.some((other) => meet(filter, other))))
      return false;
  }
  return true;
}

/** The share of the wanted features that the other set mentions at all, 0 to 1 (RFC 3841 §7.2.4). */
export function score(wanted: FeatureSet, had: FeatureSet): number {
  if (wanted.size === 0) return 1;
  let mentioned = 0;
  for (const name of wanted.keys()) if (had.has(name)) mentioned += 1;
  return mentioned / wanted.size;
}

const TRUE: readonly Filter[] = [{ kind: 'text', text: 'true', negated: false }];

/** At most `limit` of the values. */
function filtersOf(value: string, limit: number): readonly Filter[] {
  // Commas within a string belong to it.
  if (value.startsWith('<')) return [{ kind: 'text', text: value, negated: false }];
  return value.split(',', limit).map((element) => filterOf(element.trim()));
}

function filterOf(element: string): Filter {
  const negated = element.startsWith('!');
  const text = (negated ? element.slice(1) : element).toLowerCase();
  const numeric = NUMERIC.exec(text);
  if (numeric === null) return { kind: 'text', text, negated };
  const [, relation, bound, low, high] = numeric;
  return {
    kind: 'range',
    from: relation === '<=' ? Number.NEGATIVE_INFINITY : Number(bound ?? low),
    to: relation === '>=' ? Number.POSITIVE_INFINITY : Number(bound ?? high),
    negated,
  };
}

/** Whether one value can satisfy both. */
function meet(a: Filter, b: Filter): boolean {
  // There is always a value that is neither the one nor the other.
  if (a.negated && b.negated) return true;
  if (a.negated) return !isWithin(b, a);
  return b.negated ? !isWithin(a, b) : overlap(a, b);
}

function overlap(a: Filter, b: Filter): boolean {
  if (a.kind === 'text') return b.kind === 'text' && a.text === b.text;
  return b.kind === 'range' && a.from <= b.to && b.from <= a.to;
}

function isWithin(inner: Filter, outer: Filter): boolean {
  if (inner.kind === 'text') return outer.kind === 'text' && inner.text === outer.text;
  return outer.kind === 'range' && inner.from >= outer.from && inner.to <= outer.to;
}
