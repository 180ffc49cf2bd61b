import { type Address, type Clock, sameAddress } from '../../base/index.ts';
import type { FoundPeer } from './service-records.ts';

/** Peers remembered; and of these, those that one host told of. */
const MAX_PEERS = 64;
const MAX_PER_HOST = 8;
/** So long a peer is remembered that was not heard of again, ms: three of the intervals at which we ask. */
const KEPT_MS = 30 * 60_000;

interface Known {
  readonly addresses: readonly Address[];
  readonly from: string;
  readonly until: number;
}

/**
 * The peers that were announced on the local network. Nobody proves anything there, so their number is bounded, and when
 * they are too many a host that told of many gives way to one that told of few: nobody can fill the table by himself, under
 * a few addresses or one. Hosts are told apart by their whole addresses: all of one network have the same IPv6 prefix.
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
    this.#forgetOld();
    const key = `${from} ${nodeId}`;
    const isNew = addresses.some((address) => !this.#isKnown(address));
    this.#told.delete(key);
    if (addresses.length === 0) return false;
    const ofHost = this.#toldBy(from);
    if (ofHost.length >= MAX_PER_HOST) return false;
    if (this.#told.size >= MAX_PEERS && !this.#makeRoom(ofHost.length)) return false;
    this.#told.set(key, { addresses, from, until: this.#clock.monotonic() + KEPT_MS });
    return isNew;
  }

  #toldBy(host: string): string[] {
    return [...this.#told].filter(([, { from }]) => from === host).map(([key]) => key);
  }

  /** Takes one from a host that has told of more than another, with `count`, would have with one more. */
  #makeRoom(count: number): boolean {
    const hosts = [...new Set([...this.#told.values()].map(({ from }) => from))].map((host) =>
      this.#toldBy(host),
    );
    const most = hosts.reduce((a, b) => (b.length > a.length ? b : a), []);
    if (most.length <= count + 1) return false;
    this.#told.delete(most[0]!);
    return true;
  }

  #isKnown(address: Address): boolean {
    for (const { addresses } of this.#told.values()) {
      if (addresses.some((known) => sameAddress(known, address))) return true;
    }
    return false;
  }

  #forgetOld(): void {
    const now = this.#clock.monotonic();
    for (const [key, { until }] of this.#told) if (until <= now) this.#told.delete(key);
  }
}
