import type { HexTokens } from '../../base/index.ts';
import { createResponse, type HeaderFields, type ResponseOptions } from '../message/build.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import { TransportError } from '../transport/errors.ts';
import type { Flow } from '../transport/flow.ts';
import type { ServerExchange } from './server-exchange.ts';
import type { ServerState } from './server-machines.ts';

/** One request and the way to answer it (RFC 3261 §17.2), as the TU sees it. */
export class ServerTransaction {
  /** Set by the TU that wants to know the first final status. */
  onFinal: ((status: number) => void) | undefined;
  #request: SipRequest | undefined;
  readonly #exchange: ServerExchange;
  readonly #tags: HexTokens;
  #localTag: string | undefined;
  #onCancelled: ((reason?: string) => void) | undefined;

  constructor(deps: { exchange: ServerExchange; tags: HexTokens }, request: SipRequest) {
    this.#exchange = deps.exchange;
    this.#tags = deps.tags;
    this.#request = request;
  }

  /**
   * The request, until a final response was passed down: from then on a transaction only waits for stragglers, half a
   * minute long, and holds as little as it can.
   * @throws TransportError 'stopped' after that
   */
  get request(): SipRequest {
    if (this.#request === undefined) throw new TransportError('stopped', 'the request is answered');
    return this.#request;
  }

  get key(): string {
    return this.#exchange.key;
  }

  get isInvite(): boolean {
    return this.#exchange.isInvite;
  }

  get state(): ServerState {
    return this.#exchange.state;
  }

  /** Where the request came from; after a reconnect of the overlay, the new connection to the same peer. */
  get flow(): Flow {
    return this.#exchange.flow;
  }

  /** True once a final response was passed down. */
  get finalSent(): boolean {
    const { state } = this.#exchange;
    return state !== 'initial' && state !== 'trying' && state !== 'proceeding';
  }

  /**
   * The TU wants to know when this INVITE is cancelled, and why, if the client said it (RFC 3326).
   * NOTE: not a property to set: V8 puts a function that is written as the value of a property among the old objects,
   * where each would keep its whole request in memory until the next full collection.
   */
  whenCancelled(tell: (reason?: string) => void): void {
    this.#onCancelled = tell;
  }

  /** A CANCEL has come for it. */
  cancelled(reason?: string): void {
    this.#onCancelled?.(reason);
  }

  /** The To tag of responses made here, the same for all of this transaction's. */
  get localTag(): string {
    this.#localTag ??= this.#tags.next();
    return this.#localTag;
  }

  /**
   * Passes a response down. A second final response is discarded, but for a 2xx to INVITE (RFC 6026 §7.1). To a
   * request other than INVITE no 408 and no provisional but a late 100 is ever sent (RFC 4320 §4).
   */
  respond(response: SipResponse): void {
    if (!this.#exchange.isInvite) {
      if (response.status === 408) {
        this.#exchange.pass('give-up');
        this.#release();
        return;
      }
      if (response.isProvisional && !this.#mayReport(response.status)) return;
    }
    const event = response.isProvisional ? 'provisional' : response.isSuccess ? 'success' : 'failure';
    if (this.#exchange.accepts(event)) this.#exchange.pass(event, response);
    if (!this.finalSent) return;
    this.onFinal?.(response.status);
    this.#release();
  }

  /** Makes a response from status and headers, with a To tag of ours, and passes it down. */
  reply(status: number, reason?: string, options: ResponseOptions = {}): void {
    if (this.#request === undefined) return;
    const toTag = options.toTag ?? (status === 100 ? undefined : this.localTag);
    this.respond(createResponse(this.#request, status, reason, options, toTag));
  }

  /**
   * Refuses the request and forgets it: whoever repeats it is answered anew, nothing is sent again by itself, and there is
   * nothing left to cancel (RFC 3261 §8.2.7, §26.3.2.4).
   */
  refuseStateless(status: number, headers: HeaderFields): void {
    if (this.#request === undefined) return;
    const response = createResponse(
      this.#request,
      status,
      undefined,
      { headers },
      this.#exchange.statelessTag,
    );
    this.#exchange.pass('stateless', response);
    this.onFinal?.(status);
    this.#release();
  }

  #release(): void {
    this.#request = undefined;
    this.#onCancelled = undefined;
    this.onFinal = undefined;
  }

  /** RFC 4320 §4.1: 100 alone, over unreliable transports only when our own timer sends it. */
  #mayReport(status: number): boolean {
    return status === 100 && this.flow.reliable;
  }
}
