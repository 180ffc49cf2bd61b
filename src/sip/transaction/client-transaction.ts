import { createAck, createCancel } from '../message/build.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import { TransportError } from '../transport/errors.ts';
import type { Flow } from '../transport/flow.ts';
import {
  type ClientAction,
  type ClientEvent,
  type ClientMachine,
  type ClientState,
  type ClientTimer,
  inviteClient,
  nonInviteClient,
} from './client-machines.ts';
import { unreachable } from './machine.ts';
import type { TimerEntry, TimerOwner, TimerQueues } from './timer-queues.ts';
import type { Timing } from './timing.ts';
import type { ClientTransactionHandler } from './types.ts';

/** What a client transaction needs of the layer it lives in. */
export interface ClientTransactionContext {
  readonly timers: TimerQueues<string>;
  readonly timing: Timing;
  /** Sends; false when the flow is gone. The Call-ID is given where it is at hand. */
  send(data: Uint8Array, flow: Flow, callId?: string): boolean;
  /** Starts the transaction of a CANCEL. */
  sendCancel(cancel: SipRequest, flow: Flow): void;
  terminated(transaction: ClientTransaction): void;
}

const ignoreResponses: ClientTransactionHandler = { onResponse() {}, onTimeout() {}, onTransportError() {} };

/** Sends one request and waits for its answer (RFC 3261 §17.1). */
export class ClientTransaction implements TimerOwner<string> {
  readonly key: string;
  readonly method: string;
  readonly #context: ClientTransactionContext;
  readonly #machine: ClientMachine;
  #handler: ClientTransactionHandler;
  #state: ClientState = 'initial';
  #flow: Flow;
  /** Released once they cannot be needed again: most of a transaction's life is waiting for stragglers. */
  #request: SipRequest | undefined;
  #encoded: Buffer | undefined;
  #ack: Buffer | undefined;
  #response: SipResponse | undefined;
  #error: Error | undefined;
  /** Timers A and E. */
  #repeat: TimerEntry<string> | undefined;
  #repeatMs = 0;
  /** The one timer that bounds the state. */
  #limit: TimerEntry<string> | undefined;
  #cancel: 'none' | 'wanted' | 'sent' = 'none';
  #cancelReason: string | undefined;

  constructor(
    context: ClientTransactionContext,
    options: { key: string; request: SipRequest; flow: Flow; handler?: ClientTransactionHandler | undefined },
  ) {
    this.#context = context;
    this.key = options.key;
    this.method = options.request.method;
    this.#machine = this.method === 'INVITE' ? inviteClient : nonInviteClient;
    this.#request = options.request;
    this.#flow = options.flow;
    this.#handler = options.handler ?? ignoreResponses;
  }

  get state(): ClientState {
    return this.#state;
  }

  get flow(): Flow {
    return this.#flow;
  }

  /** True until the final response. */
  get pending(): boolean {
    return this.#state === 'calling' || this.#state === 'trying' || this.#state === 'proceeding';
  }

  /** Sends the request. */
  start(): void {
    this.#encoded = this.#request?.encode();
    this.#fire('start');
  }

