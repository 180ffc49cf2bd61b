import { createSocket, type Socket } from 'node:dgram';
import {
  type Address,
  CodedError,
  type DatagramHandler,
  type DatagramSocket,
  formatAddress,
} from '../base/index.ts';
import { bindError } from './system-errors.ts';

/**
 * A UDP socket of node:dgram. IPv6 sockets take IPv6 only, so that `0.0.0.0` and `::` can both be bound and no
 * address is ever an IPv4-mapped one.
 */
export class SystemDatagramSocket implements DatagramSocket {
  readonly local: Address;
  readonly #socket: Socket;
  /** One callback for all datagrams: an error (such as EMSGSIZE, ENETUNREACH) would be lost without it. */
  readonly #onSent: (error: Error | null) => void;
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
    this.#socket.send(data, to.port, to.host, this.#onSent);
  }

  close(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#isClosed = true;
    return new Promise((resolve) => {
      this.#socket.close(resolve);
    });
  }
}
