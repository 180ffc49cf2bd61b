import type { Address, TlsIdentity } from './network.ts';

/** One request as a server's handler sees it: complete, within the server's bounds. */
export interface HttpRequest {
  /** Upper case. */
  readonly method: string;
  /** As sent, without the query: percent escapes are not undone. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case; several headers of one name are joined with ", ". */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  readonly remote: Address;
  /** DER. TLS has proved that the client has its key, and nothing else: whose it is the handler has to judge. */
  readonly clientCertificate?: Uint8Array;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

/** A running HTTPS server. */
export interface HttpServer {
  /** With the port that was really bound. */
  readonly local: Address;
  /** The certificate for connections from now on; those that stand go on. */
  setIdentity(identity: TlsIdentity): void;
  /** Stops listening and closes all connections. */
  close(): Promise<void>;
}

export interface HttpServerOptions {
  readonly listen: Address;
  readonly identity: TlsIdentity;
  /** A longer request is answered with 413. */
  readonly maxBodyBytes: number;
  /** ms until a request must be here complete, and then again until its answer must be. */
  readonly requestTimeoutMs: number;
  readonly maxConnections: number;
  /** Connections from one address (`originOf`). */
  readonly maxConnectionsPerOrigin: number;
  /** Requests in the handler at once; more are answered with 503 and Retry-After. */
  readonly maxRunning: number;
}

export interface HttpClientRequest {
  readonly method: 'GET' | 'POST';
  /** https; a fragment is not sent. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** ms for all of it, from the first packet to the last byte of the answer. */
  readonly timeoutMs: number;
  /** A longer answer fails. */
  readonly maxBytes: number;
  readonly tls?: HttpClientTls;
  /** Where to connect instead of the URL's host and port, whose name the certificate must have all the same; of no use with an IP address in the URL. */
  readonly connectTo?: Address;
  readonly signal?: AbortSignal;
}

/** The server's certificate must be valid, have the host of the URL as its name and chain to a certificate we trust. */
export interface HttpClientTls {
  /** Our certificate, for servers that ask for one. */
  readonly identity?: TlsIdentity;
  /** SHA-256, lower-case hex, of the only certificate that is trusted; the server sends it in its chain. */
  readonly pin?: string;
  /** DER: the only certificates that are trusted. Without `pin` and `ca`: those that the system trusts. */
  readonly ca?: readonly Uint8Array[];
}

/**
 * Why there is no answer.
 * - `http-unreachable`: no name, no route, nobody listens, or the connection broke
 * - `http-timeout`: not complete in time
 * - `http-certificate`: the server's certificate is expired, of another name, or of nobody we trust
 * - `http-too-large`: the answer is longer than `maxBytes`
 * - `http-bad-url`: not an https URL
 */
export type HttpErrorCode =
  | 'http-unreachable'
  | 'http-timeout'
  | 'http-certificate'
  | 'http-too-large'
  | 'http-bad-url';

export interface HttpClient {
  /**
   * One request and its answer, whatever its status; redirections are not followed.
   * @throws CodedError<HttpErrorCode> with a message of one line, or the signal's reason
   */
  request(request: HttpClientRequest): Promise<HttpResponse>;
  /** Closes the connections that were kept for later requests. */
  close(): void;
}

const PIN_FRAGMENT = /^#sha256=([0-9a-f]{64})$/i;

/**
 * Takes the pin off a URL such as `https://192.0.2.1:8443/#sha256=HEX` (HEX: SHA-256 of a certificate's DER).
 * @returns undefined when it is no https URL, or has another fragment
 */
export function splitPin(text: string): { readonly url: string; readonly pin?: string } | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '') return undefined;
  const { hash } = url;
  url.hash = '';
  if (hash === '') return { url: url.href };
  const pin = PIN_FRAGMENT.exec(hash)?.[1]?.toLowerCase();
  return pin === undefined ? undefined : { url: url.href, pin };
}
