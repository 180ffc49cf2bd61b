import { type Random, randomHex } from '../../base/index.ts';
import { createResponse, type ResponseOptions } from '../message/build.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { Via } from '../message/via.ts';
import type { Flow } from '../transport/flow.ts';
import { unreachable } from './machine.ts';
import {
  inviteServer,
  nonInviteServer,
  type ServerAction,
  type ServerEvent,
  type ServerMachine,
  type ServerState,
  type ServerTimer,
} from './server-machines.ts';
import type { TimerEntry, TimerOwner, TimerQueues } from './timer-queues.ts';
import type { Timing } from './timing.ts';

/** What a server transaction needs of the layer it lives in. */
export interface ServerTransactionContext {
  readonly timers: TimerQueues<string>;
  readonly timing: Timing;
  readonly random: Random;
  sendResponse(data: Uint8Array, via: Via, flow: Flow): void;
  passAck(ack: SipRequest, flow: Flow): void;
  /** Timer H: the client never acknowledged. */
  reportNoAck(transaction: ServerTransaction): void;
  terminated(transaction: ServerTransaction): void;
}

/** Answers one request (RFC 3261 §17.2). */
export class ServerTransaction implements TimerOwner<string> {
  readonly key: string;
  readonly request: SipRequest;
  readonly #context: ServerTransactionContext;
  readonly #machine: ServerMachine;
  readonly #via: Via;
  #state: ServerState = 'initial';
  #flow: Flow;
  #localTag: string | undefined;
  #encoded: Buffer | undefined;
  #next: Buffer | undefined;
  #ack: SipRequest | undefined;
  /** Timer G, and the wait for the TU's first response. */
  #repeat: TimerEntry<string> | undefined;
  #repeatMs = 0;
  #limit: TimerEntry<string> | undefined;

  constructor(context: ServerTransactionContext, options: { key: string; request: SipRequest; flow: Flow }) {
    this.#context = context;
    this.key = options.key;
    this.request = options.request;
    this.#via = options.request.topVia;
    this.#flow = options.flow;
    this.#machine = options.request.method === 'INVITE' ? inviteServer : nonInviteServer;
  }

  get state(): ServerState {
    return this.#state;
  }

  /** Where the request came from; after a reconnect of the overlay, the new connection to the same peer. */
  get flow(): Flow {
    return this.#flow;
  }

  /** True once a final response was passed down. */
  get finalSent(): boolean {
    return this.#state !== 'initial' && this.#state !== 'trying' && this.#state !== 'proceeding';
  }

  /** The To tag of responses made here, the same for all of this transaction's. */
  get localTag(): string {
    this.#localTag ??= randomHex(this.#context.random, 8);
    return this.#localTag;
  }

  /** Enters the first state; the TU gets the request from the layer. */
  start(): void {
    this.#fire('start');
  }

