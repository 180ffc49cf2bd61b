import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import {
  type Address,
  CodedError,
  type Connection,
  errorMessage,
  formatAddress,
  type TlsOptions,
} from '../base/index.ts';
import { presharedKeyClient, secretRefusal } from './preshared-key.ts';
import { namedServer } from './server-name.ts';
import { StreamConnection } from './stream-connection.ts';
import { systemCode } from './system-errors.ts';
import { presentedCertificates, secureContextOf } from './tls-context.ts';

/** TCP and TLS handshake together, ms. */
const CONNECT_TIMEOUT_MS = 10_000;
/** A server that closes within this time without a byte did not want our certificate, ms. */
const REFUSAL_WINDOW_MS = 5_000;

export interface ConnectOptions {
  readonly tls?: TlsOptions;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

type ConnectErrorCode = 'connect-failed' | 'connect-timeout' | 'peer-refused' | 'secret-refused';

/**
 * Opens a TCP or TLS connection.
 * With TLS 1.3 the client's handshake ends before the server has looked at the client's certificate: a refusal by
 * the server shows later, as a close with the code `peer-refused`.
 * @throws CodedError<ConnectErrorCode>, or the signal's reason
 */
export function openStream(remote: Address, options: ConnectOptions): Promise<Connection> {
  const { tls, signal, timeoutMs = CONNECT_TIMEOUT_MS } = options;
  const where = formatAddress(remote);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const socket = tls === undefined ? connectTcp(remote) : connectSecurely(remote, tls);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
      socket.removeListener('close', onClose);
    };
    const fail = (reason: unknown) => {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      reject(reason);
    };
    const onAbort = () => fail(signal?.reason);
    const onError = (cause: Error) => {
      if (isUntrusted(socket)) return fail(refused(cause, where));
      fail((tls?.presharedKey && secretRefusal(cause, where)) ?? connectError(cause, where));
    };
    const onClose = () => fail(new CodedError('connect-failed', `${where} closed the connection`));
    const timer = setTimeout(() => {
      fail(new CodedError('connect-timeout', `no answer from ${where} within ${timeoutMs} ms`));
    }, timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once('close', onClose);
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      try {
        const connection = tls === undefined ? plain(socket) : secured(socket as TLSSocket, tls, where);
        settle();
        resolve(connection);
      } catch (error) {
        fail(error);
      }
    });
  });
}

function connectTcp({ host, port }: Address): Socket {
  return connectPlain({ host, port, noDelay: true });
}

function connectSecurely({ host, port }: Address, tls: TlsOptions): TLSSocket {
  const socket = connectTls({
    host,
    port,
    ...(tls.presharedKey === undefined
      ? { secureContext: secureContextOf(tls.identity) }
      : presharedKeyClient(tls.presharedKey)),
    // Names in certificates are `verifyPeer`'s business, unless one is wanted here.
    ...(tls.server === undefined
      ? { rejectUnauthorized: false, checkServerIdentity: () => undefined }
      : namedServer(tls.server, tls.identity)),
  });
  return socket.setNoDelay(true);
}

function plain(socket: Socket): Connection {
  return new StreamConnection(socket, { peerCertificates: [] });
}

function secured(socket: TLSSocket, tls: TlsOptions, where: string): Connection {
  if (tls.presharedKey !== undefined) return plain(socket);
  const peerCertificates = presentedCertificates(socket);
  try {
    tls.verifyPeer?.(peerCertificates);
  } catch (cause) {
    throw refused(cause, where);
  }
  const handshakeEnd = performance.now();
  return new StreamConnection(socket, {
    peerCertificates,
    explainClose: (error, isFresh) => {
      const mayBeRefusal =
        tls.identity !== undefined && isFresh && performance.now() - handshakeEnd < REFUSAL_WINDOW_MS;
      if (!mayBeRefusal && !isAlert(error)) return error;
      return new CodedError<ConnectErrorCode>(
        'peer-refused',
        `${where} closed the connection before its first byte: it refuses our certificate`,
        { origin: 'remote', cause: error },
      );
    },
  });
}

/** Whether OpenSSL or the check of the name did not accept the server's certificate. */
function isUntrusted(socket: Socket): boolean {
  return 'authorizationError' in socket && Boolean(socket.authorizationError);
}

function refused(cause: unknown, where: string): CodedError<ConnectErrorCode> {
  const message = `the certificate of ${where} was refused: ${errorMessage(cause)}`;
  return new CodedError('peer-refused', message, { cause });
}

/** OpenSSL names the peer's alert in the error's code, such as ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED. */
function isAlert(error: unknown): boolean {
  return systemCode(error)?.includes('ALERT') ?? false;
}

function connectError(cause: Error, where: string): CodedError<ConnectErrorCode> {
  if (!isAlert(cause)) {
    return new CodedError('connect-failed', `cannot connect to ${where}: ${cause.message}`, { cause });
  }
  const message = `${where} refused ${refusedThing(systemCode(cause) ?? '')}: ${cause.message}`;
  return new CodedError('peer-refused', message, { origin: 'remote', cause });
}

/** What the alert in OpenSSL's error code is about. */
function refusedThing(code: string): string {
  // No cipher in common: all of our kind have those for certificates.
  if (code.includes('HANDSHAKE_FAILURE')) return 'our handshake, it may want a shared secret';
  return code.includes('PROTOCOL_VERSION') ? 'TLS 1.2 and 1.3' : 'our certificate';
}
