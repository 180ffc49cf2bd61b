import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import {
  formatAddress,
  type HttpHandler,
  type HttpRequest,
  type HttpResponse,
  type HttpServer,
  type HttpServerOptions,
  type Logger,
  originOf,
  type TlsIdentity,
  TokenBuckets,
  utf8,
} from '../../base/index.ts';
import { bindError } from '../system-errors.ts';
import { secureContextOptions } from '../tls-context.ts';

const MAX_HEADER_BYTES = 16 * 1024;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Handshakes that one address may begin; each costs a signature and a key exchange, whoever asks for it. */
const HANDSHAKES_PER_ORIGIN = { perSecond: 50, burst: 500 };
/** A client that takes no byte of its answer for so long is cut off. */
const IDLE_TIMEOUT_MS = 60_000;
/** Bodies that are being received or worked on, together; a request beyond it is answered with 503. */
const MAX_BODIES_BYTES = 64 << 20;
const KEEP_ALIVE_MS = 30_000;
/** How often Node looks for requests that take too long to arrive. */
const CHECK_INTERVAL_MS = 1_000;

/** An HTTPS server with bounds on all that clients can make it hold. A client certificate is asked for, not demanded. */
export class HttpsServer implements HttpServer {
  readonly local;
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;

  private constructor(server: Server, sockets: ReadonlySet<Socket>) {
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new TypeError('the listener has no IP address');
    this.local = { host: bound.address, port: bound.port };
    this.#server = server;
    this.#sockets = sockets;
  }

  /** @throws CodedError<BindErrorCode> */
  static listen(
    deps: { readonly handler: HttpHandler; readonly logger: Logger },
    options: HttpServerOptions,
  ): Promise<HttpsServer> {
    const { listen, requestTimeoutMs } = options;
    const exchanges = new Exchanges(deps, options);
    const server = createServer(
      {
        ...secureContextOptions(options.identity),
        requestCert: true,
        // Whose certificates are welcome depends on the path; the handler knows.
        rejectUnauthorized: false,
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: requestTimeoutMs,
        requestTimeout: requestTimeoutMs,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
      },
      (request, response) => void exchanges.serve(request, response),
    );
    server.setTimeout(IDLE_TIMEOUT_MS);
    server.maxConnections = options.maxConnections;
    const sockets = boundPerOrigin(server, options.maxConnectionsPerOrigin);
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => reject(bindError(error, 'HTTPS', formatAddress(listen)));
      server.once('error', fail);
      // On [::] it answers IPv4 as well: a server has one URL.
      server.listen({ host: listen.host, port: listen.port, exclusive: true }, () => {
        server.removeListener('error', fail);
        server.on('error', (error) => deps.logger.warn('HTTPS listener', { error }));
        resolve(new HttpsServer(server, sockets));
      });
    });
  }

  setIdentity(identity: TlsIdentity): void {
    this.#server.setSecureContext(secureContextOptions(identity));
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      // Node knows of those that have spoken HTTP; others may still be in their handshake.
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}

/** @returns the sockets that are open */
function boundPerOrigin(server: Server, max: number): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  const open = new Map<string, number>();
  const begun = new TokenBuckets(HANDSHAKES_PER_ORIGIN);
  server.prependListener('connection', (socket: Socket) => {
    const origin = originOf(socket.remoteAddress ?? '');
    const count = open.get(origin) ?? 0;
    if (count >= max || !begun.take(origin, 1, performance.now())) {
      socket.destroy();
      return;
    }
    open.set(origin, count + 1);
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      const left = (open.get(origin) ?? 1) - 1;
      if (left === 0) open.delete(origin);
      else open.set(origin, left);
    });
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return sockets;
}

/** Requests on their way through the handler. */
class Exchanges {
  readonly #handler: HttpHandler;
  readonly #logger: Logger;
  readonly #options: HttpServerOptions;
  #running = 0;
  #bodiesBytes = 0;

