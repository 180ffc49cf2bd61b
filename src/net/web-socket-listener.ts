import { createServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import {
  type Address,
  type Connection,
  type Listener,
  originOf,
  type TlsOptions,
  type WebSockets,
} from '../base/index.ts';
import { StreamListener } from './stream-listener.ts';
import { WebSocketConnection } from './web-socket-connection.ts';

/** Connections of one listener that have not asked for a WebSocket yet; further ones are closed at once. */
const MAX_PENDING_UPGRADES = 256;
/** Of these, from one address. */
const MAX_PENDING_PER_ORIGIN = 64;
const UPGRADE_TIMEOUT_MS = 10_000;
const MAX_HEADER_BYTES = 16 * 1024;
/** Of one SIP message; whoever sends more is cut off (close code 1009). Far less than over TCP: many may hold a part each. */
const MAX_MESSAGE_BYTES = 131_072;
/** A client that is not heard of for so long is pinged, and after as long again closed: its bindings end with it. */
const PING_EVERY_MS = 60_000;

/** WebSocket servers over the machine's network, with the `ws` package. */
export class SystemWebSockets implements WebSockets {
  readonly #pingEveryMs: number;

  constructor({ pingEveryMs = PING_EVERY_MS } = {}) {
    this.#pingEveryMs = pingEveryMs;
  }

  async listen(
    local: Address,
    onConnection: (connection: Connection) => void,
    { protocol, tls }: { readonly protocol: string; readonly tls?: TlsOptions },
  ): Promise<Listener> {
    const upgrades = new Upgrades(onConnection, { protocol, pingEveryMs: this.#pingEveryMs });
    const listener = await StreamListener.listenForSockets(local, (socket) => upgrades.accept(socket), tls);
    return {
      local: listener.local,
      close: () => {
        upgrades.stop();
        return listener.close();
      },
    };
  }
}

/** Leads sockets through the opening handshake (RFC 6455 §4.2), a bounded number at a time. */
class Upgrades {
  readonly #onConnection: (connection: Connection) => void;
  readonly #protocol: string;
  readonly #pingEveryMs: number;
  /** It listens nowhere: sockets are given to it. */
  readonly #http = createServer({ maxHeaderSize: MAX_HEADER_BYTES });
  readonly #webSockets: WebSocketServer;
  /** Their time limits. */
  readonly #pending = new Map<Socket, NodeJS.Timeout>();
  readonly #pendingOf = new Map<string, number>();
  readonly #connections = new Set<WebSocketConnection>();
  #pings: NodeJS.Timeout | undefined;

  constructor(
    onConnection: (connection: Connection) => void,
    { protocol, pingEveryMs }: { readonly protocol: string; readonly pingEveryMs: number },
  ) {
    this.#onConnection = onConnection;
    this.#protocol = protocol;
    this.#pingEveryMs = pingEveryMs;
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      handleProtocols: () => protocol,
    });
    this.#http.on('request', (_request, response) => {
      const headers = { connection: 'close', upgrade: 'websocket', 'content-type': 'text/plain' };
      response.writeHead(426, headers).end(`This is a WebSocket of the subprotocol ${protocol}.\n`);
    });
    this.#http.on('clientError', (_error, socket) => socket.destroy());
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as Socket, head));
  }

  accept(socket: Socket): void {
    const origin = originOf(socket.remoteAddress ?? '');
    const others = this.#pendingOf.get(origin) ?? 0;
    socket.on('error', () => {});
    if (this.#pending.size >= MAX_PENDING_UPGRADES || others >= MAX_PENDING_PER_ORIGIN) {
      socket.destroy();
      return;
    }
    this.#pending.set(
      socket,
      setTimeout(() => socket.destroy(), UPGRADE_TIMEOUT_MS),
    );
    this.#pendingOf.set(origin, others + 1);
    socket.once('close', () => this.#over(socket, origin));
    this.#http.emit('connection', socket);
  }

  /** Handshakes under way are cut off; connections that were reported stay with their owner. */
  stop(): void {
    for (const socket of this.#pending.keys()) socket.destroy();
    clearInterval(this.#pings);
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.#over(socket, originOf(socket.remoteAddress ?? ''));
    const offered = request.headers['sec-websocket-protocol']?.split(',') ?? [];
    // RFC 7118 §4: without the subprotocol the client would speak something else.
    if (!offered.some((name) => name.trim() === this.#protocol)) {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      socket.destroySoon();
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new WebSocketConnection(webSocket, socket);
      this.#connections.add(connection);
      webSocket.on('close', () => this.#connections.delete(connection));
      this.#pings ??= setInterval(() => {
        for (const one of this.#connections) one.checkAlive();
      }, this.#pingEveryMs).unref();
      this.#onConnection(connection);
    });
  }

  #over(socket: Socket, origin: string): void {
    const limit = this.#pending.get(socket);
    if (limit === undefined) return;
    clearTimeout(limit);
    this.#pending.delete(socket);
    const left = (this.#pendingOf.get(origin) ?? 1) - 1;
    if (left === 0) this.#pendingOf.delete(origin);
    else this.#pendingOf.set(origin, left);
  }
}
