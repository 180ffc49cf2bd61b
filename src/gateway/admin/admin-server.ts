import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import {
  type Address,
  CodedError,
  type EventSource,
  formatAddress,
  type Logger,
  type TlsOptions,
} from '../../base/index.ts';
import { bindError } from '../../net/system-errors.ts';
import { byServerName, secureContextOptions } from '../../net/tls-context.ts';
import { type Access, hasToken, isRebound, refuseRequest } from './http-guard.ts';
import { type Answer, errorAnswer, type Route, refusal } from './routes.ts';
import { sendAnswer } from './send-answer.ts';
import type { WebConsole } from './web-console.ts';

const MAX_HEADER_BYTES = 8 * 1024;
const MAX_CONNECTIONS = 64;
const MAX_RUNNING = 32;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5_000;
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** RELOAD gives up after 5 sends 3 s apart (RFC 6940 §6.2.1); nobody is left waiting for longer. */
const ANSWER_TIMEOUT_MS = 20_000;

const BOUNDS = {
  maxHeaderSize: MAX_HEADER_BYTES,
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  connectionsCheckingInterval: 2_000,
} as const;

export interface AdminServerDeps {
  /** By the first segment of the path. */
  readonly routes: ReadonlyMap<string, Route>;
  /** The pages for browsers, where there are some. */
  readonly console?: WebConsole;
  /** Makes the body of /metrics. */
  readonly metrics: { render(): Promise<{ contentType: string; body: string }> };
  readonly logger: Logger;
}

export interface AdminServerOptions {
  readonly listen: Address;
  /** Callers must show it but for the probes and the pages; undefined = nobody is asked (loopback). */
  readonly token: string | undefined;
  /** By https with these certificates; without them by http. */
  readonly tls?: AdminTls | undefined;
}

export interface AdminTls {
  readonly options: TlsOptions;
  /** The identity of `options` is another one: it counts from the next handshake on. */
  readonly changed: EventSource<void>;
}

/** The admin interface: HTTP, JSON but for /metrics. */
export class AdminServer {
  readonly #deps: AdminServerDeps;
  readonly #options: AdminServerOptions;
  readonly #server: Server;
  #running = 0;

  constructor(deps: AdminServerDeps, options: AdminServerOptions) {
    this.#deps = deps;
    this.#options = options;
    const serve = (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response);
    this.#server = options.tls === undefined ? createServer(BOUNDS, serve) : secureServer(options.tls, serve);
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /**
   * @returns the URL it answers at, with the port really bound
   * @throws CodedError 'address-in-use' | 'address-unavailable'
   */
  start(): Promise<string> {
    const { listen } = this.#options;
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => reject(bindError(error, 'TCP', formatAddress(listen)));
      this.#server.once('error', fail);
      this.#server.listen(listen.port, listen.host, () => {
        this.#server.off('error', fail);
        // A connection that could not be accepted, such as for want of memory: without this it ends the process.
        this.#server.on('error', (error) => this.#deps.logger.warn('admin listener', { error }));
        const { port } = this.#server.address() as AddressInfo;
        const scheme = this.#options.tls === undefined ? 'http' : 'https';
        resolve(`${scheme}://${formatAddress({ host: listen.host, port })}`);
      });
    });
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#deps.console?.stop();
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    if (this.#running >= MAX_RUNNING) {
      sendAnswer(response, refusal(503, 'busy', 'too many requests at once'), { 'Retry-After': '1' });
      return;
    }
    this.#running += 1;
    try {
      await this.#answer(request, response);
    } catch (error) {
      if (!(error instanceof CodedError)) {
        this.#deps.logger.error('admin request failed', { path: request.url, error });
      }
      if (!response.headersSent) sendAnswer(response, errorAnswer(error));
    } finally {
      this.#running -= 1;
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOf(request);
    const [name = '', argument, ...rest] = path;
    const route = this.#deps.routes.get(name);
    const access = name === 'session' ? 'same-origin' : route?.changes ? 'change' : 'read';
    const refused = refuseRequest(request, access);
    if (refused !== undefined) {
      return sendAnswer(response, refused, {
        Allow: access === 'read' ? 'GET, HEAD' : 'POST',
        Connection: 'close',
      });
    }
    const { token } = this.#options;
    if (token === undefined && isRebound(request)) {
      return sendAnswer(response, refusal(403, 'foreign-host', 'ask by IP address or as localhost'));
    }
    // The pages have nothing in them that somebody without the token should not see.
    if (this.#deps.console?.servePage(path, request, response)) return;
    if (token !== undefined && route?.public !== true && !this.#isKnown(request, token, access)) {
      const header = { 'WWW-Authenticate': 'Bearer realm="p2psip"' };
      return sendAnswer(
        response,
        refusal(401, 'token-needed', 'show the token of admin.token-file as a Bearer token'),
        header,
      );
    }
    if (name === 'metrics' && argument === undefined) return this.#sendMetrics(response);
    if (argument === undefined && this.#deps.console?.serveWatcher(name, request, response)) return;
    if (route === undefined || rest.length > 0 || !fits(route, argument)) {
      return sendAnswer(response, refusal(404, 'no-such-path', `known: ${this.#known()}`));
    }
    sendAnswer(response, await withDeadline(route.handle(argument ?? '', queryOf(request))));
  }

  /** The cookie of the console lets a browser look; what changes something takes the token itself. */
  #isKnown(request: IncomingMessage, token: string, access: Access): boolean {
    if (hasToken(request, token)) return true;
    return access === 'read' && this.#deps.console?.isWatcher(request) === true;
  }

  #known(): string {
    const paths = [...this.#deps.routes].map(([name, { argument }]) =>
      argument ? `/${name}/...` : `/${name}`,
    );
    const pages = this.#deps.console === undefined ? [] : ['/console/', '/phone/'];
    return [...paths, '/metrics', ...pages].join(' ');
  }

  async #sendMetrics(response: ServerResponse): Promise<void> {
    const { contentType, body } = await this.#deps.metrics.render();
    response.writeHead(200, { 'Content-Type': contentType, 'Cache-Control': 'no-store' }).end(body);
  }
}

function secureServer({ options, changed }: AdminTls, serve: RequestListener): Server {
  const { identityFor } = options;
  const server = createSecureServer(
    {
      ...BOUNDS,
      ...secureContextOptions(options.identity),
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      ...(identityFor && { SNICallback: byServerName(identityFor) }),
    },
    serve,
  );
  changed.on(() => server.setSecureContext(secureContextOptions(options.identity)));
  return server;
}

/** The decoded path segments. @throws CodedError 'bad-uri' */
function pathOf({ url = '/' }: IncomingMessage): string[] {
  const path = url.split('?', 1)[0]!;
  try {
    return path.slice(1).split('/').map(decodeURIComponent);
  } catch {
    throw new CodedError('bad-uri', 'the path has a wrong % escape');
  }
}

function queryOf({ url = '/' }: IncomingMessage): URLSearchParams {
  const at = url.indexOf('?');
  return new URLSearchParams(at === -1 ? '' : url.slice(at));
}

function fits({ argument = false }: Route, given: string | undefined): boolean {
  return argument === 'optional' || argument === (given !== undefined);
}

async function withDeadline(answer: Answer | Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<Answer>((resolve) => {
    const late = refusal(504, 'timeout', 'the overlay did not answer in time');
    timer = setTimeout(() => resolve(late), ANSWER_TIMEOUT_MS);
  });
  try {
    return await Promise.race([answer, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
