import { CodedError } from '../errors.ts';
import { IdleMap } from '../idle-collections.ts';
import {
  type Address,
  type Connection,
  type DatagramHandler,
  type DatagramSocket,
  formatAddress,
  isLoopback,
  isWildcard,
  type Listener,
  type Network,
  type TlsOptions,
} from '../network.ts';
import { SlotList } from '../slot-list.ts';
import { ConnectAttempt, type ConnectOptions } from './connect-attempt.ts';
import type { SimulatedConnection } from './simulated-connection.ts';
import { SimulatedDatagramSocket } from './simulated-datagram-socket.ts';
import type { SimulatedNetwork } from './simulated-network.ts';

const FIRST_EPHEMERAL_PORT = 49_152;

/** Who takes connections on one address. */
export interface SimulatedListener extends Listener {
  readonly onConnection: (connection: Connection) => void;
  readonly tls: TlsOptions | undefined;
}

/** One host of the simulated network: its addresses, bound sockets and connections. */
export class SimulatedHost implements Network {
  readonly network: SimulatedNetwork;
  readonly addresses: readonly string[];
  /** Hosts of different groups do not reach each other. */
  group = 0;
  silent = false;
  /** The network's epoch for which `group` and `silent` hold. */
  placedAt = 0;
  dead = false;
  readonly connections = new SlotList<SimulatedConnection>();
  readonly #datagramSockets = new IdleMap<number, SimulatedDatagramSocket[]>();
  readonly #listeners = new Map<number, SimulatedListener[]>();
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(network: SimulatedNetwork, addresses: readonly string[]) {
    this.network = network;
    this.addresses = addresses;
  }

  async bindDatagram(local: Address, handler: DatagramHandler): Promise<DatagramSocket> {
    const address = this.#claim(this.#datagramSockets, local);
    const socket: SimulatedDatagramSocket = new SimulatedDatagramSocket(this, address, handler, () =>
      release(this.#datagramSockets, socket),
    );
    add(this.#datagramSockets, socket);
    return socket;
  }

  async listen(
    local: Address,
    onConnection: (connection: Connection) => void,
    tls?: TlsOptions,
  ): Promise<Listener> {
    const listener: SimulatedListener = {
      local: this.#claim(this.#listeners, local),
      onConnection,
      tls,
      close: async () => release(this.#listeners, listener),
    };
    add(this.#listeners, listener);
    return listener;
  }

  connect(remote: Address, options: ConnectOptions = {}): Promise<Connection> {
    return new ConnectAttempt(this, remote, options).promise;
  }

  interfaceAddresses(): readonly string[] {
    return ['127.0.0.1', ...this.addresses];
  }

  async localAddressTowards(remoteHost: string): Promise<string> {
    return this.sourceTowards(remoteHost);
  }

  /** The address this host sends from towards another. */
  sourceTowards(remoteHost: string): string {
    if (isLoopback(remoteHost)) return remoteHost;
    const isV6 = remoteHost.includes(':');
    return this.addresses.find((address) => address.includes(':') === isV6) ?? this.addresses[0]!;
  }

  /** The host that `address` means to this one. */
  reach(address: string): SimulatedHost | undefined {
    return isLoopback(address) ? this : this.network.find(address);
  }

  datagramSocketAt(address: Address): SimulatedDatagramSocket | undefined {
    return lookUp(this.#datagramSockets, address);
  }

  listenerAt(address: Address): SimulatedListener | undefined {
    return lookUp(this.#listeners, address);
  }

  ephemeralPort(): number {
    const port = this.#nextPort++;
    if (this.#nextPort > 65_535) this.#nextPort = FIRST_EPHEMERAL_PORT;
    return port;
  }

  crash(): void {
    this.dead = true;
    this.#datagramSockets.clear();
    this.#listeners.clear();
    for (const connection of [...this.connections]) connection.crash();
  }

  #claim<T extends { local: Address }>(table: PortTable<T>, { host, port }: Address): Address {
    const isOwn = isWildcard(host) || isLoopback(host) || this.addresses.includes(host);
    if (this.dead || !isOwn || port < 0 || port > 65_535) {
      throw new CodedError('address-unavailable', `${host} is not an address of this host`);
    }
    let free = port;
    if (port === 0) {
      do {
        free = this.ephemeralPort();
      } while (table.has(free));
    }
    const clash = table
      .get(free)
      ?.some(({ local }) => local.host === host || isWildcard(local.host) || isWildcard(host));
    if (clash) throw new CodedError('address-in-use', `${formatAddress({ host, port })} is in use`);
    return { host, port: free };
  }
}

/** What is bound to each port. */
type PortTable<T> = Pick<Map<number, T[]>, 'get' | 'has' | 'delete'> & {
  set(port: number, bound: T[]): void;
};

function add<T extends { local: Address }>(table: PortTable<T>, bound: T): void {
  const others = table.get(bound.local.port);
  if (others === undefined) table.set(bound.local.port, [bound]);
  else others.push(bound);
}

function release<T extends { local: Address }>(table: PortTable<T>, bound: T): void {
  const { port } = bound.local;
  const rest = table.get(port)?.filter((other) => other !== bound) ?? [];
  if (rest.length === 0) table.delete(port);
  else table.set(port, rest);
}

function lookUp<T extends { local: Address }>(table: PortTable<T>, address: Address): T | undefined {
  const bound = table.get(address.port);
  if (bound === undefined) return undefined;
  return bound.find(({ local }) => local.host === address.host || isWildcard(local.host));
}
