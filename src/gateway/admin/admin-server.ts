import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Address, CodedError, formatAddress, type Logger } from '../../base/index.ts';
import { bindError } from '../../net/system-errors.ts';
import { hasToken, isRebound, refuseRequest } from './http-guard.ts';
import { type Answer, errorAnswer, type Route, refusal } from './routes.ts';

const MAX_HEADER_BYTES = 8 * 1024;
const MAX_CONNECTIONS = 64;
const MAX_RUNNING = 32;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5_000;
/** RELOAD gives up after 5 sends 3 s apart (RFC 6940 §6.2.1); nobody is left waiting for longer. */
const ANSWER_TIMEOUT_MS = 20_000;

export interface AdminServerDeps {
  /** By the first segment of the path. */
  readonly routes: ReadonlyMap<string, Route>;
  /** Makes the body of /metrics. */
  readonly metrics: { render(): Promise<{ contentType: string; body: string }> };
  readonly logger: Logger;
}

export interface AdminServerOptions {
  readonly listen: Address;
  /** Callers must show it but for /healthz and /readyz; undefined = nobody is asked (loopback). */
  readonly token: string | undefined;
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
    this.#server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: 2_000,
      },
      (request, response) => void this.#serve(request, response),
    );
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
        resolve(`http://${formatAddress({ host: listen.host, port })}`);
      });
    });
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    if (this.#running >= MAX_RUNNING) {
      send(response, refusal(503, 'busy', 'too many requests at once'), { 'Retry-After': '1' });
      return;
    }
    this.#running += 1;
    try {
      await this.#answer(request, response);
    } catch (error) {
      if (!(error instanceof CodedError)) {
        this.#deps.logger.error('admin request failed', { path: request.url, error });
      }
      if (!response.headersSent) send(response, errorAnswer(error));
    } finally {
      this.#running -= 1;
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [name = '', argument, ...rest] = pathOf(request);
    const route = this.#deps.routes.get(name);
    const changes = route?.changes ?? false;
    const refused = refuseRequest(request, changes);
    if (refused !== undefined) {
      return send(response, refused, { Allow: changes ? 'POST' : 'GET, HEAD', Connection: 'close' });
    }
    const { token } = this.#options;
    if (token === undefined && isRebound(request)) {
      return send(response, refusal(403, 'foreign-host', 'ask by IP address or as localhost'));
    }
    if (token !== undefined && route?.public !== true && !hasToken(request, token)) {
      const header = { 'WWW-Authenticate': 'Bearer realm="p2psip"' };
      return send(
        response,
        refusal(401, 'token-needed', 'show the token of admin.token-file as a Bearer token'),
        header,
      );
    }
    if (name === 'metrics' && argument === undefined) return this.#sendMetrics(response);
    if (route === undefined || rest.length > 0 || (argument !== undefined) !== (route.argument ?? false)) {
      return send(response, refusal(404, 'no-such-path', `known: ${this.#known()}`));
    }
    send(response, await withDeadline(route.handle(argument ?? '')));
  }

  #known(): string {
    const paths = [...this.#deps.routes].map(([name, { argument }]) =>
      argument ? `/${name}/...` : `/${name}`,
    );
    return [...paths, '/metrics'].join(' ');
  }

  async #sendMetrics(response: ServerResponse): Promise<void> {
    const { contentType, body } = await this.#deps.metrics.render();
    response.writeHead(200, { 'Content-Type': contentType, 'Cache-Control': 'no-store' }).end(body);
  }
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

function send(
  response: ServerResponse,
  { status, body }: Answer,
  headers: Record<string, string> = {},
): void {
  const text = `${JSON.stringify(body)}\n`;
  response
    .writeHead(status, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    })
    .end(text);
}
