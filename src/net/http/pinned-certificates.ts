import { hash } from 'node:crypto';
import { connect } from 'node:tls';
import { CodedError, errorMessage, type HttpErrorCode, LruMap } from '../../base/index.ts';
import { presentedCertificates, secureContextOptions } from '../tls-context.ts';

const MAX_KNOWN = 64;

export interface TlsTarget {
  readonly host: string;
  readonly port: number;
  /** Empty for an IP address (RFC 6066 §3). */
  readonly servername: string;
}

/**
 * Certificates by the SHA-256 that an operator was given. Which bytes have that hash the server shows itself; OpenSSL then
 * verifies connections with the certificate as the only CA, so one found here is trusted for nothing else.
 */
export class PinnedCertificates {
  readonly #known = new LruMap<string, Uint8Array>(MAX_KNOWN);

  /** @throws CodedError<HttpErrorCode>, or the signal's reason */
  async find(pin: string, target: TlsTarget, signal: AbortSignal): Promise<Uint8Array> {
    const known = this.#known.get(pin);
    if (known !== undefined) return known;
    const chain = await chainOf(target, signal);
    const found = chain.find((certificate) => hash('sha256', certificate, 'hex') === pin);
    if (found === undefined) {
      throw new CodedError<HttpErrorCode>(
        'http-certificate',
        `no certificate of the server has the SHA-256 ${pin} of the URL`,
        { origin: 'remote' },
      );
    }
    this.#known.set(pin, found);
    return found;
  }
}

function chainOf(target: TlsTarget, signal: AbortSignal): Promise<Uint8Array[]> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    // Nothing is sent over this connection, so nothing has to be verified.
    const socket = connect({ ...target, ...secureContextOptions(undefined), rejectUnauthorized: false });
    const settle = () => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
    };
    const onAbort = () => {
      settle();
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('secureConnect', () => {
      const chain = presentedCertificates(socket);
      settle();
      resolve(chain);
    });
    socket.once('error', (cause) => {
      settle();
      reject(new CodedError<HttpErrorCode>('http-unreachable', errorMessage(cause), { cause }));
    });
    socket.once('close', () => {
      settle();
      reject(new CodedError<HttpErrorCode>('http-unreachable', 'the server closed the connection'));
    });
  });
}
