import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage, type KeyValueStore, MemoryKeyValueStore } from '../../base/index.ts';
import type { IdentityPem } from '../../reload/security/identity.ts';
import { DirectoryLock } from './directory-lock.ts';
import { DataError } from './errors.ts';
import { loadIdentity, loadOrMakeSecret, saveIdentity } from './identity-files.ts';
import { LmdbKeyValueStore, type LmdbOptions } from './lmdb-key-value-store.ts';
import { moveAside } from './store-file.ts';

/** Everything a peer keeps between two runs. */
export interface DataDirectory {
  readonly store: KeyValueStore;
  /**
   * The identity of earlier runs; undefined at the first start.
   * @throws DataError 'identity-damaged'
   */
  loadIdentity(): IdentityPem | undefined;
  saveIdentity(identity: IdentityPem): void;
  /** A secret of at least 16 bytes kept under `name`, made once. */
  secret(name: string, make: () => Uint8Array): Uint8Array;
  /** Flushes the store and lets go of the directory. */
  close(): Promise<void>;
}

export interface DataDirectoryOptions extends LmdbOptions {
  /**
   * A store that cannot be read, or was written by a newer version, is moved aside and a new one begun; told what was
   * done, in one line. Left out, such a store is an error.
   */
  readonly onMovedAside?: (report: string) => void;
}

/**
 * Opens (or makes) a data directory and keeps other processes out of it until `close`.
 * @param location an absolute path, or 'memory'
 * @throws DataError
 */
export async function openDataDirectory(
  location: string,
  options: DataDirectoryOptions,
): Promise<DataDirectory> {
  if (location === 'memory') return new MemoryData();
  prepare(location);
  const lock = await DirectoryLock.acquire(location);
  try {
    const store = await openStore(join(location, 'store.mdb'), options);
    return new DiskData(location, store, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openStore(
  path: string,
  { onMovedAside, ...options }: DataDirectoryOptions,
): Promise<LmdbKeyValueStore> {
  try {
    return await LmdbKeyValueStore.open(path, options);
  } catch (error) {
    if (onMovedAside === undefined || !isUnreadable(error)) throw error;
    const aside = moveAside(path);
    onMovedAside(`${error.problem}: moved to ${aside}, and a new store begun`);
    return LmdbKeyValueStore.open(path, options);
  }
}

function isUnreadable(error: unknown): error is DataError {
  return error instanceof DataError && (error.code === 'store-damaged' || error.code === 'store-version');
}

function prepare(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const problem = `cannot use ${directory} (${errorMessage(error)})`;
    throw new DataError('data-unusable', problem, 'make it writable, or name another one', error);
  }
}

class DiskData implements DataDirectory {
  readonly store: KeyValueStore;
  readonly #directory: string;
  readonly #lock: DirectoryLock;

  constructor(directory: string, store: KeyValueStore, lock: DirectoryLock) {
    this.#directory = directory;
    this.store = store;
    this.#lock = lock;
  }

  loadIdentity(): IdentityPem | undefined {
    return loadIdentity(this.#directory);
  }

  saveIdentity(identity: IdentityPem): void {
    saveIdentity(this.#directory, identity);
  }

  secret(name: string, make: () => Uint8Array): Uint8Array {
    return loadOrMakeSecret(this.#directory, name, make);
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.#lock.release();
  }
}

/** `data: memory`: a peer that is new at every start. */
class MemoryData implements DataDirectory {
  readonly store = new MemoryKeyValueStore();
  readonly #secrets = new Map<string, Uint8Array>();
  #identity: IdentityPem | undefined;

  loadIdentity(): IdentityPem | undefined {
    return this.#identity;
  }

  saveIdentity(identity: IdentityPem): void {
    this.#identity = identity;
  }

  secret(name: string, make: () => Uint8Array): Uint8Array {
    let secret = this.#secrets.get(name);
    if (secret === undefined) {
      secret = make();
      this.#secrets.set(name, secret);
    }
    return secret;
  }

  async close(): Promise<void> {
    await this.store.close();
  }
}
