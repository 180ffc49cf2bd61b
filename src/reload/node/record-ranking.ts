import type { Random } from '../../base/index.ts';
import type { ResourceId } from '../wire/ids.ts';

/** Records are audited the newest first, by this grain; within it in an order that no two peers share. */
const GRAIN_MS = 10_000;

/** Comes after everything else. */
export const LAST = Number.POSITIVE_INFINITY;

/** The place of a resource by the storage_time of its newest value, ms: the lower the earlier. */
export function rankOf(newest: number): number {
  return -Math.floor(newest / GRAIN_MS);
}

/** Resources by rank. Ranks are numbers in one array, so that the first of fifty thousand are found in milliseconds. */
export class RecordRanking {
  readonly #resources: ResourceId[] = [];
  readonly #ranks: number[] = [];

  get size(): number {
    return this.#resources.length;
  }

  add(resource: ResourceId, rank: number): void {
    this.#resources.push(resource);
    this.#ranks.push(rank);
  }

  /** The first so many. */
  take(count: number, random: Random): readonly ResourceId[] {
    const limit = Float64Array.from(this.#ranks).sort()[count - 1] ?? LAST;
    const chosen: { resource: ResourceId; rank: number; lot: number }[] = [];
    for (const [i, resource] of this.#resources.entries()) {
      const rank = this.#ranks[i]!;
      if (rank <= limit) chosen.push({ resource, rank, lot: random.float() });
    }
    chosen.sort((a, b) => (a.rank === b.rank ? a.lot - b.lot : a.rank - b.rank));
    return chosen.slice(0, count).map(({ resource }) => resource);
  }
}
