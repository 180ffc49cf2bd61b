import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { type Address, CodedError, type Connection, type ConnectionHandler } from '../base/index.ts';

/** How long `end` waits for the other side's Close, ms. */
const END_TIMEOUT_MS = 5_000;
const NORMAL_CLOSURE = 1000;

/** A WebSocket connection whose handshake is over: whole messages in, each message out in one frame. */
export class WebSocketConnection implements Connection {
  readonly local: Address;
  readonly remote: Address;
  readonly peerCertificates: readonly Uint8Array[] = [];
  readonly #socket: WebSocket;
  #handler: ConnectionHandler | undefined;
  #error: Error | undefined;
  #isClosedByUs = false;
  /** Whether anything came since the last look. */
  #isHeard = true;
  /** Bytes since the last whole message, small ones of pings among them. */
  #partBytes = 0;

  constructor(socket: WebSocket, underlying: Socket) {
    this.#socket = socket;
    this.local = { host: underlying.localAddress ?? '', port: underlying.localPort ?? 0 };
    this.remote = { host: underlying.remoteAddress ?? '', port: underlying.remotePort ?? 0 };
    const heard = () => {
      this.#isHeard = true;
    };
    socket.on('pong', heard).on('ping', heard);
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.on('message', (data) => {
      this.#isHeard = true;
      this.#partBytes = 0;
      this.#handler?.onData(data as Buffer);
    });
    // Behind the listener of the WebSocket, which has taken the messages out by then.
    underlying.on('data', (chunk: Buffer) => {
      this.#partBytes += chunk.length;
      this.#handler?.onPart?.(this.#partBytes);
    });
    socket.on('close', () => this.#handler?.onClose(this.#error));
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  setHandler(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  send(data: Uint8Array): void {
    if (this.#isClosedByUs || this.#socket.readyState !== this.#socket.OPEN) return;
    // RFC 7118 §4.2: what is no UTF-8 goes as binary.
    this.#socket.send(data, { binary: !isUtf8(data) });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    if (this.#isClosedByUs) return;
    this.#isClosedByUs = true;
    this.#socket.close(NORMAL_CLOSURE);
    const timer = setTimeout(() => this.#socket.terminate(), END_TIMEOUT_MS);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  destroy(error?: Error): void {
    if (!this.#isClosedByUs) this.#error ??= error;
    this.#isClosedByUs = true;
    this.#socket.terminate();
  }

  /** Pings the other side, whose WebSocket answers by itself (RFC 6455 §5.5.2); closes when the last one had no answer. */
  checkAlive(): void {
    if (!this.#isHeard) {
      this.destroy(new CodedError('keepalive-timeout', 'no answer to a ping', { origin: 'remote' }));
      return;
    }
    this.#isHeard = false;
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }
}