  /**
   * Sends a CANCEL for an INVITE, once a provisional response was received (RFC 3261 §9.1); without effect after
   * the final response.
   * @param reason what the callee is told of it (RFC 3326)
   */
  cancel(reason?: string): void {
    if (this.method !== 'INVITE' || this.#cancel !== 'none' || !this.pending) return;
    this.#cancel = 'wanted';
    this.#cancelReason = reason;
    if (this.#state === 'proceeding') this.#sendHeldCancel();
  }

  /** Gives what may still come to another handler. */
  handOver(handler: ClientTransactionHandler): void {
    this.#handler = handler;
  }

  /** A response that matched. */
  receive(response: SipResponse): void {
    this.#response = response;
    this.#fire(response.isProvisional ? 'provisional' : response.isSuccess ? 'success' : 'failure');
    this.#response = undefined;
  }

  /** The request cannot reach the other side. */
  fail(error: Error): void {
    this.#error = error;
    this.#fire('transport-error');
  }

  /** The peer is gone for good: ends a pending transaction in any state. */
  abandon(error: Error): void {
    if (!this.pending) return;
    this.#enter('terminated');
    this.#handler.onTransportError(error);
  }

  /** The overlay connection was made anew: the request goes again, with the same branch. */
  rebind(flow: Flow): void {
    this.#flow = flow;
    if (this.pending) this.#perform('send-request');
  }

  onTimer(name: string): void {
    this.#fire(name as ClientTimer);
  }

  /** Stops the timers without a word to the handler. */
  dispose(): void {
    this.#stopTimers();
    this.#state = 'terminated';
  }

  #fire(event: ClientEvent): void {
    const transition = this.#machine[this.#state][event];
    if (transition === undefined) return;
    if (transition.to !== this.#state) this.#enter(transition.to);
    for (const action of transition.actions) this.#perform(action);
  }

  #enter(state: ClientState): void {
    this.#state = state;
    if (state !== 'terminated') return;
    this.#stopTimers();
    this.#context.terminated(this);
  }

  #perform(action: ClientAction): void {
    const { timing } = this.#context;
    switch (action) {
      case 'send-request':
        this.#send(this.#encoded);
        break;
      case 'send-ack':
        this.#sendAck();
        break;
      case 'pass-response':
        this.#passResponse();
        break;
      case 'report-timeout':
        this.#handler.onTimeout();
        break;
      case 'report-transport-error':
        this.#handler.onTransportError(this.#error ?? new TransportError('flow-closed', 'cannot send'));
        break;
      case 'send-held-cancel':
        if (this.#cancel === 'wanted') this.#sendHeldCancel();
        break;
      case 'stop-timers':
        this.#stopTimers();
        break;
      case 'start-a':
        this.#startRepeat('timer-a', Number.POSITIVE_INFINITY);
        break;
      case 'start-e':
        this.#startRepeat('timer-e', timing.t2);
        break;
      case 'slow-e':
        this.#repeatMs = timing.t2;
        this.#startRepeat('timer-e', timing.t2);
        break;
      case 'start-b':
        this.#startLimit('timer-b', timing.lifetime);
        break;
      case 'start-f':
        this.#startLimit('timer-f', timing.lifetime);
        break;
      case 'start-d':
        this.#startLimit('timer-d', this.#flow.reliable ? 0 : timing.timerD);
        break;
      case 'start-k':
        this.#startLimit('timer-k', this.#flow.reliable ? 0 : timing.t4);
        break;
      case 'start-m':
        this.#startLimit('timer-m', timing.lifetime);
        break;
      default:
        unreachable(action);
    }
  }

  #passResponse(): void {
    const response = this.#response;
    if (!this.pending) {
      this.#request = undefined;
      this.#encoded = undefined;
    }
    if (response !== undefined) this.#handler.onResponse(response);
    if (this.#state === 'completed' || this.#state === 'terminated') this.#handler = ignoreResponses;
  }

  /** RFC 3261 §17.1.1.3: the same ACK for each repetition of the response. */
  #sendAck(): void {
    if (this.#ack === undefined && this.#request !== undefined && this.#response !== undefined) {
      this.#ack = createAck(this.#request, this.#response).encode();
    }
    this.#send(this.#ack);
  }

  #sendHeldCancel(): void {
    if (this.#request === undefined) return;
    this.#cancel = 'sent';
    this.#startLimit('timer-cancel', this.#context.timing.lifetime);
    this.#context.sendCancel(createCancel(this.#request, this.#cancelReason), this.#flow);
  }

  #send(data: Buffer | undefined): void {
    if (data === undefined || this.#context.send(data, this.#flow, this.#request?.callId)) return;
    // An overlay connection that was lost comes back by `rebind`, or the bridge gives it up by `abandon`.
    if (this.#flow.peer !== undefined) return;
    // Not at once: the caller may not have returned from starting us.
    queueMicrotask(() => this.fail(new TransportError('flow-closed', 'the flow is closed')));
  }

  #startRepeat(name: ClientTimer, maxMs: number): void {
    if (this.#flow.reliable) return;
    if (this.#repeat !== undefined) this.#context.timers.stop(this.#repeat);
    this.#repeatMs = this.#repeatMs === 0 ? this.#context.timing.t1 : Math.min(this.#repeatMs * 2, maxMs);
    this.#repeat = this.#context.timers.start(this.#repeatMs, this, name);
  }

  #startLimit(name: ClientTimer, delayMs: number): void {
    if (this.#limit !== undefined) this.#context.timers.stop(this.#limit);
    this.#limit = undefined;
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
