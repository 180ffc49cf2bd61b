import { CodedError, errorMessage, type HttpClient, type HttpResponse } from '../../base/index.ts';
import { MAX_DOCUMENT_BYTES } from '../document/element-ranges.ts';
import type { OverlayServer, OverlayServers } from './overlay-servers.ts';
import { OVERLAY_XML } from './protocol.ts';

/** One server may take this long. */
const TIMEOUT_MS = 5_000;

/**
 * Why there is no document.
 * - `configuration-unreachable`: no server answers, or it is out of order
 * - `configuration-untrusted`: its certificate is expired, of another name, or of nobody we trust
 * - `configuration-refused`: it answers, but not with a document
 */
type ConfigurationErrorCode =
  | 'configuration-unreachable'
  | 'configuration-untrusted'
  | 'configuration-refused';

export interface FetchedDocument {
  readonly bytes: Uint8Array;
  /** ms for which the server says that it need not be asked again. */
  readonly freshMs: number | undefined;
}

/** Gets the configuration document from a configuration server (RFC 6940 §11.2). What it says is not looked at here. */
export class ConfigurationFetcher {
  readonly #http: HttpClient;
  readonly #servers: OverlayServers;
  #known: { readonly etag: string; readonly url: string; readonly bytes: Uint8Array } | undefined;

  constructor(deps: { readonly http: HttpClient; readonly servers: OverlayServers }) {
    this.#http = deps.http;
    this.#servers = deps.servers;
  }

  /**
   * The document of the first server that gives one.
   * @throws CodedError<ConfigurationErrorCode>, or 'no-configuration-server'
   */
  async fetch(signal?: AbortSignal): Promise<FetchedDocument> {
    let failure: unknown;
    for (const server of await this.#locate()) {
      try {
        return await this.#fetchFrom(server, signal);
      } catch (error) {
        signal?.throwIfAborted();
        failure = error;
      }
    }
    throw failure;
  }

  async #locate(): Promise<readonly OverlayServer[]> {
    try {
      return await this.#servers.configuration();
    } catch (cause) {
      if (cause instanceof CodedError && cause.code === 'no-configuration-server') throw cause;
      throw refusal('configuration-unreachable', errorMessage(cause), cause);
    }
  }

  async #fetchFrom(server: OverlayServer, signal: AbortSignal | undefined): Promise<FetchedDocument> {
    const known = this.#known?.url === server.url ? this.#known : undefined;
    const response = await this.#get(server, known?.etag, signal);
    const { status, headers, body } = response;
    const freshMs = maxAgeOf(headers.get('cache-control'));
    if (status === 304 && known !== undefined) return { bytes: known.bytes, freshMs };
    if (status !== 200) throw refusalOf(response, server);
    this.#servers.answered(server);
    const etag = headers.get('etag');
    this.#known = etag === undefined ? undefined : { etag, url: server.url, bytes: body };
    return { bytes: body, freshMs };
  }

  async #get(
    { url, tls, connectTo }: OverlayServer,
    etag: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<HttpResponse> {
    try {
      return await this.#http.request({
        method: 'GET',
        url,
        headers: {
          // Others are taken as well, since a plain web server may hand the document out.
          accept: `${OVERLAY_XML}, application/xml;q=0.9, */*;q=0.1`,
          ...(etag !== undefined && { 'if-none-match': etag }),
        },
        timeoutMs: TIMEOUT_MS,
        maxBytes: MAX_DOCUMENT_BYTES,
        tls,
        ...(connectTo && { connectTo }),
        ...(signal && { signal }),
      });
    } catch (cause) {
      const code = cause instanceof CodedError ? cause.code : '';
      if (code === 'http-certificate') throw refusal('configuration-untrusted', errorMessage(cause), cause);
      if (code === 'http-too-large') throw refusal('configuration-refused', errorMessage(cause), cause);
      const message = `the configuration server does not answer: ${errorMessage(cause)}`;
      throw refusal('configuration-unreachable', message, cause);
    }
  }
}

function refusalOf({ status }: HttpResponse, { url }: OverlayServer): CodedError<ConfigurationErrorCode> {
  const { host, pathname } = new URL(url);
  const code = status === 429 || status >= 500 ? 'configuration-unreachable' : 'configuration-refused';
  return refusal(code, `${host} answers ${status} when asked for ${pathname}`);
}

/** RFC 9111 §5.2.2.1. */
function maxAgeOf(cacheControl = ''): number | undefined {
  const seconds = /(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])/i.exec(cacheControl)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

function refusal(
  code: ConfigurationErrorCode,
  message: string,
  cause?: unknown,
): CodedError<ConfigurationErrorCode> {
  return new CodedError(code, message, { origin: 'remote', cause });
}
