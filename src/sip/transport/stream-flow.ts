import { type Address, type Connection, type ConnectionHandler, Event } from '../../base/index.ts';
import { type FramerHandler, StreamFramer } from '../message/framer.ts';
import { MessageFramer, type MessageFramerHandler } from '../message/message-framer.ts';
import type { MessageError } from '../message/parser.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { OverloadControl } from '../overload/overload-control.ts';
import { TransportError } from './errors.ts';
import { type BoundListener, type Flow, isWebSocket, type TransportName } from './flow.ts';
import type { MessageIntake } from './intake.ts';
import { FREE_QUEUED_BYTES, type QueuedBytes, type SlowReader } from './queued-bytes.ts';
import type { UnfinishedBytes } from './unfinished-bytes.ts';

const PING = Buffer.from('\r\n\r\n');
const PONG = Buffer.from('\r\n');

/** Bytes that may wait for a slow reader before the connection is given up. */
const MAX_QUEUED_BYTES = 4_194_304;

export interface StreamFlowDeps {
  readonly connection: Connection;
  readonly intake: MessageIntake;
  readonly overload: OverloadControl | undefined;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly unfinished: UnfinishedBytes;
  readonly queued: QueuedBytes;
}

export interface StreamFlowOptions {
  readonly id: number;
  readonly transport: TransportName;
  readonly listener?: BoundListener;
  readonly peer?: string;
  /** The name it was opened for. */
  readonly name?: string;
}

/** One connection that carries SIP: TCP, TLS or WebSocket. */
export class StreamFlow implements Flow, ConnectionHandler, FramerHandler, MessageFramerHandler, SlowReader {
  readonly id: number;
  readonly transport: TransportName;
  readonly reliable = true;
  readonly listener: BoundListener | undefined;
  readonly peer: string | undefined;
  readonly closed = new Event<Error | undefined>();
  /** Whole messages received. */
  messages = 0;
  /** Monotonic ms of the last octet received, and of the start of an incomplete message. */
  lastReceivedAt: number;
  incompleteSince: number | undefined;
  /** How long it may be silent, ms, where the other end has said so. */
  maxSilenceMs: number | undefined;
  /** Monotonic ms of an unanswered ping of ours. */
  pingedAt: number | undefined;
  readonly #connection: Connection;
  readonly #intake: MessageIntake;
  readonly #overload: OverloadControl | undefined;
  readonly #framer: StreamFramer | MessageFramer;
  readonly #now: () => number;
  readonly #unfinished: UnfinishedBytes;
  readonly #queued: QueuedBytes;
  /** Of an unfinished message. */
  #heldBytes = 0;
  /** Transactions that need it. */
  #holders = 0;
  #open = true;

  constructor(deps: StreamFlowDeps, options: StreamFlowOptions) {
    this.#connection = deps.connection;
    this.#intake = deps.intake;
    this.#overload = deps.overload;
    this.#now = deps.now;
    this.#unfinished = deps.unfinished;
    this.#queued = deps.queued;
    this.id = options.id;
    this.transport = options.transport;
    this.listener = options.listener;
    this.peer = options.peer;
    this.#framer = isWebSocket(options.transport) ? new MessageFramer(this) : new StreamFramer(this);
    this.lastReceivedAt = deps.now();
    deps.connection.setHandler(this);
  }

  get local(): Address {
    return this.#connection.local;
  }

  get remote(): Address {
    return this.#connection.remote;
  }

  get open(): boolean {
    return this.#open;
  }

  send(data: Uint8Array): void {
    if (!this.#open) throw new TransportError('flow-closed', 'the connection is closed');
    this.#connection.send(data);
    const { queuedBytes } = this;
    if (queuedBytes > MAX_QUEUED_BYTES) this.giveUp();
    else if (queuedBytes > FREE_QUEUED_BYTES) this.#queued.grown(this);
  }

  get queuedBytes(): number {
    return this.#connection.bufferedBytes;
  }

  /** One that ends already loses what is still queued. */
  giveUp(): void {
    const error = new TransportError('slow-reader', 'the other side does not read', { origin: 'remote' });
    if (this.#open) this.close(error);
    else this.#connection.destroy(error);
  }

  /** RFC 5626 §3.5.1: a ping that the other side answers with a single CRLF. */
  ping(): void {
    this.pingedAt = this.#now();
    this.send(PING);
  }

  /** Closes at once; what was queued is lost. */
  close(error?: Error): void {
    if (!this.#open) return;
    this.#finish(error);
    this.#connection.destroy(error);
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
  }

  /** Whether a transaction needs it. */
  get isHeld(): boolean {
    return this.#holders > 0;
  }

  expectTraffic(withinMs: number): void {
    this.maxSilenceMs = withinMs;
  }

  /** Closes after what is queued was sent. */
  end(): void {
    if (!this.#open) return;
    this.#finish(undefined);
    this.#connection.end();
  }

  onData(chunk: Buffer): void {
    if (!this.#open) return;
    this.lastReceivedAt = this.#now();
    this.pingedAt = undefined;
    this.#framer.push(chunk);
    if (!this.#open) return;
    if (!this.#keep(this.#framer.heldBytes)) return;
    if (!this.#framer.midMessage) this.incompleteSince = undefined;
    else this.incompleteSince ??= this.lastReceivedAt;
  }

  /** A part of a WebSocket message is kept below us. */
  onPart(heldBytes: number): void {
    if (this.#open) this.#keep(heldBytes);
  }

  onClose(error?: Error): void {
    if (this.#open) this.#finish(error);
    this.#queued.forget(this);
  }

  onMessage(message: SipRequest | SipResponse): void {
    this.messages += 1;
    this.#overload?.arrived();
    // Another message begins behind this one, or none: either way the clock of the incomplete one starts anew.
    this.incompleteSince = undefined;
    this.#intake.accept(message, this);
  }

  onPing(): void {
    if (this.#open) this.send(PONG);
  }

  onPong(): void {}

  /** Where one message ends and the next begins is lost: answer if possible, then close (RFC 4475 §3.1.2.3). */
  onError(error: MessageError): void {
    this.#intake.reject(error, this);
    this.end();
  }

  onRefused(error: MessageError): void {
    this.#intake.reject(error, this);
  }

  /** Notes what is kept of an unfinished message; false, and closed, when it is too much for all connections together. */
  #keep(bytes: number): boolean {
    if (this.#note(bytes)) return true;
    const problem = 'too much of unfinished messages on all connections';
    this.close(new TransportError('too-much-unfinished', problem));
    return false;
  }

  #note(bytes: number): boolean {
    const before = this.#heldBytes;
    this.#heldBytes = bytes;
    return this.#unfinished.change(before, bytes);
  }

  #finish(error: Error | undefined): void {
    this.#open = false;
    this.#note(0);
    this.closed.emit(error);
  }
}
