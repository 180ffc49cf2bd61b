import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyValueStore, Write } from '../src/base/index.ts';

/** A value's place in the file: offset and length in one number below 2^53. */
const LENGTH_RANGE = 2 ** 20;

/**
 * The disks of all simulated peers: one temporary file that only grows, so that what peers have on disk does not count as
 * their memory. Synchronous, because virtual time knows nothing of threads.
 */
export class SimulatedDisks {
  readonly #directory = mkdtempSync(join(tmpdir(), 'p2psip-sim-'));
  readonly #file = openSync(join(this.#directory, 'disks'), 'w+');
  #end = 0;

  /** The disk of one peer. */
  disk(): KeyValueStore {
    return new SimulatedDisk(this);
  }

  append(value: Uint8Array): number {
    const at = this.#end;
    writeSync(this.#file, value, 0, value.length, at);
    this.#end += value.length;
    return at * LENGTH_RANGE + value.length;
  }

  read(place: number): Uint8Array {
    const value = Buffer.allocUnsafe(place % LENGTH_RANGE);
    readSync(this.#file, value, 0, value.length, Math.floor(place / LENGTH_RANGE));
    return value;
  }

  close(): void {
    ftruncateSync(this.#file);
    closeSync(this.#file);
    rmSync(this.#directory, { recursive: true });
  }
}

class SimulatedDisk implements KeyValueStore {
  readonly #disks: SimulatedDisks;
  readonly #places = new Map<string, number>();

  constructor(disks: SimulatedDisks) {
    this.#disks = disks;
  }

  get(key: string): Uint8Array | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#disks.read(place);
  }

  *entries(prefix: string): Iterable<readonly [string, Uint8Array]> {
    const keys = [...this.#places.keys()].filter((key) => key.startsWith(prefix)).sort();
    for (const key of keys) yield [key, this.#disks.read(this.#places.get(key)!)];
  }

  async write(batch: readonly Write[]): Promise<void> {
    for (const { key, value } of batch) {
      if (value === undefined) this.#places.delete(key);
      else this.#places.set(key, this.#disks.append(value));
    }
  }

  async close(): Promise<void> {
    this.#places.clear();
  }
}
