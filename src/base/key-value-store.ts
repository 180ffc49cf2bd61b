/** One change of a batch: a value to put, or undefined to delete the key. */
export interface Write {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

export interface WriteOptions {
  /** Nobody waits for this write: it may be gathered with others for some ms before it is made durable. */
  readonly patient?: boolean;
}

/**
 * The embedded store behind bindings and overlay records. Keys are text such as `binding/alice@example.org`,
 * ordered bytewise. Reads see every write that was asked for before, durable or not.
 */
export interface KeyValueStore {
  get(key: string): Uint8Array | undefined;
  /** Keys and values whose key begins with `prefix`, in key order. */
  entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]>;
  /** Applies all writes or none; resolves when they are durable. */
  write(batch: readonly Write[], options?: WriteOptions): Promise<void>;
  close(): Promise<void>;
}

/** The in-memory twin (`data: memory`). */
export class MemoryKeyValueStore implements KeyValueStore {
  readonly #values = new Map<string, Uint8Array>();

  get(key: string): Uint8Array | undefined {
    return this.#values.get(key);
  }

  *entries(prefix: string): Iterable<readonly [string, Uint8Array]> {
    const keys = [...this.#values.keys()].filter((key) => key.startsWith(prefix)).sort();
    for (const key of keys) yield [key, this.#values.get(key)!];
  }

  async write(batch: readonly Write[]): Promise<void> {
    for (const { key, value } of batch) {
      if (value === undefined) this.#values.delete(key);
      // A copy: the value may be a view that would keep a larger buffer alive.
      else this.#values.set(key, new Uint8Array(value));
    }
  }

  async close(): Promise<void> {}
}
