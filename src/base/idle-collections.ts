// An empty Map or Set takes 180 bytes, and a node has dozens that are empty nearly all the time.

const NO_ENTRIES: ReadonlyMap<never, never> = new Map<never, never>();
const NO_ITEMS: ReadonlySet<never> = new Set<never>();

/** A Map that is mostly empty: its table exists only while there is an entry. */
export class IdleMap<K, V> implements Iterable<[K, V]> {
  #entries: Map<K, V> | undefined;

  get size(): number {
    return this.#entries === undefined ? 0 : this.#entries.size;
  }

  get(key: K): V | undefined {
    return this.#entries?.get(key);
  }

  has(key: K): boolean {
    return this.#entries?.has(key) ?? false;
  }

  set(key: K, value: V): void {
    this.#entries ??= new Map();
    this.#entries.set(key, value);
  }

  /** @returns whether there was such an entry */
  delete(key: K): boolean {
    const wasThere = this.#entries?.delete(key) ?? false;
    if (this.#entries?.size === 0) this.#entries = undefined;
    return wasThere;
  }

  clear(): void {
    this.#entries = undefined;
  }

  keys(): IterableIterator<K> {
    return (this.#entries ?? NO_ENTRIES).keys();
  }

  values(): IterableIterator<V> {
    return (this.#entries ?? NO_ENTRIES).values();
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return (this.#entries ?? NO_ENTRIES).entries();
  }
}

/** A Set that is mostly empty: its table exists only while there is an item. */
export class IdleSet<T> implements Iterable<T> {
  #items: Set<T> | undefined;

  get size(): number {
    return this.#items === undefined ? 0 : this.#items.size;
  }

  has(item: T): boolean {
    return this.#items?.has(item) ?? false;
  }

  add(item: T): void {
    this.#items ??= new Set();
    this.#items.add(item);
  }

  /** @returns whether it was there */
  delete(item: T): boolean {
    const wasThere = this.#items?.delete(item) ?? false;
    if (this.#items?.size === 0) this.#items = undefined;
    return wasThere;
  }

  clear(): void {
    this.#items = undefined;
  }

  values(): IterableIterator<T> {
    return (this.#items ?? NO_ITEMS).values();
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.values();
  }
}
