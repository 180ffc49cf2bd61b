import { createResponse } from '../message/build.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { Via } from '../message/via.ts';
import type { Flow } from '../transport/flow.ts';
import type { ResponsePort } from '../transport/via-source.ts';
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
import type { ServerTransaction } from './server-transaction.ts';
import type { TimerEntry, TimerOwner, TimerQueues } from './timer-queues.ts';
import type { Timing } from './timing.ts';

/** What a server transaction needs of the layer it lives in. */
export interface ServerExchangeContext {
  readonly timers: TimerQueues<string>;
  readonly timing: Timing;
  /** The To tag of all stateless answers (RFC 3261 §8.2.7), by which their ACKs are known. */
  readonly statelessTag: string;
  /** The Call-ID is given where it is at hand. */
  sendResponse(data: Uint8Array, port: ResponsePort, flow: Flow, callId?: string): void;
  passAck(ack: SipRequest, flow: Flow): void;
  /** Timer H: the client never acknowledged. */
  reportNoAck(): void;
  terminated(exchange: ServerExchange): void;
}

export interface ServerExchangeOptions {
  readonly key: string;
  readonly isInvite: boolean;
  readonly via: Via;
  readonly flow: Flow;
}

/**
 * The lasting part of a server transaction: state machine, timers and the last response as octets. Most of its life
 * it only waits for stragglers, so it lets go of the request, and of the TU's transaction with it, once a request
 * other than INVITE is answered.
 */
export class ServerExchange implements TimerOwner<string> {
  readonly key: string;
  /** What the TU holds; undefined when it cannot be needed again. */
  transaction: ServerTransaction | undefined;
  readonly #context: ServerExchangeContext;
  readonly #machine: ServerMachine;
  readonly #port: ResponsePort;
  #state: ServerState = 'initial';
  #flow: Flow;
  /** The response being passed down, and the last one as binary text. */
  #next: SipResponse | undefined;
  #last: string | undefined;
  #ack: SipRequest | undefined;
  /** Timer G, and the wait for the TU's first response. */
  #repeat: TimerEntry<string> | undefined;
  #repeatMs = 0;
  #limit: TimerEntry<string> | undefined;

  constructor(context: ServerExchangeContext, options: ServerExchangeOptions) {
    this.#context = context;
    this.key = options.key;
    this.#machine = options.isInvite ? inviteServer : nonInviteServer;
    this.#port = { port: options.via.port, rport: options.via.rport };
    this.#flow = options.flow;
  }

  get isInvite(): boolean {
    return this.#machine === inviteServer;
  }

  get statelessTag(): string {
    return this.#context.statelessTag;
  }

  get state(): ServerState {
    return this.#state;
  }

  get flow(): Flow {
    return this.#flow;
  }

  /**
   * Answered for so long that nobody who repeats his request can have missed the answer: repetitions are T2 apart at the
   * most (RFC 3261 §17.1.2.2).
   * @param now monotonic ms
   */
  isForgettable(now: number): boolean {
    const { t2, lifetime } = this.#context.timing;
    return this.#limit !== undefined && this.#limit.dueAt - now <= lifetime - t2;
  }

  /** Enters the first state; the TU gets the request from the layer. */
  start(): void {
    this.#fire('start');
  }

  /** Whether a response of this class means anything in the present state. */
  accepts(event: ServerEvent): boolean {
    return this.#machine[this.#state][event] !== undefined;
  }

  /** What the TU passes down: a response, or `give-up`. */
  pass(event: ServerEvent, response?: SipResponse): void {
    this.#next = response;
    this.#fire(event);
    this.#next = undefined;
    if (event !== 'provisional' && !this.isInvite) this.transaction = undefined;
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
        if (this.#next !== undefined) this.#send(this.#next);
        break;
      case 'resend-response':
        this.#resend();
        break;
      case 'send-trying':
        if (this.transaction !== undefined) this.#send(createResponse(this.transaction.request, 100));
        break;
      case 'pass-ack':
        if (this.#ack !== undefined) this.#context.passAck(this.#ack, this.#flow);
        break;
      case 'report-no-ack':
        this.#context.reportNoAck();
        break;
      case 'stop-timers':
        this.#stopTimers();
        break;
      case 'start-trying':
        this.#startTrying();
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

  /**
   * Whether a retransmission may still come after the final response: over UDP, and (NOTE: beyond RFC 3261
   * §17.2.2) on overlay connections, where the peer sends its pending requests again after a reconnect.
   */
  get #lingers(): boolean {
    return !this.#flow.reliable || this.#flow.peer !== undefined;
  }

  /**
   * Kept as binary text: thousands of buffers that live for half a minute leave holes in the memory that the C library
   * manages, which is never given back, whereas V8 packs what it keeps.
   */
  #send(response: SipResponse): void {
    this.#last = this.#isRepeatable ? response.toText() : undefined;
    const data = this.#last === undefined ? response.encode() : Buffer.from(this.#last, 'latin1');
    this.#context.sendResponse(data, this.#port, this.#flow, response.callId);
  }

  /** RFC 6026 §7.1: a 2xx to INVITE is repeated by who made it, or (`rebind`) when the overlay connection is made anew. */
  get #isRepeatable(): boolean {
    return this.#state !== 'accepted' || this.#flow.peer !== undefined;
  }

  #resend(): void {
    if (this.#last !== undefined)
      this.#context.sendResponse(Buffer.from(this.#last, 'latin1'), this.#port, this.#flow);
  }

  #startTrying(): void {
    const { tryingMs, slowRequestMs } = this.#context.timing;
    const delay = this.isInvite ? tryingMs : slowRequestMs;
    this.#repeat = this.#context.timers.start(delay, this, 'timer-trying');
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
