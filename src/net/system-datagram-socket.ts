import { createSocket, type Socket } from 'node:dgram';
import {
  type Address,
  CodedError,
  type DatagramHandler,
  type DatagramSocket,
  formatAddress,
} from '../base/index.ts';
import { bindError } from './system-errors.ts';

/** Datagrams that may wait for the end of a turn. */
const MAX_GATHERED = 64;
/** They wait where at least so many were sent in the turn before: with fewer there is little to gain, and somebody who waits. */
const MANY = 4;

/**
 * A UDP socket of node:dgram. IPv6 sockets take IPv6 only, so that `0.0.0.0` and `::` can both be bound and no
 * address is ever an IPv4-mapped one.
 * Under load what is sent in one turn of the event loop leaves at its end: all datagrams that have come are read and handled in
 * one go, while code and data are in the caches. Sent at once, each answer would wake its receiver, who takes the processor
 * over where it has no other one to run on, and leaves the caches cold: a third of what a REGISTER cost.
 */
export class SystemDatagramSocket implements DatagramSocket {
  readonly local: Address;
  readonly #socket: Socket;
  /** One callback for all datagrams: an error (such as EMSGSIZE, ENETUNREACH) would be lost without it. */
  readonly #onSent: (error: Error | null) => void;
  /** Waiting for the end of this turn. */
  #gathered: { readonly data: Uint8Array; readonly to: Address }[] = [];
  #sentInTurn = 0;
  #isGathering = false;
  #isClosed = false;

  private constructor(socket: Socket, handler: DatagramHandler) {
    const { address, port } = socket.address();
    this.local = { host: address, port };
    this.#socket = socket;
    this.#onSent = (error) => {
      if (error !== null && !this.#isClosed) handler.onError?.(error);
    };
    socket.on('message', (data, { address, port }) => {
      // RFC 768: a source port of 0 means that no answer is expected; whoever tries to give one gets an exception.
      if (port !== 0) handler.onDatagram(data, { host: address, port });
    });
    socket.on('error', (error) => handler.onError?.(error));
  }

  /** @throws CodedError<BindErrorCode> */
  static bind(
    local: Address,
    handler: DatagramHandler,
    options: { receiveBufferBytes?: number } = {},
  ): Promise<SystemDatagramSocket> {
    const isV6 = local.host.includes(':');
    const socket = createSocket({
      type: isV6 ? 'udp6' : 'udp4',
      ...(isV6 && { ipv6Only: true }),
      // Addresses are IP literals: answering here keeps the resolver, and a turn of the event loop, out of each send.
      lookup: (host, _options, callback) => callback(null, host, isV6 ? 6 : 4),
      ...(options.receiveBufferBytes === undefined ? {} : { recvBufferSize: options.receiveBufferBytes }),
    });
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => reject(bindError(error, 'UDP', formatAddress(local)));
      socket.once('error', fail);
      socket.bind({ address: local.host, port: local.port, exclusive: true }, () => {
        socket.removeListener('error', fail);
        resolve(new SystemDatagramSocket(socket, handler));
      });
    });
  }

  send(data: Uint8Array, to: Address): void {
    if (this.#isClosed) return;
    if (to.port === 0) {
      this.#onSent(new CodedError('address-unavailable', `${formatAddress(to)} has no port`));
      return;
    }
    this.#sentInTurn += 1;
    if (this.#sentInTurn === 1) setImmediate(this.#endTurn);
    if (!this.#isGathering) {
      this.#transmit(data, to);
      return;
    }
    this.#gathered.push({ data, to });
    if (this.#gathered.length >= MAX_GATHERED) this.#sendGathered();
  }

  close(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#sendGathered();
    this.#isClosed = true;
    return new Promise((resolve) => {
      this.#socket.close(resolve);
    });
  }

  readonly #endTurn = () => {
    this.#sendGathered();
    this.#isGathering = this.#sentInTurn >= MANY;
    this.#sentInTurn = 0;
  };

  #sendGathered(): void {
    const gathered = this.#gathered;
    if (gathered.length === 0) return;
    this.#gathered = [];
    for (const { data, to } of gathered) this.#transmit(data, to);
  }

  #transmit(data: Uint8Array, to: Address): void {
    try {
      this.#socket.send(data, to.port, to.host, this.#onSent);
    } catch (error) {
      // What node:dgram takes for no address; others of the turn still leave.
      this.#onSent(error as Error);
    }
  }
}
