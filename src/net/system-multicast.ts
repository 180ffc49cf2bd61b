import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
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

/** What datagrams of a group go out by and come in by. */
interface Interface {
  /** The IPv4 address, or the name where it is IPv6. */
  readonly key: string;
  /** As socket options name it. */
  readonly option: string;
  /** Where the socket that sends by it is bound. */
  readonly bind: string;
}

/**
 * One socket for each interface sends, because a socket sends multicast by one interface only; one hears the group for all of
 * them. All are bound to the group's own address where the system can do that: they have the port of the group, and what is
 * sent to that port of this host goes to whoever else has it, such as a system's own mDNS. Interfaces that come and go are
 * noticed when something is sent.
 */
class SystemGroupSocket implements GroupSocket {
  readonly #group: Address;
  readonly #handler: DatagramHandler;
  readonly #hops: number;
  /** Undefined where each interface's socket hears for itself. */
  readonly #receiver: Socket | undefined;
  /** By key of the interface. */
  readonly #senders = new Map<string, Socket>();
  #isClosed = false;

  private constructor(group: Address, handler: DatagramHandler, hops: number) {
    this.#group = group;
    this.#handler = handler;
    this.#hops = hops;
    if (!isOfOneLink(group.host)) this.#receiver = this.#hearing(newSocket(group.host));
  }

  static async join(group: Address, handler: DatagramHandler, hops: number): Promise<SystemGroupSocket> {
    const socket = new SystemGroupSocket(group, handler, hops);
    try {
      if (socket.#receiver !== undefined)
        await bound(socket.#receiver, hearingAddress(group.host), group.port);
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
    for (const socket of this.#senders.values()) this.#put(socket, data, this.#group);
    this.#follow().catch(() => {});
  }

  sendTo(data: Uint8Array, to: Address): void {
    const [, zone = ''] = to.host.split('%');
    const socket = this.#senders.get(zone) ?? [...this.#senders.values()][0];
    if (socket !== undefined) this.#put(socket, data, to);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const sockets = [...(this.#receiver ? [this.#receiver] : []), ...this.#senders.values()];
    this.#senders.clear();
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  #put(socket: Socket, data: Uint8Array, { host, port }: Address): void {
    // Somebody pulled the cable: the next look at the interfaces finds out.
    if (!this.#isClosed) socket.send(data, 0, data.length, port, host, () => {});
  }

  #hearing(socket: Socket): Socket {
    socket.on('message', (data, { address, port }) => {
      // Nobody is there to be answered, and sending to port 0 throws.
      if (port !== 0) this.#handler.onDatagram(data, { host: address, port });
    });
    socket.on('error', (error) => this.#handler.onError?.(error));
    return socket;
  }

  async #follow(): Promise<void> {
    const current = interfacesFor(this.#group.host);
    for (const [key, socket] of this.#senders) {
      if (current.some((one) => one.key === key)) continue;
      this.#senders.delete(key);
      this.#leave(key);
      socket.close();
    }
    for (const one of current) {
      if (this.#isClosed || this.#senders.has(one.key)) continue;
      const socket = newSocket(this.#group.host);
      if (this.#receiver === undefined) this.#hearing(socket);
      else socket.on('error', () => {});
      this.#senders.set(one.key, socket);
      try {
        await bound(socket, one.bind, this.#group.port);
        this.#configure(socket, one);
      } catch {
        // It carries no multicast, or its address is not in use yet.
        if (this.#senders.delete(one.key)) socket.close();
      }
    }
  }

  /** Else the group could not be joined there again: an interface that has another address now is the same to the kernel. */
  #leave(key: string): void {
    try {
      this.#receiver?.dropMembership(this.#group.host, this.#group.host.includes(':') ? `::%${key}` : key);
    } catch {
      // The interface itself is gone, and the membership with it; or there was none, as for broadcast.
    }
  }

  #configure(socket: Socket, { option }: Interface): void {
    const { host } = this.#group;
    if (!isMulticast(host)) {
      socket.setBroadcast(true);
      return;
    }
    (this.#receiver ?? socket).addMembership(host, option);
    socket.setMulticastInterface(option);
    socket.setMulticastTTL(this.#hops);
    socket.setMulticastLoopback(true);
  }
}

/** Those that have an address of the group's family, loopback apart. */
function interfacesFor(group: string): Interface[] {
  const isV6 = group.includes(':');
  const all = new Map<string, Interface>();
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    for (const { family, internal, address } of addresses) {
      if (internal || (family === 'IPv6') !== isV6) continue;
      const key = isV6 ? name : address;
      const option = isV6 ? `::%${name}` : address;
      all.set(key, { key, option, bind: sendingAddress(group, isV6 ? name : address) });
    }
  }
  return [...all.values()].slice(0, MAX_INTERFACES);
}

/** ff01::/16 and ff02::/16: groups that are another one on each interface, and are bound with its name. */
function isOfOneLink(group: string): boolean {
  return /^ff.[12]:/i.test(group);
}

/** The group itself, but for a broadcast address, and on Windows, where it cannot be bound. */
function hearingAddress(group: string): string {
  if (isMulticast(group) && process.platform !== 'win32') return group;
  return group.includes(':') ? '::' : '0.0.0.0';
}

/** @param own an interface's IPv4 address, or its name where the group is IPv6 */
function sendingAddress(group: string, own: string): string {
  if (isOfOneLink(group)) return `${group}%${own}`;
  return isMulticast(group) && process.platform !== 'win32' ? group : group.includes(':') ? '::' : own;
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
