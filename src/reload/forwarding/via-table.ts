import { type Clock, IdleMap, type Random } from '../../base/index.ts';
import { type Destination, toNode } from '../messages/destination.ts';
import type { NodeId } from '../wire/ids.ts';

/** Via lists we stand for at once. */
const MAX_ENTRIES = 4096;

/** Memory for them, estimated: whoever makes requests with long lists must not fill ours. */
const MAX_BYTES = 4 * 1024 * 1024;
const BYTES_PER_DESTINATION = 100;

/** RFC 6940 §6.3.2.2: the top bit of the 16-bit form. */
const TOP_BIT = 0x8000;

interface Entry {
  readonly path: readonly Destination[];
  readonly bytes: number;
  /** Monotonic ms. */
  readonly expiresAt: number;
}

/** Via lists this long are replaced: ordinary ways are shorter, even among thousands of peers. */
const COMPRESS_FROM = 12;

/** RFC 6940 §6.2.1: the maximum request lifetime. */
const REQUEST_LIFETIME_MS = 15_000;

export interface ViaTableOptions {
  /** The overlay-reliability-timer, ms: state is kept for that long at least (§6.1.2). */
  readonly reliabilityTimerMs: () => number;
  /** Via lists of so many entries are replaced by one. */
  readonly compressViaFrom?: number;
}

/**
 * Via lists and list compression (RFC 6940 §6.1.2, §6.1.3): replaces a long Via list of a forwarded request by one
 * 16-bit opaque id and restores it on the way back. Identifiers begin at random and are used in turn, so that one from
 * before a restart, or of a late answer, is most likely stale, and a stale one is dropped silently (§6.3.2.2).
 */
export class ViaTable {
  readonly #clock: Clock;
  readonly #lifetimeMs: () => number;
  readonly #compressFrom: number;
  readonly #entries = new IdleMap<number, Entry>();
  #bytes = 0;
  #last: number;

  constructor({ clock, random }: { clock: Clock; random: Random }, options: ViaTableOptions) {
    this.#clock = clock;
    this.#lifetimeMs = () => Math.max(REQUEST_LIFETIME_MS, options.reliabilityTimerMs());
    this.#compressFrom = options.compressViaFrom ?? COMPRESS_FROM;
    const [high = 0, low = 0] = random.bytes(2);
    this.#last = (high << 8) | low;
  }

  /** The Via list of a request that came from `previousHop`, for the next hop. */
  extend(viaList: readonly Destination[], previousHop: NodeId): readonly Destination[] {
    const longer = [...viaList, toNode(previousHop)];
    return longer.length < this.#compressFrom ? longer : this.compress(longer);
  }

  /** One entry that stands for the Via list; the list itself when the table is full. */
  compress(viaList: readonly Destination[]): readonly Destination[] {
    this.#expire();
    const bytes = viaList.reduce((sum, entry) => sum + sizeOf(entry), 0);
    if (this.#entries.size >= MAX_ENTRIES || this.#bytes + bytes > MAX_BYTES) return viaList;
    do this.#last = TOP_BIT | ((this.#last + 1) & 0xffff);
    while (this.#entries.has(this.#last));
    const expiresAt = this.#clock.monotonic() + this.#lifetimeMs();
    this.#entries.set(this.#last, { path: viaList.map(kept).reverse(), bytes, expiresAt });
    this.#bytes += bytes;
    return [{ type: 'compressed', value: this.#last }];
  }

  /** The destinations the entry stands for, in the order of the way back. */
  readonly restore = (entry: Destination): readonly Destination[] | undefined => {
    const value = identifier(entry);
    const found = value === undefined ? undefined : this.#entries.get(value);
    if (found === undefined || found.expiresAt <= this.#clock.monotonic()) return undefined;
    return found.path;
  };

  /** Entries live about equally long, so the oldest are the first. */
  #expire(): void {
    const now = this.#clock.monotonic();
    for (const [value, { bytes, expiresAt }] of this.#entries) {
      if (expiresAt > now) return;
      this.#entries.delete(value);
      this.#bytes -= bytes;
    }
  }
}

/** §6.3.2.2: the 16-bit form "MUST be treated as if it were" the long form with two bytes. */
function identifier(entry: Destination): number | undefined {
  if (entry.type === 'compressed') return entry.value;
  if (entry.type === 'opaque' && entry.bytes.length === 2) return entry.bytes[0]! * 256 + entry.bytes[1]!;
  return undefined;
}

function sizeOf(entry: Destination): number {
  return BYTES_PER_DESTINATION + ('bytes' in entry ? entry.bytes.length : 0);
}

/** Bytes of an entry are a view of the message it came in, which must not stay for its sake. */
function kept(entry: Destination): Destination {
  return 'bytes' in entry ? { ...entry, bytes: new Uint8Array(entry.bytes) } : entry;
}
