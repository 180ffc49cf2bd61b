import type { StatAns, StoredMetaData } from '../messages/stat.ts';
import type { KindId } from '../wire/ids.ts';

/** What two peers hold of one resource, compared by Stat. */
export interface StatDifference {
  /** Kind-ID and place (see `placeKey`) of values that the other side lacks or has an older one of. */
  readonly newerHere: ReadonlySet<string>;
  /** Kinds of which the other side has a value that we lack or have an older one of. */
  readonly newerThere: ReadonlySet<KindId>;
  /** Kinds of equal values whose generation counters differ: theirs is behind, or ours is. */
  readonly generationBehindThere: ReadonlySet<KindId>;
  readonly generationBehindHere: ReadonlySet<KindId>;
  /** The other side holds nothing at all of what we hold. */
  readonly nothingThere: boolean;
}

/**
 * The newer storage_time wins, whether the value exists or was removed (RFC 6940 §7.4.1.1, "the default merging
 * rule"). Synthetic values, which say that nothing is there, count as nothing.
 */
export function compareStats(ours: StatAns, theirs: StatAns): StatDifference {
  const newerHere = new Set<string>();
  const newerThere = new Set<KindId>();
  const generationBehindThere = new Set<KindId>();
  const generationBehindHere = new Set<KindId>();
  let nothingThere = true;
  const answers = new Map(theirs.kindResponses.map((response) => [response.kind, response]));
  for (const { kind, generation, values } of ours.kindResponses) {
    const answer = answers.get(kind);
    const here = timesOf(values);
    const there = timesOf(answer?.values ?? []);
    if (there.size > 0) nothingThere = false;
    const before = newerHere.size;
    for (const [place, time] of here) {
      if (time > (there.get(place) ?? 0)) newerHere.add(placeKey(kind, place));
    }
    for (const [place, time] of there) {
      if (time > (here.get(place) ?? 0)) newerThere.add(kind);
    }
    if (here.size === 0 || newerHere.size > before || newerThere.has(kind)) continue;
    if ((answer?.generation ?? 0) < generation) generationBehindThere.add(kind);
    if ((answer?.generation ?? 0) > generation) generationBehindHere.add(kind);
  }
  return { newerHere, newerThere, generationBehindThere, generationBehindHere, nothingThere };
}

/** Names one value of a resource. @param place as `placeOf` gives it */
export function placeKey(kind: KindId, place: string): string {
  return `${kind}/${place}`;
}

function timesOf(values: readonly StoredMetaData[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const { storageTime, metadata } of values) {
    if (storageTime > 0) times.set(placeOfMetaData(metadata), storageTime);
  }
  return times;
}

function placeOfMetaData(metadata: StoredMetaData['metadata']): string {
  switch (metadata.model) {
    case 'SINGLE':
      return '';
    case 'ARRAY':
      return String(metadata.index);
    case 'DICTIONARY':
      return metadata.key;
  }
}
