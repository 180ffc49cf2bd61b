import { type Address, type Clock, originOf, sameAddress } from '../../base/index.ts';
import type { FoundPeer } from './service-records.ts';

/** Peers remembered; and of these, those that one host told of. */
const MAX_PEERS = 64;
const MAX_PER_ORIGIN = 8;
/** So long a peer is remembered that was not heard of again, ms: three of the intervals at which we ask. */
const KEPT_MS = 30 * 60_000;

interface Known {
  readonly addresses: readonly Address[];
  readonly origin: string;
  readonly until: number;
}

/**
 * The peers that were announced on the local network. Nobody proves anything there, so their number is bounded, and what
 * one host tells takes nothing away of what another told.
 */
export class KnownPeers {
  readonly #clock: Clock;
  /** By who told, and of whom. */
  readonly #told = new Map<string, Known>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  addresses(): readonly Address[] {
    this.#forgetOld();
    const all = [...this.#told.values()].flatMap(({ addresses }) => addresses);
    return all.filter((address, i) => all.findIndex((other) => sameAddress(other, address)) === i);
  }

  /**
   * @param from the host that told
   * @returns whether there is an address that was not known
   */
  heard({ nodeId, addresses }: FoundPeer, from: string): boolean {
    const before = this.addresses();
    const origin = originOf(from);
    const key = `${origin} ${nodeId}`;
    this.#told.delete(key);
    if (addresses.length === 0) return false;
    const ofOrigin = [...this.#told.values()].filter((known) => known.origin === origin);
    if (this.#told.size >= MAX_PEERS || ofOrigin.length >= MAX_PER_ORIGIN) return false;
    this.#told.set(key, { addresses, origin, until: this.#clock.monotonic() + KEPT_MS });
    return addresses.some((address) => !before.some((known) => sameAddress(known, address)));
  }

  #forgetOld(): void {
    const now = this.#clock.monotonic();
    for (const [key, { until }] of this.#told) if (until <= now) this.#told.delete(key);
  }
}
