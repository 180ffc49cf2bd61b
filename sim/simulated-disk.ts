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
  /** Each key once for all disks, since replicas have the same ones. */
  readonly #keys = new Map<string, number>();
  readonly #keyTexts: string[] = [];
  #end = 0;

  /** The number that stands for a key. */
  keyOf(key: string): number {
    let id = this.#keys.get(key);
    if (id === undefined) {
      id = this.#keyTexts.push(key) - 1;
      this.#keys.set(key, id);
    }
    return id;
  }

  textOf(id: number): string {
    return this.#keyTexts[id]!;
  }

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

/** Keys and places side by side in plain arrays: a peer of a simulation has few records, and a Map would be four times that. */
class SimulatedDisk implements KeyValueStore {
  readonly #disks: SimulatedDisks;
  #keys: number[] = [];
  #places: number[] = [];

  constructor(disks: SimulatedDisks) {
    this.#disks = disks;
  }

  get(key: string): Uint8Array | undefined {
    const at = this.#keys.indexOf(this.#disks.keyOf(key));
    return at === -1 ? undefined : this.#disks.read(this.#places[at]!);
  }

  *entries(prefix: string): Iterable<readonly [string, Uint8Array]> {
    const found = this.#keys
      .map((id, at) => [this.#disks.textOf(id), this.#places[at]!] as const)
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [key, place] of found) yield [key, this.#disks.read(place)];
  }

  async write(batch: readonly Write[]): Promise<void> {
    for (const { key, value } of batch) this.#write(this.#disks.keyOf(key), value);
  }

  async close(): Promise<void> {
    this.#keys = [];
    this.#places = [];
  }

  #write(id: number, value: Uint8Array | undefined): void {
    const at = this.#keys.indexOf(id);
    if (value !== undefined) {
      this.#places[at === -1 ? this.#keys.push(id) - 1 : at] = this.#disks.append(value);
    } else if (at !== -1) {
      this.#keys.splice(at, 1);
      this.#places.splice(at, 1);
    }
  }
}
