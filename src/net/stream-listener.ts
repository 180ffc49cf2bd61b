import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { type Address, type Connection, formatAddress, type Listener, type TlsOptions } from '../base/index.ts';
import { StreamConnection } from './stream-connection.ts';
import { bindError } from './system-errors.ts';
import { presentedCertificates, secureContextOf } from './tls-context.ts';

/** TLS handshakes in progress on one listener; more are closed at once. */
const MAX_PENDING_HANDSHAKES = 256;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const BACKLOG = 1_024;

/** A TCP listener; with TLS it reports a connection only when the handshake is over and `verifyPeer` is content. */
export class StreamListener implements Listener {
  readonly local: Address;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>) {
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new TypeError('the listener has no IP address');
    this.local = { host: bound.address, port: bound.port };
    this.#server = server;
    this.#sockets = sockets;
  }

  /** @throws CodedError<BindErrorCode> */
  static listen(
    local: Address,
    onConnection: (connection: Connection) => void,
    tls?: TlsOptions,
  ): Promise<StreamListener> {
    /** Sockets still in their handshake: they have no other owner who would close them. */
    const pending = new Set<Socket>();
    const accept = tls === undefined ? acceptPlain(onConnection) : acceptTls(onConnection, tls, pending);
    const server = createServer({ noDelay: true }, accept);
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
          resolve(new StreamListener(server, pending));
        },
      );
    });
  }

  /** Stops listening; connections that were reported stay with their owners. */
  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    return Promise.resolve();
  }
}

function acceptPlain(onConnection: (connection: Connection) => void): (socket: Socket) => void {
  return (socket) => onConnection(new StreamConnection(socket, { peerCertificates: [] }));
}

function acceptTls(
  onConnection: (connection: Connection) => void,
  tls: TlsOptions,
  pending: Set<Socket>,
): (socket: Socket) => void {
  const server = createTlsServer({
    ...(tls.identity && { secureContext: secureContextOf(tls.identity) }),
    requestCert: tls.verifyPeer !== undefined,
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  });
  server.on('secureConnection', (socket) => {
    // A second handshake could change the certificate that was checked.
    socket.disableRenegotiation();
    const peerCertificates = presentedCertificates(socket);
    try {
      tls.verifyPeer?.(peerCertificates);
    } catch {
      // The verifier knows the reason and reports it; the peer is told nothing but the close.
      refuse(socket);
      return;
    }
    onConnection(new StreamConnection(socket, { peerCertificates }));
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return (socket) => {
    if (pending.size >= MAX_PENDING_HANDSHAKES) {
      socket.destroy();
      return;
    }
    pending.add(socket);
    server.emit('connection', socket);
  };
}

function refuse(socket: TLSSocket): void {
  socket.on('error', () => {});
  socket.destroy();
}
