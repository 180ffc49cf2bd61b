/** Dialogs whose tags are remembered, in each of two generations. */
const TAGS_PER_GENERATION = 2048;

/**
 * Keyed hashes that were computed not long ago: a dialog's first requests ask for the same one within seconds. Two
 * generations bound it without the cost of ordering every access.
 */
export class RecentTags {
  readonly #compute: (text: string) => string;
  #young = new Map<string, string>();
  #old = new Map<string, string>();

  constructor(compute: (text: string) => string) {
    this.#compute = compute;
  }

  of(text: string): string {
    const young = this.#young.get(text);
    if (young !== undefined) return young;
    const tag = this.#old.get(text) ?? this.#compute(text);
    if (this.#young.size >= TAGS_PER_GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, tag);
    return tag;
  }
}
