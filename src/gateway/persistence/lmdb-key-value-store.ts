import { open, type RootDatabase } from 'lmdb';
import {
  errorMessage,
  fromUtf8,
  type KeyValueStore,
  utf8,
  type Write,
  type WriteOptions,
} from '../../base/index.ts';
import { DataError } from './errors.ts';
import { whileOpening } from './opening-mark.ts';
import { readThrough } from './read-through.ts';
import { migrations, SCHEMA_VERSION } from './schema.ts';
import { inspectStoreFile, storeDamaged } from './store-file.ts';

const SCHEMA_KEY = 'meta/schema';
/**
 * Transactions begin at least this far apart, ms: each costs a flush of its own behind the scenes, so a busy store
 * gathers, while a write to an idle store commits at once.
 */
const GATHER_MS = 25;
/** The same while each transaction had one write only: there is nobody to gather, and somebody who waits. */
const ALONE_MS = 2;
/** How long writes that nobody waits for may gather, ms; any other write takes them along. */
const PATIENT_MS = 10;
/** LMDB's own limit on the encoded key. */
const MAX_KEY_BYTES = 1900;

/** The writes of the next transaction, the newest of each key. */
class Gathering {
  readonly writes = new Map<string, Write>();
  /** Batches that somebody waits for. */
  urgent = 0;
  readonly committed: Promise<void>;
  readonly #begin: () => void;
  /** Monotonic ms. */
  #dueAt = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(commit: (gathering: Gathering) => Promise<void>) {
    let begin = (): void => {};
    const turn = new Promise<void>((resolve) => {
      begin = resolve;
    });
    this.#begin = begin;
    this.committed = turn.then(() => commit(this));
  }

  /** Begins the transaction at this time, monotonic ms, unless it begins sooner anyhow. */
  beginAt(dueAt: number): void {
    if (dueAt >= this.#dueAt) return;
    this.#dueAt = dueAt;
    clearTimeout(this.#timer);
    const waitMs = dueAt - performance.now();
    if (waitMs <= 0) setImmediate(this.#begin);
    else this.#timer = setTimeout(this.#begin, waitMs);
  }
}

export interface LmdbOptions {
  /** `commit`: a write resolves once committed, which survives kill -9; `power`: once flushed to disk as well. */
  readonly durability: 'commit' | 'power';
}

/**
 * The key-value port on LMDB, with group commit. What is not committed yet is kept beside the store, so that reads see
 * every write asked for before.
 */
export class LmdbKeyValueStore implements KeyValueStore {
  readonly #path: string;
  readonly #database: RootDatabase<Buffer, string>;
  readonly #flush: boolean;
  /** The transactions not committed yet, in their order; the last one may still gather. */
  #pending: readonly Gathering[] = [];
  #gathering: Gathering | undefined;
  /** When the next transaction may begin, monotonic ms. */
  #nextTurn = Number.NEGATIVE_INFINITY;

  private constructor(path: string, database: RootDatabase<Buffer, string>, { durability }: LmdbOptions) {
    this.#path = path;
    this.#database = database;
    this.#flush = durability === 'power';
  }

  /** @throws DataError 'store-damaged' | 'store-version' | 'data-unusable' */
  static open(path: string, options: LmdbOptions): Promise<LmdbKeyValueStore> {
    inspectStoreFile(path);
    return whileOpening(path, () => LmdbKeyValueStore.#open(path, options));
  }

  static async #open(path: string, options: LmdbOptions): Promise<LmdbKeyValueStore> {
    let database: RootDatabase<Buffer, string>;
    try {
      database = open<Buffer, string>({
        path,
        noSubdir: true,
        encoding: 'binary',
        maxReaders: 32,
        // We gather writes ourselves, and when the disk is full nobody takes the error of LMDB's own gathering.
        eventTurnBatching: false,
      });
    } catch (error) {
      throw storeDamaged(path, errorMessage(error), error);
    }
    const store = new LmdbKeyValueStore(path, database, options);
    try {
      readThrough(path, database);
      await store.#checkSchema();
    } catch (error) {
      await database.close();
      throw error;
    }
    return store;
  }

  get(key: string): Uint8Array | undefined {
    const pending = this.#pendingWrite(key);
    if (pending !== undefined) return pending.value;
    return this.#guard(() => this.#database.get(key));
  }

  *entries(prefix: string): Iterable<readonly [string, Uint8Array]> {
    const newest = new Map(this.#pending.flatMap(({ writes }) => [...writes]));
    const pending = [...newest.values()].filter(({ key }) => key.startsWith(prefix));
    pending.sort((a, b) => (a.key < b.key ? -1 : 1));
    let next = 0;
    for (const [key, value] of this.#committed(prefix)) {
      for (; next < pending.length && pending[next]!.key < key; next++) yield* present(pending[next]!);
      if (pending[next]?.key === key) yield* present(pending[next++]!);
      else yield [key, value];
    }
    for (; next < pending.length; next++) yield* present(pending[next]!);
  }

  /** @throws RangeError for a key that does not fit */
  write(batch: readonly Write[], { patient = false }: WriteOptions = {}): Promise<void> {
    for (const { key } of batch) {
      if (!fits(key)) return Promise.reject(new RangeError(`key of ${key.length} characters`));
    }
    const gathering = this.#gathering ?? this.#gather();
    if (!patient) gathering.urgent++;
    // The first of each sort says when; none that comes later can be due sooner.
    const isFirst = patient ? gathering.writes.size === 0 : gathering.urgent === 1;
    if (isFirst) gathering.beginAt(Math.max(this.#nextTurn, performance.now() + (patient ? PATIENT_MS : 0)));
    for (const write of batch) gathering.writes.set(write.key, write);
    return gathering.committed;
  }

  async close(): Promise<void> {
    await this.#gathering?.committed;
    await this.#database.close();
  }

  #gather(): Gathering {
    const gathering = new Gathering((begun) => this.#commit(begun));
    this.#gathering = gathering;
    this.#pending = [...this.#pending, gathering];
    return gathering;
  }

  #pendingWrite(key: string): Write | undefined {
    let newest: Write | undefined;
    for (const { writes } of this.#pending) newest = writes.get(key) ?? newest;
    return newest;
  }

  async #commit(gathering: Gathering): Promise<void> {
    this.#gathering = undefined;
    this.#nextTurn = performance.now() + (gathering.urgent > 1 ? GATHER_MS : ALONE_MS);
    try {
      await this.#database.batch(() => {
        for (const { key, value } of gathering.writes.values()) {
          // What these return says nothing: within a batch only the batch itself can fail.
          if (value === undefined) void this.#database.remove(key);
          else void this.#database.put(key, asBuffer(value));
        }
      });
      if (this.#flush) await this.#database.flushed;
    } catch (error) {
      throw new Error(`${this.#path} cannot be written (${await reasonOf(error)})`, { cause: error });
    } finally {
      this.#pending = this.#pending.filter((other) => other !== gathering);
    }
  }

  /** Committed entries under the prefix, copied out of the memory map. */
  *#committed(prefix: string): Iterable<readonly [string, Buffer]> {
    const range = this.#guard(() => this.#database.getRange({ start: prefix })[Symbol.iterator]());
    for (;;) {
      const { done, value } = this.#guard(() => range.next());
      if (done || !value.key.startsWith(prefix)) break;
      yield [value.key, value.value];
    }
    range.return?.();
  }

  async #checkSchema(): Promise<void> {
    const found = this.get(SCHEMA_KEY);
    if (found === undefined) {
      if (this.#committed('')[Symbol.iterator]().next().done) {
        return this.write([schemaIs(SCHEMA_VERSION)]);
      }
      throw storeDamaged(this.#path, 'it has no schema version');
    }
    const text = fromUtf8(found);
    const version = /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined;
    if (version === undefined) throw storeDamaged(this.#path, 'its schema version is no number');
    if (version <= SCHEMA_VERSION) return this.#migrate(version);
    throw new DataError(
      'store-version',
      `${this.#path} was written by a newer version of p2psip (schema ${version}, this one reads ${SCHEMA_VERSION})`,
      'use that version, or move the file away and start again',
    );
  }

  /** One transaction for each step: a crash on the way leaves the store in one version or the next. */
  async #migrate(version: number): Promise<void> {
    for (const { to, migrate } of migrations) {
      if (to > version) await this.write([...migrate(this), schemaIs(to)]);
    }
  }

  /** LMDB throws plain errors with a number when it meets a page that cannot be. */
  #guard<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw storeDamaged(this.#path, errorMessage(error), error);
    }
  }
}

/** LMDB's own error says that there is another one. */
async function reasonOf(error: unknown): Promise<string> {
  const { commitError } = error as { readonly commitError?: Promise<unknown> };
  try {
    await commitError;
    return errorMessage(error);
  } catch (reason) {
    return errorMessage(reason);
  }
}

function schemaIs(version: number): Write {
  return { key: SCHEMA_KEY, value: utf8(String(version)) };
}

function fits(key: string): boolean {
  // No character takes more than 3 bytes for each of its UTF-16 units.
  return key.length * 3 <= MAX_KEY_BYTES || Buffer.byteLength(key) <= MAX_KEY_BYTES;
}

function asBuffer(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function* present({ key, value }: Write): Iterable<readonly [string, Uint8Array]> {
  if (value !== undefined) yield [key, value];
}