  /**
   * Passes a response down. A second final response is discarded, but for a 2xx to INVITE (RFC 6026 §7.1). To a
   * request other than INVITE no 408 and no provisional but a late 100 is ever sent (RFC 4320 §4).
   */
  respond(response: SipResponse): void {
    if (this.request.method !== 'INVITE') {
      if (response.status === 408) {
        this.#fire('give-up');
        return;
      }
      if (response.isProvisional && !this.#mayReport(response.status)) return;
    }
    const event = response.isProvisional ? 'provisional' : response.isSuccess ? 'success' : 'failure';
    // Encoding what would be discarded is work for nothing.
    if (this.#machine[this.#state][event] === undefined) return;
    this.#next = response.encode();
    this.#fire(event);
    this.#next = undefined;
  }

  /** Makes a response from status and headers, with a To tag of ours, and passes it down. */
  reply(status: number, reason?: string, options: ResponseOptions = {}): void {
    const withTag =
      status === 100 || options.toTag !== undefined ? options : { ...options, toTag: this.localTag };
    this.respond(createResponse(this.request, status, reason, withTag));
  }

  /** A retransmission of the request, or its ACK. */
  receive(request: SipRequest): void {
    if (request.method !== 'ACK') {
      this.#fire('request');
      return;
    }
    this.#ack = request;
    this.#fire('ack');
    this.#ack = undefined;
  }

  /** The overlay connection was made anew: the last response may have been lost with the old one. */
  rebind(flow: Flow): void {
    this.#flow = flow;
    if (this.#state !== 'confirmed') this.#resend();
  }

  onTimer(name: string): void {
    this.#fire(name as ServerTimer);
  }

  /** Stops the timers without a word to the TU. */
  dispose(): void {
    this.#stopTimers();
    this.#state = 'terminated';
  }

  /** RFC 4320 §4.1: 100 alone, over unreliable transports only when our own timer sends it. */
  #mayReport(status: number): boolean {
    return status === 100 && this.#flow.reliable;
  }

  #fire(event: ServerEvent): void {
    const transition = this.#machine[this.#state][event];
    if (transition === undefined) return;
    if (transition.to !== this.#state) this.#enter(transition.to);
    for (const action of transition.actions) this.#perform(action);
  }

  #enter(state: ServerState): void {
    this.#state = state;
    if (state !== 'terminated') return;
    this.#stopTimers();
    this.#context.terminated(this);
  }

  #perform(action: ServerAction): void {
    const { timing } = this.#context;
    switch (action) {
      case 'send-response':
        this.#encoded = this.#next;
        this.#resend();
        break;
      case 'resend-response':
        this.#resend();
        break;
      case 'send-trying':
        this.#encoded = createResponse(this.request, 100).encode();
        this.#resend();
        break;
      case 'pass-ack':
        if (this.#ack !== undefined) this.#context.passAck(this.#ack, this.#flow);
        break;
      case 'report-no-ack':
        this.#context.reportNoAck(this);
        break;
      case 'stop-timers':
        this.#stopTimers();
        break;
      case 'start-trying':
        this.#repeat = this.#context.timers.start(this.#tryingDelay(), this, 'timer-trying');
        break;
      case 'start-g':
        this.#startRepeat('timer-g');
        break;
      case 'start-h':
        this.#startLimit('timer-h', timing.lifetime);
        break;
      case 'start-i':
        this.#startLimit('timer-i', this.#flow.reliable ? 0 : timing.t4);
        break;
      case 'start-j':
        this.#startLimit('timer-j', this.#lingers ? timing.lifetime : 0);
        break;
      case 'start-l':
        this.#startLimit('timer-l', timing.lifetime);
        break;
      default:
        unreachable(action);
    }
  }

  #tryingDelay(): number {
    const { timing } = this.#context;
    return this.request.method === 'INVITE' ? timing.tryingMs : timing.slowRequestMs;
  }

  /**
   * Whether a retransmission may still come after the final response: over UDP, and (NOTE: beyond RFC 3261
   * §17.2.2) on overlay connections, where the peer sends its pending requests again after a reconnect.
   */
  get #lingers(): boolean {
    return !this.#flow.reliable || this.#flow.peer !== undefined;
  }

  #resend(): void {
    if (this.#encoded !== undefined) this.#context.sendResponse(this.#encoded, this.#via, this.#flow);
  }

  #startRepeat(name: ServerTimer): void {
    if (this.#flow.reliable) return;
    const { t1, t2 } = this.#context.timing;
    this.#repeatMs = this.#repeatMs === 0 ? t1 : Math.min(this.#repeatMs * 2, t2);
    this.#repeat = this.#context.timers.start(this.#repeatMs, this, name);
  }

  #startLimit(name: ServerTimer, delayMs: number): void {
    if (delayMs === 0) this.#fire(name);
    else this.#limit = this.#context.timers.start(delayMs, this, name);
  }

  #stopTimers(): void {
    if (this.#repeat !== undefined) this.#context.timers.stop(this.#repeat);
    if (this.#limit !== undefined) this.#context.timers.stop(this.#limit);
    this.#repeat = undefined;
    this.#limit = undefined;
  }
}
