import type { Clock, Random } from '../../base/index.ts';
import type { Destination } from '../messages/destination.ts';

/** Via lists we stand for at once. */
const MAX_ENTRIES = 4096;

/** RFC 6940 §6.3.2.2: the top bit of the 16-bit form. */
const TOP_BIT = 0x8000;

interface Entry {
  readonly path: readonly Destination[];
  /** Monotonic ms. */
  readonly expiresAt: number;
}

/**
 * List compression (RFC 6940 §6.1.2, §6.1.3): replaces the Via list of a forwarded request by one 16-bit opaque id
 * and restores it on the way back. Identifiers are random, so one from before a restart is most likely stale, and
 * a stale one is dropped silently.
 */
export class ViaTable {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #lifetimeMs: number;
  readonly #entries = new Map<number, Entry>();

  /** @param options.lifetimeMs at least the overlay-reliability-timer (§6.1.2) */
  constructor({ clock, random }: { clock: Clock; random: Random }, { lifetimeMs }: { lifetimeMs: number }) {
    this.#clock = clock;
    this.#random = random;
    this.#lifetimeMs = lifetimeMs;
  }

  /** The entry that stands for the Via list; undefined when the table is full. */
  compress(viaList: readonly Destination[]): Destination | undefined {
    this.#expire();
    if (this.#entries.size >= MAX_ENTRIES) return undefined;
    let value: number;
    do {
      const [high = 0, low = 0] = this.#random.bytes(2);
      value = TOP_BIT | (high << 8) | low;
    } while (this.#entries.has(value));
    const expiresAt = this.#clock.monotonic() + this.#lifetimeMs;
    this.#entries.set(value, { path: viaList.toReversed(), expiresAt });
    return { type: 'compressed', value };
  }

  /** The destinations the entry stands for, in the order of the way back. */
  readonly restore = (entry: Destination): readonly Destination[] | undefined => {
    const value = identifier(entry);
    const found = value === undefined ? undefined : this.#entries.get(value);
    if (found === undefined || found.expiresAt <= this.#clock.monotonic()) return undefined;
    return found.path;
  };

  /** Entries all live equally long, so the oldest are the first. */
  #expire(): void {
    const now = this.#clock.monotonic();
    for (const [value, { expiresAt }] of this.#entries) {
      if (expiresAt > now) return;
      this.#entries.delete(value);
    }
  }
}

/** §6.3.2.2: the 16-bit form "MUST be treated as if it were" the long form with two bytes. */
function identifier(entry: Destination): number | undefined {
  if (entry.type === 'compressed') return entry.value;
  if (entry.type === 'opaque' && entry.bytes.length === 2) return entry.bytes[0]! * 256 + entry.bytes[1]!;
  return undefined;
}
