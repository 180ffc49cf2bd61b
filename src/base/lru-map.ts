/** A map of at most `capacity` entries that forgets the least recently used one first. */
export class LruMap<K, V> {
  /** Made with the first entry: many of these maps never have one. */
  #entries: Map<K, V> | undefined;
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
    return value;
  }

  set(key: K, value: V): void {
    this.#entries ??= new Map();
    this.#newest = key;
    const entries = this.#entries;
    entries.delete(key);
    entries.set(key, value);
    if (entries.size > this.#capacity) {
      for (const oldest of entries.keys()) {
        entries.delete(oldest);
        return;
      }
    }
  }

  delete(key: K): void {
    if (key === this.#newest) this.#newest = undefined;
    this.#entries?.delete(key);
  }

  clear(): void {
    this.#newest = undefined;
    this.#entries?.clear();
  }
}
