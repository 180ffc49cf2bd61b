import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request as startRequest } from 'node:https';
import { isIP } from 'node:net';
import {
  CodedError,
  errorMessage,
  type HttpClient,
  type HttpClientRequest,
  type HttpClientTls,
  type HttpErrorCode,
  type HttpResponse,
  type TlsIdentity,
} from '../../base/index.ts';
import { systemCode } from '../system-errors.ts';
import { pemOf } from '../tls-context.ts';
import { PinnedCertificates, type TlsTarget } from './pinned-certificates.ts';

const MAX_HEADER_BYTES = 16 * 1024;
/** Connections to one server at once; further requests wait, within their time. */
const MAX_SOCKETS = 16;
/** Shorter than our own server's, so that a kept connection is not closed under a request. */
const KEEP_ALIVE_MS = 20_000;

/** HTTPS over Node; keeps connections for the next request to the same server. */
export class HttpsClient implements HttpClient {
  readonly #agent = new Agent({
    keepAlive: true,
    timeout: KEEP_ALIVE_MS,
    maxSockets: MAX_SOCKETS,
    // A resumed session would not look at the server's certificate again.
    maxCachedSessions: 0,
  });
  readonly #pinned = new PinnedCertificates();
  readonly #pem = new WeakMap<TlsIdentity, { cert: string; key: string }>();

  async request(request: HttpClientRequest): Promise<HttpResponse> {
    const url = httpsUrl(request.url);
    const target = targetOf(url, request);
    const deadline = AbortSignal.timeout(request.timeoutMs);
    const signal = request.signal === undefined ? deadline : AbortSignal.any([deadline, request.signal]);
    try {
      const tls = await this.#tlsOptions(request.tls ?? {}, target, signal);
      return await this.#send(request, url, { ...target, ...tls }, signal);
    } catch (error) {
      if (request.signal?.aborted) throw request.signal.reason;
      const where = url.host;
      if (deadline.aborted) {
        throw new CodedError<HttpErrorCode>(
          'http-timeout',
          `no answer from ${where} within ${request.timeoutMs} ms`,
        );
      }
      throw explained(error, where);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #tlsOptions(
    { identity, pin, ca }: HttpClientTls,
    target: TlsTarget,
    signal: AbortSignal,
  ): Promise<RequestOptions> {
    const trusted = pin === undefined ? ca : [await this.#pinned.find(pin, target, signal)];
    return {
      minVersion: 'TLSv1.2',
      ...(trusted && { ca: trusted.map(pemOf) }),
      ...(identity && this.#pemOf(identity)),
    };
  }

  #pemOf(identity: TlsIdentity): { cert: string; key: string } {
    let pem = this.#pem.get(identity);
    if (pem === undefined) {
      pem = {
        cert: identity.certificates.map(pemOf).join(''),
        key: identity.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      };
      this.#pem.set(identity, pem);
    }
    return pem;
  }

  /** A server may close a kept connection just when we use it again: that is no answer yet, so ask once more. */
  async #send(
    request: HttpClientRequest,
    url: URL,
    options: RequestOptions,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    for (;;) {
      const attempt = { isReused: false };
      try {
        return await this.#exchange(request, url, options, signal, attempt);
      } catch (error) {
        if (!attempt.isReused || systemCode(error) !== 'ECONNRESET' || signal.aborted) throw error;
      }
    }
  }

  #exchange(
    { method, headers, body, maxBytes }: HttpClientRequest,
    url: URL,
    options: RequestOptions,
    signal: AbortSignal,
    attempt: { isReused: boolean },
  ): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      const outgoing = startRequest({
        ...options,
        agent: this.#agent,
        method,
        path: `${url.pathname}${url.search}`,
        headers: {
          host: url.host,
          ...headers,
          ...(body !== undefined && { 'content-length': body.length }),
        },
        maxHeaderSize: MAX_HEADER_BYTES,
        signal,
      });
      outgoing.once('error', (error) => {
        attempt.isReused = outgoing.reusedSocket;
        reject(error);
      });
      outgoing.once('response', (incoming) => {
        readAnswer(incoming, maxBytes).then(resolve, (error) => {
          outgoing.destroy();
          reject(error);
        });
      });
      outgoing.end(body);
    });
  }
}

async function readAnswer(incoming: IncomingMessage, maxBytes: number): Promise<HttpResponse> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) {
      throw new CodedError<HttpErrorCode>('http-too-large', `the answer is longer than ${maxBytes} bytes`, {
        origin: 'remote',
      });
    }
    chunks.push(chunk);
  }
  const headers = Object.entries(incoming.headers).map(
    ([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')] as const,
  );
  return { status: incoming.statusCode ?? 0, headers: new Map(headers), body: Buffer.concat(chunks) };
}

function httpsUrl(text: string): URL {
  if (URL.canParse(text) && new URL(text).protocol === 'https:') return new URL(text);
  throw new CodedError<HttpErrorCode>('http-bad-url', `${JSON.stringify(text)} is not an https URL`);
}

function targetOf(url: URL, { connectTo }: HttpClientRequest): TlsTarget {
  const name = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? 443 : Number(url.port);
  // An empty name: Node compares the certificate with the address instead.
  if (isIP(name) !== 0) return { host: name, port, servername: '' };
  return { host: connectTo?.host ?? name, port: connectTo?.port ?? port, servername: name };
}

/** OpenSSL's and Node's codes for a chain or a name that does not hold. */
const CERTIFICATE_PROBLEMS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet: check the clocks',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is signed by nobody we trust',
  SELF_SIGNED_CERT_IN_CHAIN: 'is signed by nobody we trust',
  UNABLE_TO_GET_ISSUER_CERT: 'is signed by nobody we trust',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is signed by nobody we trust',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is signed by nobody we trust',
  CERT_SIGNATURE_FAILURE: 'has a wrong signature',
  INVALID_CA: 'is signed by a certificate that is no authority',
  INVALID_PURPOSE: 'is not a server certificate',
};

function explained(error: unknown, where: string): CodedError<HttpErrorCode> {
  if (error instanceof CodedError) {
    return new CodedError(error.code as HttpErrorCode, `${where}: ${error.message}`, { cause: error });
  }
  const code = systemCode(error) ?? '';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new CodedError('http-certificate', `the certificate of ${where} is for another name`, {
      origin: 'remote',
      cause: error,
    });
  }
  const problem = CERTIFICATE_PROBLEMS[code];
  if (problem !== undefined) {
    return new CodedError('http-certificate', `the certificate of ${where} ${problem}`, {
      origin: 'remote',
      cause: error,
    });
  }
  const detail = errorMessage(error).replace(/\s+/g, ' ');
  return new CodedError('http-unreachable', `no answer from ${where}: ${detail}`, { cause: error });
}
