import { createHash } from 'node:crypto';
import {
  CodedError,
  type Counter,
  errorMessage,
  formatAddress,
  type Logger,
  type Metrics,
  type Random,
  type SipTrace,
} from '../../base/index.ts';
import { createResponse } from '../message/build.ts';
import type { MessageError } from '../message/parser.ts';
import { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import { isUsableResponse, type Refusal, validateRequest } from '../message/validate.ts';
import type { Flow } from './flow.ts';
import type { SourceGuard } from './source-guard.ts';
import { type ResponsePort, stampSource } from './via-source.ts';

/** The one owner of what arrives: the transaction layer. */
export interface MessageHandler {
  onMessage(message: SipRequest | SipResponse, flow: Flow): void;
}

/** Sends a response back as RFC 3261 §18.2.2 says; `via` is what its request's top Via asked for. */
export type Respond = (response: SipResponse, via: ResponsePort, flow: Flow) => void;

const MALFORMED_HELP = 'SIP messages dropped or refused before processing, by reason';

/**
 * What every message passes on its way in, whatever it came over: source stamping, the validation stage, and the
 * 400 or silence for what does not pass.
 */
export class MessageIntake {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #respond: Respond;
  readonly #tagKey: Uint8Array;
  readonly #guard: SourceGuard | undefined;
  readonly #trace: SipTrace | undefined;
  readonly #received: Readonly<Record<Flow['transport'], { requests: Counter; responses: Counter }>>;
  #handler: MessageHandler | undefined;

  constructor(deps: {
    logger: Logger;
    metrics: Metrics;
    random: Random;
    respond: Respond;
    guard?: SourceGuard | undefined;
    trace?: SipTrace | undefined;
  }) {
    this.#guard = deps.guard;
    this.#trace = deps.trace;
    this.#logger = deps.logger;
    this.#metrics = deps.metrics;
    this.#respond = deps.respond;
    this.#tagKey = deps.random.bytes(16);
    const counters = (transport: string) => ({
      requests: deps.metrics.counter('sip_requests_received_total', 'SIP requests received', { transport }),
      responses: deps.metrics.counter('sip_responses_received_total', 'SIP responses received', {
        transport,
      }),
    });
    this.#received = {
      UDP: counters('UDP'),
      TCP: counters('TCP'),
      TLS: counters('TLS'),
      WS: counters('WS'),
      WSS: counters('WSS'),
    };
  }

  setHandler(handler: MessageHandler): void {
    this.#handler = handler;
  }

  /** A message that the parser accepted. */
  accept(message: SipRequest | SipResponse, flow: Flow): void {
    try {
      if (message instanceof SipRequest) this.#acceptRequest(message, flow);
      else this.#acceptResponse(message, flow);
    } catch (error) {
      this.#reportFault(error, message, flow);
    }
  }

  /**
   * Something the parser refused. A request whose headers can be read is answered 400 (RFC 3261 §18.3, §21.4.1),
   * all else is met with silence.
   */
  reject(error: MessageError, flow: Flow): void {
    this.#count(error.code);
    const { request } = error;
    if (request === undefined) return;
    this.#trace?.received(request, flow);
    const refusal =
      error.code === 'message-too-large'
        ? { status: 513, reason: 'Message Too Large' }
        : { status: 400, reason: 'Bad Request' };
    try {
      this.#refuse(request, refusal, flow);
    } catch (fault) {
      this.#reportFault(fault, request, flow);
    }
  }

  #acceptRequest(request: SipRequest, flow: Flow): void {
    this.#received[flow.transport].requests.inc();
    if (this.#guard !== undefined && flow.peer === undefined) {
      if (!this.#guard.takes(request, flow.remote.host, flow.reliable)) return;
    }
    this.#trace?.received(request, flow);
    const refusal = validateRequest(request);
    if (refusal !== undefined) {
      this.#count('invalid-request');
      this.#refuse(request, refusal, flow);
      return;
    }
    // Overlay connections are named by Node-ID, not by address (architecture: in-dialog routing between peers).
    if (flow.peer === undefined) stampSource(request, flow.remote);
    this.#handler?.onMessage(request, flow);
  }

  #acceptResponse(response: SipResponse, flow: Flow): void {
    this.#received[flow.transport].responses.inc();
    this.#trace?.received(response, flow);
    if (isUsableResponse(response)) this.#handler?.onMessage(response, flow);
    else this.#count('invalid-response');
  }

  #refuse(request: SipRequest, { status, reason }: Refusal, flow: Flow): void {
    // RFC 3261 §17.1.1.3: an ACK is never answered.
    if (request.method === 'ACK') return;
    // Without any Via nobody could tell what the answer belongs to.
    if (!request.has('Via')) return;
    const via = this.#wayBack(request, flow);
    this.#respond(createResponse(request, status, reason, { toTag: this.#statelessTag(request) }), via, flow);
  }

  /** RFC 4475 §3.1.2.1: what has a malformed Via is answered to where it came from. */
  #wayBack(request: SipRequest, flow: Flow): ResponsePort {
    try {
      if (flow.peer === undefined) stampSource(request, flow.remote);
      return request.topVia;
    } catch (error) {
      if (error instanceof CodedError) return { port: undefined, rport: flow.remote.port };
      throw error;
    }
  }

  /** RFC 3261 §8.2.7: a stateless answer has the same To tag each time the request comes. */
  #statelessTag(request: SipRequest): string {
    const hash = createHash('sha1').update(this.#tagKey);
    for (const name of ['via', 'call-id', 'cseq']) hash.update(`${request.header(name)}\n`, 'latin1');
    return hash.digest('hex').slice(0, 16);
  }

  /** One message must never take the process down; what was thrown is a fault of ours and worth a stack. */
  #reportFault(error: unknown, message: SipRequest | SipResponse, flow: Flow): void {
    this.#count('internal-error');
    this.#logger.error('processing a SIP message failed', {
      from: formatAddress(flow.remote),
      startLine: message.startLine.slice(0, 200),
      error: error instanceof Error ? error.stack : errorMessage(error),
    });
  }

  #count(reason: string): void {
    this.#metrics.counter('sip_malformed_total', MALFORMED_HELP, { reason }).inc();
  }
}
