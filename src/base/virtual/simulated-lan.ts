import { CodedError } from '../errors.ts';
import type { GroupSocket, Multicast } from '../multicast.ts';
import { type Address, type DatagramHandler, sameAddress } from '../network.ts';
import type { SimulatedHost } from './simulated-host.ts';
import type { SimulatedNetwork } from './simulated-network.ts';

interface Member {
  readonly host: SimulatedHost;
  readonly address: string;
  readonly group: Address;
  readonly handler: DatagramHandler;
}

/** Multicast on a simulated network: all its hosts are on one local network, as far as they reach each other. */
export class SimulatedLan {
  /** What went to groups so far. */
  readonly totals = { sent: 0, delivered: 0 };
  readonly #network: SimulatedNetwork;
  readonly #members = new Set<Member>();

  constructor(network: SimulatedNetwork) {
    this.#network = network;
  }

  /** Multicast as seen by the host with this address. */
  host(address: string): Multicast {
    return { join: async (group, handler) => this.#join(address, group, handler) };
  }

  #join(address: string, group: Address, handler: DatagramHandler): GroupSocket {
    const host = this.#network.find(address);
    if (host === undefined) throw new CodedError('multicast-unavailable', `${address} is no host`);
    const member = { host, address, group, handler };
    this.#members.add(member);
    return {
      send: (data) => {
        this.totals.sent++;
        for (const other of this.#members)
          if (sameAddress(other.group, group)) this.#carry(data, member, other);
      },
      sendTo: (data, to) => {
        for (const other of this.#members) {
          if (other.address === to.host && other.group.port === to.port) this.#carry(data, member, other);
        }
      },
      close: async () => {
        this.#members.delete(member);
      },
    };
  }

  #carry(data: Uint8Array, from: Member, to: Member): void {
    const network = this.#network;
    if (from.host.dead || network.isLost(from.host, to.host)) return;
    const copy = Buffer.from(data);
    network.clock.setTimer(network.latency(from.host, to.host), () => {
      const gone = to.host.dead || !this.#members.has(to) || network.isBlocked(from.host, to.host);
      if (gone) return;
      this.totals.delivered++;
      to.handler.onDatagram(copy, { host: from.address, port: from.group.port });
    });
  }
}
