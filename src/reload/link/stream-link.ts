import {
  type Address,
  type Clock,
  CodedError,
  type Connection,
  type ConnectionHandler,
  formatAddress,
  type Timer,
} from '../../base/index.ts';
import { AckSender, type AckSenderOwner } from './ack-sender.ts';
import { AckWatch, type AckWatchOwner, type AckWatchState } from './ack-watch.ts';
import { DATA_HEADER_BYTES, encodeDataFrame, FRAME_ACK, MAX_FRAMED_BYTES } from './frame.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import type { Link, LinkCloseCode, LinkHandler, LinkPeer, LinkState, TraceHook } from './link.ts';
import type { LinkMetrics } from './link-metrics.ts';
import { PacedReader } from './paced-reader.ts';

/** Bytes that may wait in our process for a slow peer, besides what the kernel holds. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
/** The same of all links together: nodes that ask much and read nothing must not add up. */
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
/** A link with less than this waiting is sent on whatever the others hold. */
const SMALL_QUEUE_BYTES = 64 * 1024;
/** A frame begun must be finished within this time, ms: between one and two of it, since one timer serves many frames. */
const FRAME_MS = 30_000;
/** Messages that may wait for the owner of a fresh link; more close it. */
const MAX_EARLY_MESSAGES = 64;

export interface StreamLinkDeps {
  readonly clock: Clock;
  readonly metrics: LinkMetrics;
  /** Bytes that wait on all links together, ours included. */
  readonly queuedBytes: () => number;
  /** Called once, whoever closed it. */
  readonly onClosed: (reason: CodedError<LinkCloseCode>, link: StreamLink) => void;
  readonly trace?: TraceHook | undefined;
}

export interface StreamLinkOptions {
  readonly id: number;
  readonly peer: LinkPeer;
  readonly isInitiator: boolean;
  /** The overlay's max-message-size, which may change: read anew for each message. */
  readonly limits: { readonly maxMessageBytes: number };
}

const NOTHING: readonly Buffer[] = [];

/**
 * A link over TLS-TCP-FH-NO-ICE (RFC 6940 §6.6.5): framing, acks and failure detection on a TLS connection. It handles
 * its connection's and its frame reader's events itself: a peer has dozens of links, and closures add up.
 */
export class StreamLink implements Link, ConnectionHandler, FrameSink, AckWatchOwner, AckSenderOwner {
  readonly id: number;
  readonly isInitiator: boolean;
  #peer: LinkPeer;
  readonly #deps: StreamLinkDeps;
  readonly #connection: Connection;
  readonly #limits: { readonly maxMessageBytes: number };
  readonly #reader: FrameReader;
  readonly #paced: PacedReader;
  readonly #ownAcks: AckSender;
  readonly #acks: AckWatch;
  #handler: LinkHandler | undefined;
  #early = NOTHING;
  #state: LinkState = 'up';
  #frameTimer: Timer | undefined;

  constructor(deps: StreamLinkDeps, connection: Connection, options: StreamLinkOptions) {
    this.id = options.id;
    this.#peer = options.peer;
    this.isInitiator = options.isInitiator;
    this.#deps = deps;
    this.#connection = connection;
    this.#limits = options.limits;
    this.#acks = new AckWatch(deps.clock, this);
    this.#ownAcks = new AckSender(deps.clock, this);
    this.#reader = new FrameReader(this, options.limits);
    this.#paced = new PacedReader(deps.clock, connection, this.#reader);
    connection.setHandler(this);
  }

  get #maxMessageBytes(): number {
    return Math.min(this.#limits.maxMessageBytes, MAX_FRAMED_BYTES);
  }

  get peer(): LinkPeer {
    return this.#peer;
  }

  get local(): Address {
    return this.#connection.local;
  }

  get remote(): Address {
    return this.#connection.remote;
  }

  get state(): LinkState {
    return this.#state;
  }

  get rttMs(): number | undefined {
    return this.#acks.rttMs;
  }

  /** Bytes that wait in our process. */
  get queuedBytes(): number {
    return this.#connection.bufferedBytes;
  }

  setHandler(handler: LinkHandler): void {
    this.#handler = handler;
    const early = this.#early;
    this.#early = NOTHING;
    for (const message of early) handler.onMessage(message, this);
  }

  /** The other side has said who it is: what comes now waits for the owner. */
  introduced(peer: LinkPeer): void {
    this.#peer = peer;
    this.#handler = undefined;
  }

  send(message: Uint8Array): void {
    if (message.length > this.#maxMessageBytes) {
      throw new CodedError(
        'message-too-large',
        `${message.length} bytes are more than max-message-size, ${this.#maxMessageBytes}`,
      );
    }
    if (this.#state === 'closed' || this.#isCongested() || this.#acks.isFull) {
      this.#deps.metrics.dropped.inc();
      return;
    }
    this.#deps.metrics.dataOut.inc();
    this.#transmit(encodeDataFrame(this.#acks.sent(), message));
  }

