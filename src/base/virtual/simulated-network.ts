import type { Network } from '../network.ts';
import type { Random } from '../random.ts';
import { SeededRandom } from './seeded-random.ts';
import type { SimulatedConnection } from './simulated-connection.ts';
import { SimulatedHost } from './simulated-host.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What a stream loses by one lost segment: roughly TCP's smallest retransmission time-out. */
const STREAM_RETRANSMIT_MS = 200;

export interface SimulatedNetworkOptions {
  /** One-way delay, ms, drawn uniformly for each datagram or segment. Default [10, 30]. */
  readonly latencyMs?: readonly [min: number, max: number];
  /** Chance in [0, 1] that a datagram is lost, or that a segment of a stream comes late. Default 0. */
  readonly loss?: number;
  /** Seeds the randomness when none is given. */
  readonly seed?: number;
}

/**
 * Many hosts on a virtual clock: datagrams, TCP and TLS with latency, loss, partitions and crashes.
 * The same seed and the same calls give the same run. TLS hands the certificates over both ways and runs both
 * `verifyPeer`, but proves no key and encrypts nothing.
 */
export class SimulatedNetwork {
  readonly clock: VirtualClock;
  /** What went through so far. */
  readonly totals = { datagrams: 0, datagramsLost: 0, connections: 0, segments: 0, streamBytes: 0 };
  readonly #random: Random;
  readonly #minLatency: number;
  readonly #latencySpread: number;
  readonly #loss: number;
  readonly #hosts = new Map<string, SimulatedHost>();
  readonly #groups = new Map<string, number>();
  readonly #silenced = new Set<string>();
  readonly #stalled = new Set<SimulatedConnection>();
  /** Counts the changes of partitions and silences, so that hosts learn of them when next asked. */
  #epoch = 0;

  constructor(deps: { clock: VirtualClock; random?: Random }, options: SimulatedNetworkOptions = {}) {
    const [min, max] = options.latencyMs ?? [10, 30];
    this.clock = deps.clock;
    this.#random = deps.random ?? new SeededRandom(options.seed ?? 1);
    this.#minLatency = min;
    this.#latencySpread = max - min;
    this.#loss = options.loss ?? 0;
  }

  /**
   * The network as seen by the host with this address; made on first use, and anew after a `kill`.
   * @param more further addresses of the same host
   */
  host(address: string, ...more: string[]): Network {
    const known = this.#hosts.get(address);
    if (known !== undefined) return known;
    const host = new SimulatedHost(this, [address, ...more]);
    for (const own of host.addresses) this.#hosts.set(own, host);
    return host;
  }

  /** Hosts reach only those of their own group; hosts in no group form one more. */
  partition(groups: readonly (readonly string[])[]): void {
    this.#groups.clear();
    groups.forEach((members, index) => {
      for (const address of members) this.#groups.set(address, index + 1);
    });
    this.#epoch++;
  }

  /** Ends all partitions and silences; what streams held back is delivered. */
  heal(): void {
    this.#groups.clear();
    this.#silenced.clear();
    this.#epoch++;
    for (const connection of [...this.#stalled]) connection.unblock();
  }

  /** The host crashes: its sockets vanish without a word to their owners, peers see a reset. */
  kill(address: string): void {
    const host = this.#hosts.get(address);
    if (host === undefined) return;
    for (const own of host.addresses) this.#hosts.delete(own);
    host.crash();
  }

  /** Nothing reaches or leaves the host any more, and nobody is told. */
  silence(address: string): void {
    this.#silenced.add(address);
    this.#epoch++;
  }

  /** For the simulation's own parts: the host that answers to an address as seen from `from`. */
  find(address: string): SimulatedHost | undefined {
    return this.#hosts.get(address);
  }

  /** For the simulation's own parts: one message's delay, ms. */
  latency(from: SimulatedHost, to: SimulatedHost): number {
    if (from === to) return 0;
    return this.#minLatency + (this.#latencySpread > 0 ? this.#random.float() * this.#latencySpread : 0);
  }

  /** For the simulation's own parts: as `latency`, with TCP's cost of a lost segment. */
  streamLatency(from: SimulatedHost, to: SimulatedHost): number {
    return this.latency(from, to) + (this.isLost(from, to) ? STREAM_RETRANSMIT_MS : 0);
  }

  isLost(from: SimulatedHost, to: SimulatedHost): boolean {
    return this.#loss > 0 && from !== to && this.#random.float() < this.#loss;
  }

  isBlocked(from: SimulatedHost, to: SimulatedHost): boolean {
    if (from === to) return false;
    if (from.placedAt !== this.#epoch) this.#place(from);
    if (to.placedAt !== this.#epoch) this.#place(to);
    return from.silent || to.silent || from.group !== to.group;
  }

  /** A connection that holds bytes back until `heal`. */
  stall(connection: SimulatedConnection): void {
    this.#stalled.add(connection);
  }

  unstall(connection: SimulatedConnection): void {
    this.#stalled.delete(connection);
  }

  #place(host: SimulatedHost): void {
    host.placedAt = this.#epoch;
    host.group = 0;
    host.silent = false;
    for (const address of host.addresses) {
      host.group = this.#groups.get(address) ?? host.group;
      host.silent ||= this.#silenced.has(address);
    }
  }
}
