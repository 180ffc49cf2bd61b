import { createServer, type Server, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type TlsOptions as ServerTlsOptions,
  type TLSSocket,
} from 'node:tls';
import {
  type Address,
  type Connection,
  formatAddress,
  type Listener,
  originOf,
  type TlsOptions,
  TokenBuckets,
} from '../base/index.ts';
import { presharedKeyContext, secretRefusal } from './preshared-key.ts';
import { StreamConnection } from './stream-connection.ts';
import { systemClock } from './system-clock.ts';
import { bindError } from './system-errors.ts';
import { byServerName, presentedCertificates, secureContextOptions } from './tls-context.ts';

/** TLS handshakes in progress on one listener; further connections are closed at once. */
const MAX_PENDING_HANDSHAKES = 256;
/** Of these, from one address. */
const MAX_PENDING_PER_ORIGIN = 64;
/** Handshakes that one address may begin; each costs a signature and a key exchange, whoever asks for it. */
const HANDSHAKES_PER_ORIGIN = { perSecond: 50, burst: 500 };
const HANDSHAKE_TIMEOUT_MS = 10_000;
const BACKLOG = 1_024;

/** Takes a socket over whose handshake is over. */
type OnSocket = (socket: Socket, peerCertificates: readonly Uint8Array[]) => void;

/** A TCP listener; with TLS it reports a connection only when the handshake is over and `verifyPeer` is content. */
export class StreamListener implements Listener {
  readonly local: Address;
  readonly #server: Server;
  readonly #acceptor: Acceptor;

  private constructor(server: Server, acceptor: Acceptor) {
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new TypeError('the listener has no IP address');
    this.local = { host: bound.address, port: bound.port };
    this.#server = server;
    this.#acceptor = acceptor;
  }

  /** @throws CodedError<BindErrorCode> */
  static listen(
    local: Address,
    onConnection: (connection: Connection) => void,
    tls?: TlsOptions,
  ): Promise<StreamListener> {
    const onSocket: OnSocket = (socket, peerCertificates) =>
      onConnection(new StreamConnection(socket, { peerCertificates }));
    return StreamListener.listenForSockets(local, onSocket, tls);
  }

  /** The same for an owner that speaks another protocol first. @throws CodedError<BindErrorCode> */
  static listenForSockets(local: Address, onSocket: OnSocket, tls?: TlsOptions): Promise<StreamListener> {
    const acceptor = tls === undefined ? new PlainAcceptor(onSocket) : new TlsAcceptor(onSocket, tls);
    const server = createServer({ noDelay: true }, (socket) => acceptor.accept(socket));
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) =>
        reject(bindError(error, tls === undefined ? 'TCP' : 'TLS', formatAddress(local)));
      server.once('error', fail);
      server.listen(
        { host: local.host, port: local.port, ipv6Only: true, backlog: BACKLOG, exclusive: true },
        () => {
          server.removeListener('error', fail);
          // Accepting can fail for lack of file descriptors; the listener goes on.
          server.on('error', () => {});
          resolve(new StreamListener(server, acceptor));
        },
      );
    });
  }

  /** Stops listening and ends handshakes in progress; connections that were reported stay with their owners. */
  async close(): Promise<void> {
    this.#server.close();
    this.#acceptor.stop();
  }
}

interface Acceptor {
  accept(socket: Socket): void;
  stop(): void;
}

class PlainAcceptor implements Acceptor {
  readonly #onSocket: OnSocket;

  constructor(onSocket: OnSocket) {
    this.#onSocket = onSocket;
  }

  accept(socket: Socket): void {
    this.#onSocket(socket, []);
  }

  stop(): void {}
}

/** Runs the server's side of handshakes, a bounded number at a time. */
class TlsAcceptor implements Acceptor {
  readonly #onSocket: OnSocket;
  readonly #tls: TlsOptions;
  readonly #handshakes;
  #identity: TlsOptions['identity'];
  /** Sockets in their handshake, by remote address: nobody else would close them. */
  readonly #pending = new Map<string, Socket>();
  readonly #pendingOf = new Map<string, number>();
  readonly #begun = new TokenBuckets(HANDSHAKES_PER_ORIGIN);
  #isStopped = false;

  constructor(onSocket: OnSocket, tls: TlsOptions) {
    this.#onSocket = onSocket;
    this.#tls = tls;
    this.#identity = tls.identity;
    this.#handshakes = createTlsServer({
      ...contextOf(tls),
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    });
    this.#handshakes.on('secureConnection', (socket) => this.#secured(socket));
    this.#handshakes.on('tlsClientError', (error, socket) => {
      const from = socket.remoteAddress ?? '';
      const refusal = tls.presharedKey && secretRefusal(error, from);
      if (refusal !== undefined) tls.onRefused?.(refusal, from);
      socket.destroy();
    });
  }

  accept(socket: Socket): void {
    const origin = originOf(socket.remoteAddress ?? '');
    if (this.#isStopped || !this.#mayBegin(origin)) {
      socket.destroy();
      return;
    }
    const key = remoteKey(socket);
    this.#pending.set(key, socket);
    this.#pendingOf.set(origin, (this.#pendingOf.get(origin) ?? 0) + 1);
    socket.once('close', () => {
      if (this.#pending.get(key) === socket) this.#over(key, origin);
    });
    this.#followIdentity();
    this.#handshakes.emit('connection', socket);
  }

  /** Handshakes in progress, and connections, keep the certificate they began with. */
  #followIdentity(): void {
    const { identity, presharedKey } = this.#tls;
    if (identity === this.#identity || presharedKey !== undefined) return;
    this.#identity = identity;
    this.#handshakes.setSecureContext(secureContextOptions(identity));
  }

  #mayBegin(origin: string): boolean {
    return (
      this.#pending.size < MAX_PENDING_HANDSHAKES &&
      (this.#pendingOf.get(origin) ?? 0) < MAX_PENDING_PER_ORIGIN &&
      this.#begun.take(origin, 1, systemClock.monotonic())
    );
  }

  #over(key: string, origin: string): void {
    if (!this.#pending.delete(key)) return;
    const left = (this.#pendingOf.get(origin) ?? 1) - 1;
    if (left === 0) this.#pendingOf.delete(origin);
    else this.#pendingOf.set(origin, left);
  }

  stop(): void {
    this.#isStopped = true;
    for (const socket of this.#pending.values()) socket.destroy();
  }

  #secured(socket: TLSSocket): void {
    this.#over(remoteKey(socket), originOf(socket.remoteAddress ?? ''));
    // A second handshake could change the certificate that is checked now.
    socket.disableRenegotiation();
    const peerCertificates = presentedCertificates(socket);
    try {
      if (this.#tls.presharedKey === undefined) this.#tls.verifyPeer?.(peerCertificates);
    } catch (error) {
      // The peer is told nothing but the close.
      const from = socket.remoteAddress ?? '';
      socket.on('error', () => {});
      socket.destroy();
      this.#tls.onRefused?.(error as Error, from);
      return;
    }
    this.#onSocket(socket, peerCertificates);
  }
}

function contextOf({ identity, identityFor, verifyPeer, presharedKey }: TlsOptions): ServerTlsOptions {
  if (presharedKey === undefined) {
    return {
      ...secureContextOptions(identity),
      requestCert: verifyPeer !== undefined,
      ...(identityFor && { SNICallback: byServerName(identityFor) }),
    };
  }
  return { ...presharedKeyContext, pskCallback: () => presharedKey().key };
}

function remoteKey(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