  close(): void {
    this.#shut('link-closed', 'closed by this node');
  }

  #isCongested(): boolean {
    const queued = this.queuedBytes;
    if (queued <= SMALL_QUEUE_BYTES) return false;
    return queued > MAX_BUFFERED_BYTES || this.#deps.queuedBytes() > MAX_QUEUED_BYTES;
  }

  /** Closes the link when the frame that waits for its rest now still does much later. */
  #watchFrame(): void {
    if (this.#frameTimer !== undefined) return;
    const { frames } = this.#reader;
    this.#frameTimer = this.#deps.clock.setTimer(FRAME_MS, () => {
      this.#frameTimer = undefined;
      if (!this.#reader.isIncomplete) return;
      if (this.#reader.frames === frames) this.#shut('bad-frame', `a frame not finished in ${FRAME_MS} ms`);
      else this.#watchFrame();
    });
  }

  /** Of the connection. */
  onData(chunk: Buffer): void {
    this.#paced.take(chunk);
    if (this.#reader.isIncomplete) this.#watchFrame();
  }

  /** Of the connection. */
  onClose(error?: Error): void {
    this.#paced.finish();
    const isRefusal = error instanceof CodedError && error.code === 'peer-refused';
    const why = error === undefined ? 'closed by the peer' : error.message;
    this.#finish(
      new CodedError(isRefusal ? 'peer-refused' : 'peer-closed', why, { origin: 'remote', cause: error }),
    );
  }

  /** Of the frame reader. */
  onBadFrame(type: number): void {
    this.#shut('bad-frame', `a frame of type ${type} came`);
  }

  /** Of the frame reader. */
  onFrame(frame: Buffer): void {
    this.#deps.metrics.bytesIn.inc(frame.length);
    this.#deps.trace?.('in', this.peer.nodeIds[0] ?? '', frame, this);
    const sequence = frame.readUInt32BE(1);
    if (frame[0] === FRAME_ACK) {
      this.#deps.metrics.acksIn.inc();
      this.#acks.acknowledged(sequence);
      return;
    }
    this.#deps.metrics.dataIn.inc();
    // The connection gathers what is written in one turn, so an ack shares its TLS record with its neighbours and with
    // an answer that is ready at once.
    this.#ownAcks.received(sequence);
    const message = frame.subarray(DATA_HEADER_BYTES);
    if (this.#handler !== undefined) this.#handler.onMessage(message, this);
    else if (this.#early.length < MAX_EARLY_MESSAGES) this.#early = [...this.#early, message];
    else this.#shut('link-closed', 'messages came faster than the link was taken over');
  }

  /** Of our acks. */
  sendAck(frame: Buffer): void {
    this.#deps.metrics.acksOut.inc();
    this.#transmit(frame);
  }

  /** Of our acks. */
  onUnread(): void {
    this.#shut('link-failed', `${formatAddress(this.remote)} has read nothing for 30 s`);
  }

  #transmit(frame: Buffer): void {
    this.#deps.metrics.bytesOut.inc(frame.length);
    this.#deps.trace?.('out', this.peer.nodeIds[0] ?? '', frame, this);
    this.#connection.send(frame);
  }

  /** Of the frame reader. */
  onOversized(prefix: Buffer, bytes: number): void {
    this.#handler?.onOversized?.(prefix, this);
    this.#shut(
      'message-too-large',
      `a message of ${bytes} bytes came, max-message-size is ${this.#maxMessageBytes}`,
    );
  }

  /** Of the watch over acks. */
  onAckState(state: AckWatchState): void {
    if (state === 'failed') {
      this.#shut('link-failed', `no ack from ${formatAddress(this.remote)} for more than 30 s`);
      return;
    }
    if (state === 'suspect') this.#deps.metrics.suspected.inc();
    this.#state = state;
    this.#handler?.onState?.(state, this);
  }

  /** Closes from our side. A peer that answers no more is not waited for. */
  #shut(code: LinkCloseCode, message: string): void {
    if (this.#state === 'closed') return;
    if (code === 'link-failed') this.#connection.destroy();
    else this.#connection.end();
    this.#finish(new CodedError(code, message));
  }

  #finish(reason: CodedError<LinkCloseCode>): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#acks.stop();
    this.#ownAcks.stop();
    this.#reader.stop();
    this.#paced.stop();
    this.#frameTimer?.close();
    this.#early = NOTHING;
    this.#deps.metrics.closed(reason.code);
    this.#handler?.onState?.('closed', this);
    this.#handler?.onClosed?.(reason, this);
    this.#deps.onClosed(reason, this);
  }
}
