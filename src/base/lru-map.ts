/** A map of at most `capacity` entries that forgets the least recently used one first. */
export class LruMap<K, V> {
  /** Made with the first entry: many of these maps never have one. */
  #entries: Map<K, V> | undefined;
  /**
   * Least recently used first. It stays where the last key was forgotten: from the start it would pass the gaps that all
   * those before have left, 20 us each time in a map of 20,000.
   */
  #ages: IterableIterator<K> | undefined;
  /** Changes since that moved on. V8 links each table that a Map outgrows to the next, so it holds all of them meanwhile. */
  #changes = 0;
  readonly #capacity: number;
  /** The most recently used key: asked for again, it need not be moved. */
  #newest: K | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries?.size ?? 0;
  }

  /** The value, which thereby becomes the most recently used one. */
  get(key: K): V | undefined {
    const entries = this.#entries;
    const value = entries?.get(key);
    if (entries === undefined || value === undefined) return undefined;
    if (key === this.#newest) return value;
    this.#newest = key;
    entries.delete(key);
    entries.set(key, value);
    this.#changed();
    return value;
  }

  set(key: K, value: V): void {
    this.#entries ??= new Map();
    this.#newest = key;
    const entries = this.#entries;
    entries.delete(key);
    entries.set(key, value);
    this.#changed();
    if (entries.size <= this.#capacity) return;
    this.#ages ??= entries.keys();
    this.#changes = 0;
    const { value: oldest, done } = this.#ages.next();
    if (done !== true) entries.delete(oldest);
  }

  delete(key: K): void {
    if (key === this.#newest) this.#newest = undefined;
    this.#entries?.delete(key);
    this.#changed();
  }

  clear(): void {
    this.#newest = undefined;
    this.#ages = undefined;
    this.#entries?.clear();
  }

  #changed(): void {
    if (this.#ages === undefined) return;
    this.#changes += 1;
    if (this.#changes > this.#capacity) this.#ages = undefined;
  }
}
