import { type Address, type DatagramHandler, type DatagramSocket, isWildcard } from '../network.ts';
import { ClockEntry } from './clock-queue.ts';
import type { SimulatedHost } from './simulated-host.ts';

/** UDP's largest payload over IPv4. */
const MAX_DATAGRAM_BYTES = 65_507;

/** A datagram on its way. */
class DatagramDelivery extends ClockEntry {
  readonly #data: Buffer;
  readonly #sender: SimulatedHost;
  readonly #receiver: SimulatedHost;
  readonly #from: Address;
  readonly #to: Address;

  constructor(data: Buffer, sender: SimulatedHost, receiver: SimulatedHost, from: Address, to: Address) {
    super();
    this.#data = data;
    this.#sender = sender;
    this.#receiver = receiver;
    this.#from = from;
    this.#to = to;
  }

  override run(): void {
    if (this.#sender.network.isBlocked(this.#sender, this.#receiver)) return;
    this.#receiver.datagramSocketAt(this.#to)?.deliver(this.#data, this.#from);
  }
}

/** A bound UDP socket of a simulated host. */
export class SimulatedDatagramSocket implements DatagramSocket {
  readonly local: Address;
  readonly #host: SimulatedHost;
  readonly #handler: DatagramHandler;
  readonly #release: () => void;
  #closed = false;

  constructor(host: SimulatedHost, local: Address, handler: DatagramHandler, release: () => void) {
    this.#host = host;
    this.local = local;
    this.#handler = handler;
    this.#release = release;
  }

  send(data: Uint8Array, to: Address): void {
    const sender = this.#host;
    if (this.#closed || sender.dead) return;
    if (data.length > MAX_DATAGRAM_BYTES) {
      this.#handler.onError?.(new Error(`a datagram of ${data.length} bytes is too long`));
      return;
    }
    const { network } = sender;
    network.totals.datagrams++;
    const receiver = sender.reach(to.host);
    if (receiver === undefined || network.isBlocked(sender, receiver) || network.isLost(sender, receiver)) {
      network.totals.datagramsLost++;
      return;
    }
    const from = isWildcard(this.local.host)
      ? { host: sender.sourceTowards(to.host), port: this.local.port }
      : this.local;
    network.clock.schedule(
      network.latency(sender, receiver),
      new DatagramDelivery(Buffer.from(data), sender, receiver, from, to),
    );
  }

  deliver(data: Buffer, from: Address): void {
    if (!this.#closed) this.#handler.onDatagram(data, from);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#release();
  }
}
