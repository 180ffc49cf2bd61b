import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Address, Connection, ConnectionHandler } from '../base/index.ts';

/** How long `end` waits for the peer to take what is queued, ms. */
const END_TIMEOUT_MS = 5_000;
const BINDING_LABEL = 'EXPORTER-p2psip-gateway-channel-binding';
const BINDING_BYTES = 16;

export interface StreamOptions {
  readonly peerCertificates: readonly Uint8Array[];
  /** Puts a name to a close by the peer; `isFresh` while not a byte has come from it. */
  readonly explainClose?: (error: Error | undefined, isFresh: boolean) => Error | undefined;
}

/**
 * A TCP or TLS connection whose handshake is over. Nothing is read before the owner is set; what is sent within
 * one turn of the event loop leaves in one write, hence mostly in one TLS record.
 */
export class StreamConnection implements Connection {
  readonly local: Address;
  readonly remote: Address;
  readonly peerCertificates: readonly Uint8Array[];
  readonly #socket: Socket;
  readonly #explainClose: StreamOptions['explainClose'];
  #handler: ConnectionHandler | undefined;
  #error: Error | undefined;
  #isFresh = true;
  #isClosedByUs = false;
  #isClosed = false;
  #isCorked = false;
  readonly #uncork = () => {
    this.#isCorked = false;
    this.#socket.uncork();
  };

  constructor(socket: Socket, options: StreamOptions) {
    this.#socket = socket;
    this.local = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    this.remote = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    this.peerCertificates = options.peerCertificates;
    this.#explainClose = options.explainClose;
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.on('close', () => {
      this.#isClosed = true;
      this.#reportClose();
    });
  }

  get channelBinding(): string | undefined {
    const socket = this.#socket;
    if (!(socket instanceof TLSSocket) || this.#isClosed) return undefined;
    return socket.exportKeyingMaterial(BINDING_BYTES, BINDING_LABEL, Buffer.alloc(0)).toString('hex');
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  setHandler(handler: ConnectionHandler): void {
    this.#handler = handler;
    if (this.#isClosed) {
      queueMicrotask(() => this.#reportClose());
      return;
    }
    this.#socket.on('data', (chunk) => {
      this.#isFresh = false;
      handler.onData(chunk);
    });
  }

  send(data: Uint8Array): void {
    if (this.#isClosedByUs || this.#isClosed) return;
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      setImmediate(this.#uncork);
    }
    this.#socket.write(data);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    if (this.#isClosedByUs || this.#isClosed) return;
    this.#isClosedByUs = true;
    this.#socket.end();
    // A peer that reads nothing must not hold the socket for ever; unread input must not keep 'end' back.
    this.#socket.resume();
    const timer = setTimeout(() => this.#socket.destroy(), END_TIMEOUT_MS);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  destroy(error?: Error): void {
    if (this.#isClosed) return;
    if (!this.#isClosedByUs) this.#error = error;
    this.#isClosedByUs = true;
    this.#socket.destroy();
  }

  #reportClose(): void {
    const handler = this.#handler;
    if (handler === undefined || !this.#isClosed) return;
    const error =
      this.#isClosedByUs || this.#explainClose === undefined
        ? this.#error
        : this.#explainClose(this.#error, this.#isFresh);
    handler.onClose(error);
  }
}
