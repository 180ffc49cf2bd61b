import { createSocket, type Socket } from 'node:dgram';
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import {
  type Address,
  CodedError,
  type DatagramHandler,
  errorMessage,
  formatAddress,
  type GroupSocket,
  isMulticast,
  type Multicast,
} from '../base/index.ts';

/** More interfaces of one host are not used: bridges of containers can be many. */
const MAX_INTERFACES = 16;

/** Multicast and broadcast on the interfaces of this machine. */
export class SystemMulticast implements Multicast {
  join(group: Address, handler: DatagramHandler, { hops }: { readonly hops: number }): Promise<GroupSocket> {
    return SystemGroupSocket.join(group, handler, hops);
  }
}

/** One address of an interface. */
interface Interface {
  /** With its zone where it is link-local. */
  readonly address: string;
  /** For joining a group. */
  readonly membership: string;
  readonly neighbors: BlockList;
}

/**
 * One socket hears the group, bound to the group's own address where the system can do that, so that no other datagrams to
 * the port come here; and one for each interface sends, because a socket sends multicast by one interface only. Interfaces
 * that come and go are noticed when something is sent.
 */
class SystemGroupSocket implements GroupSocket {
  readonly #group: Address;
  readonly #hops: number;
  readonly #receiver: Socket;
  readonly #senders = new Map<string, { socket: Socket; neighbors: BlockList }>();
  /** Interfaces that do not carry multicast. */
  readonly #useless = new Set<string>();
  #isClosed = false;

  private constructor(group: Address, receiver: Socket, hops: number) {
    this.#group = group;
    this.#receiver = receiver;
    this.#hops = hops;
  }

  static async join(group: Address, handler: DatagramHandler, hops: number): Promise<SystemGroupSocket> {
    const receiver = newSocket(group.host);
    const socket = new SystemGroupSocket(group, receiver, hops);
    receiver.on('message', (data, { address, port }) => handler.onDatagram(data, { host: address, port }));
    receiver.on('error', (error) => handler.onError?.(error));
    try {
      await bound(receiver, hearingAddress(group.host), group.port);
      await socket.#follow();
    } catch (cause) {
      await socket.close();
      throw unavailable(group, errorMessage(cause), cause);
    }
    if (socket.#senders.size > 0) return socket;
    await socket.close();
    throw unavailable(group, 'no interface carries it');
  }

  send(data: Uint8Array): void {
    // Known interfaces at once; a new one has its turn with the next datagram.
    for (const { socket } of this.#senders.values()) this.#put(socket, data, this.#group);
    this.#follow().catch(() => {});
  }

  sendTo(data: Uint8Array, to: Address): void {
    const family = to.host.includes(':') ? 'ipv6' : 'ipv4';
    const [host = ''] = to.host.split('%');
    const senders = [...this.#senders.values()];
    const sender = senders.find(({ neighbors }) => neighbors.check(host, family)) ?? senders[0];
    if (sender !== undefined) this.#put(sender.socket, data, to);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const sockets = [this.#receiver, ...[...this.#senders.values()].map(({ socket }) => socket)];
    this.#senders.clear();
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  #put(socket: Socket, data: Uint8Array, { host, port }: Address): void {
    // Somebody pulled the cable: the next look at the interfaces finds out.
    if (!this.#isClosed) socket.send(data, 0, data.length, port, host, () => {});
  }

  async #follow(): Promise<void> {
    const current = interfacesFor(this.#group.host);
    for (const [address, { socket }] of this.#senders) {
      if (current.some((one) => one.address === address)) continue;
      this.#senders.delete(address);
      socket.close();
    }
    for (const one of current) {
      if (this.#senders.has(one.address) || this.#useless.has(one.address)) continue;
      const socket = newSocket(one.address);
      socket.on('error', () => {});
      this.#senders.set(one.address, { socket, neighbors: one.neighbors });
      try {
        await bound(socket, one.address, this.#group.port);
        this.#configure(socket, one);
      } catch {
        this.#senders.delete(one.address);
        this.#useless.add(one.address);
        socket.close();
      }
    }
  }

  #configure(socket: Socket, { membership }: Interface): void {
    const { host } = this.#group;
    if (!isMulticast(host)) {
      socket.setBroadcast(true);
      return;
    }
    this.#receiver.addMembership(host, membership);
    socket.setMulticastInterface(membership);
    socket.setMulticastTTL(this.#hops);
    socket.setMulticastLoopback(true);
  }
}

/** The host's addresses of the group's family, loopback apart: of IPv6 the link-local ones, one for each interface. */
function interfacesFor(group: string): Interface[] {
  const wanted = group.includes(':') ? 'IPv6' : 'IPv4';
  return Object.entries(networkInterfaces())
    .flatMap(([name, addresses = []]) => addresses.map((one) => ({ name, ...one })))
    .filter(
      ({ family, internal, address }) =>
        family === wanted && !internal && (wanted === 'IPv4' || /^fe80/i.test(address)),
    )
    .slice(0, MAX_INTERFACES)
    .map(({ name, address, cidr }) => {
      const neighbors = new BlockList();
      const prefix = cidr?.split('/')[1];
      if (prefix !== undefined)
        neighbors.addSubnet(address, Number(prefix), wanted === 'IPv4' ? 'ipv4' : 'ipv6');
      const zone = wanted === 'IPv6' ? `%${name}` : '';
      return { address: address + zone, membership: wanted === 'IPv6' ? `::${zone}` : address, neighbors };
    });
}

function newSocket(host: string): Socket {
  const isV6 = host.includes(':');
  return createSocket({
    type: isV6 ? 'udp6' : 'udp4',
    ...(isV6 && { ipv6Only: true }),
    // Others on this host listen to mDNS as well.
    reuseAddr: true,
    lookup: (address, _options, callback) => callback(null, address, isIP(address)),
  });
}

/** The group itself, where that can be bound: not for IPv6, where it would be one on one interface, and not on Windows. */
function hearingAddress(group: string): string {
  if (group.includes(':')) return '::';
  return isMulticast(group) && process.platform !== 'win32' ? group : '0.0.0.0';
}

function bound(socket: Socket, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeListener('error', reject);
      resolve();
    });
  });
}

function unavailable(group: Address, why: string, cause?: unknown): CodedError {
  const message = `multicast to ${formatAddress(group)} does not work here: ${why}`;
  return new CodedError('multicast-unavailable', message, { cause });
}