  constructor(
    { handler, logger }: { readonly handler: HttpHandler; readonly logger: Logger },
    options: HttpServerOptions,
  ) {
    this.#handler = handler;
    this.#logger = logger;
    this.#options = options;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that breaks off is seen by the missing body, or not at all: its answer goes nowhere.
    response.on('error', () => {});
    const held = { bytes: 0 };
    try {
      const body = await this.#readBody(request, held);
      if (body === 'too-large') refuse(response, 413, 'the request is too large');
      else if (body === 'busy') refuse(response, 503, 'too many requests at once');
      else if (body !== 'broken') await this.#run(request, response, body);
    } finally {
      this.#bodiesBytes -= held.bytes;
    }
  }

  async #run(request: IncomingMessage, response: ServerResponse, body: Uint8Array): Promise<void> {
    if (this.#running >= this.#options.maxRunning) return refuse(response, 503, 'too many requests at once');
    try {
      send(response, await this.#answer(requestOf(request, body)));
    } catch (error) {
      this.#logger.error('HTTPS request failed', { path: request.url, error });
      refuse(response, 500, 'internal error');
    }
  }

  /** One that was answered for being late counts for as long as it really runs. */
  async #handle(request: HttpRequest): Promise<HttpResponse> {
    this.#running += 1;
    try {
      return await this.#handler(request);
    } finally {
      this.#running -= 1;
    }
  }

  /** @param held what of `#bodiesBytes` is this request's */
  async #readBody(
    request: IncomingMessage,
    held: { bytes: number },
  ): Promise<Uint8Array | 'too-large' | 'busy' | 'broken'> {
    const { maxBodyBytes } = this.#options;
    if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) return 'too-large';
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        length += chunk.length;
        // Leaving the loop would destroy the socket before the answer is out.
        if (length > 2 * maxBodyBytes) return 'broken';
        if (length > maxBodyBytes || this.#bodiesBytes + chunk.length > MAX_BODIES_BYTES) continue;
        this.#bodiesBytes += chunk.length;
        held.bytes += chunk.length;
        chunks.push(chunk);
      }
    } catch {
      return 'broken';
    }
    if (length > maxBodyBytes) return 'too-large';
    return length > held.bytes ? 'busy' : Buffer.concat(chunks);
  }

  async #answer(request: HttpRequest): Promise<HttpResponse> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<HttpResponse>((resolve) => {
      const answer = plain(503, 'no answer in time', [['retry-after', '5']]);
      timer = setTimeout(() => resolve(answer), this.#options.requestTimeoutMs);
    });
    try {
      return await Promise.race([this.#handle(request), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function requestOf(request: IncomingMessage, body: Uint8Array): HttpRequest {
  const { socket, url = '/', method = 'GET' } = request;
  const cut = url.indexOf('?');
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  const headers = Object.entries(request.headers).map(
    ([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')] as const,
  );
  return {
    method,
    path: cut === -1 ? url : url.slice(0, cut),
    query: new URLSearchParams(cut === -1 ? '' : url.slice(cut + 1)),
    headers: new Map(headers),
    body,
    remote: { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    ...(certificate && { clientCertificate: new Uint8Array(certificate.raw) }),
  };
}

function plain(
  status: number,
  text: string,
  headers: readonly (readonly [string, string])[] = [],
): HttpResponse {
  return { status, headers: new Map([['content-type', 'text/plain'], ...headers]), body: utf8(`${text}\n`) };
}

/** The rest of the request is not read: the connection goes with the answer. */
function refuse(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) return;
  const headers: [string, string][] = [['connection', 'close']];
  if (status === 503) headers.push(['retry-after', '1']);
  send(response, plain(status, text, headers));
}

function send(response: ServerResponse, { status, headers, body }: HttpResponse): void {
  if (response.destroyed) return;
  // RFC 9110 §8.6: 304 has no body, and no length of one.
  const length = status === 304 ? {} : { 'content-length': body.length };
  response.writeHead(status, { ...Object.fromEntries(headers), ...length }).end(body);
}
