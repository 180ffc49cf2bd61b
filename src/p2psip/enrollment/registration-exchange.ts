import {
  CodedError,
  fromUtf8,
  type HttpClient,
  type HttpResponse,
  type TlsIdentity,
} from '../../base/index.ts';
import type { OverlayServer } from '../../reload/enrollment/overlay-servers.ts';
import {
  ADAPTER_KEY_PATH,
  type AdapterKeys,
  decodeKeys,
  decodeResults,
  encodeProofs,
  MAX_ANSWER_BYTES,
  NOT_AN_ADAPTER,
  type Proof,
  type ProofResult,
  REGISTRATION_PATH,
} from './registration-protocol.ts';

/**
 * What an adapter peer asks an enrollment server.
 * @throws CodedError 'enrollment-unreachable' | 'not-an-adapter' | 'protocol-error'
 */
export interface RegistrationExchange {
  keys(): Promise<AdapterKeys>;
  /** @param proofs MAX_PROOFS at the most; @returns one result each, in their order */
  prove(proofs: readonly Proof[]): Promise<readonly ProofResult[]>;
}

/** A phone waits for the answer. */
const TIMEOUT_MS = 3_000;
/** Servers that one question is brought to; the next question begins with those behind them. */
const MAX_TRIED = 2;

/** Speaks with the first enrollment server that answers, and stays with it. */
export class HttpsRegistrationExchange implements RegistrationExchange {
  readonly #http: HttpClient;
  readonly #identity: () => TlsIdentity;
  readonly #servers: () => readonly OverlayServer[];
  #preferred = 0;

  /**
   * @param deps.identity our own, for TLS
   * @param deps.servers those of the document in force
   */
  constructor(deps: {
    readonly http: HttpClient;
    readonly identity: () => TlsIdentity;
    /** The path of their URL is that of RFC 6940 §11.3, and does not matter here. */
    readonly servers: () => readonly OverlayServer[];
  }) {
    this.#http = deps.http;
    this.#identity = deps.identity;
    this.#servers = deps.servers;
  }

  async keys(): Promise<AdapterKeys> {
    return decodeKeys(await this.#ask('GET', ADAPTER_KEY_PATH));
  }

  async prove(proofs: readonly Proof[]): Promise<readonly ProofResult[]> {
    const results = decodeResults(await this.#ask('POST', REGISTRATION_PATH, encodeProofs(proofs)));
    if (results.length === proofs.length) return results;
    throw new CodedError('protocol-error', `${results.length} results for ${proofs.length} proofs`, {
      origin: 'remote',
    });
  }

  async #ask(method: 'GET' | 'POST', path: string, body?: Uint8Array): Promise<Uint8Array> {
    const servers = this.#servers();
    let failure: unknown;
    for (let tried = 0; tried < Math.min(servers.length, MAX_TRIED); tried += 1) {
      const at = this.#preferred % servers.length;
      try {
        return bodyOf(await this.#request(servers[at]!, method, path, body));
      } catch (error) {
        if (error instanceof CodedError && error.code === 'not-an-adapter') throw error;
        failure ??= error;
        this.#preferred = at + 1;
      }
    }
    const reason = failure instanceof Error ? failure.message : 'the configuration document names none';
    throw new CodedError('enrollment-unreachable', `no enrollment server: ${reason}`, { cause: failure });
  }

  #request(
    { url, tls, connectTo }: OverlayServer,
    method: 'GET' | 'POST',
    path: string,
    body: Uint8Array | undefined,
  ): Promise<HttpResponse> {
    return this.#http.request({
      method,
      url: new URL(path, url).href,
      ...(body && { body, headers: { 'content-type': 'application/json' } }),
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_ANSWER_BYTES,
      tls: { ...tls, identity: this.#identity() },
      ...(connectTo && { connectTo }),
    });
  }
}

function bodyOf({ status, body }: HttpResponse): Uint8Array {
  if (status === 200) return body;
  const token = fromUtf8(body.subarray(0, 64)).trim();
  if (status === 403 && token === NOT_AN_ADAPTER) {
    throw new CodedError('not-an-adapter', 'the account of this peer is not one of an adapter', {
      origin: 'remote',
    });
  }
  throw new CodedError('enrollment-unreachable', `it answers ${status} ${JSON.stringify(token)}`, {
    origin: 'remote',
  });
}
