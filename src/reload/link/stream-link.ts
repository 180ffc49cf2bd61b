import {
  type Address,
  type Clock,
  CodedError,
  type Connection,
  type ConnectionHandler,
  formatAddress,
  type Slotted,
  type Timer,
} from '../../base/index.ts';
import type { NodeId } from '../wire/ids.ts';
import { AckSender, type AckSenderOwner, DRAINED_BYTES } from './ack-sender.ts';
import { AckWatch, type AckWatchOwner, type AckWatchState } from './ack-watch.ts';
import { DATA_HEADER_BYTES, encodeAckFrame, encodeDataFrame, FRAME_ACK, MAX_FRAMED_BYTES } from './frame.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import type { Link, LinkCloseCode, LinkHandler, LinkPeer, LinkState, TraceHook } from './link.ts';
import type { LinkMetrics } from './link-metrics.ts';
import { PacedReader, readTurn } from './paced-reader.ts';
import { NOTHING_RECEIVED, noteReceived, type ReceivedWindow } from './received-window.ts';

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
  /** The overlay's max-message-size, which may change: read anew for each message. */
  readonly limits: { readonly maxMessageBytes: number };
}

export interface StreamLinkOptions {
  readonly id: number;
  readonly nodeIds: readonly NodeId[];
  readonly isInitiator: boolean;
}

const NO_CERTIFICATE = new Uint8Array(0);

/** What few links ever need, apart from the link itself: a peer has dozens of links, most of them idle. */
interface Extras {
  /** Who the other side says it is where no handshake proves it (§13.4). */
  introducedAs?: LinkPeer;
  /** Messages that came before the owner. */
  early?: Buffer[] | undefined;
  /** Reads in turns, once there was more to read than fits into one. */
  paced?: PacedReader;
  /** Sends our acks, once the peer did not read them at once. */
  ackSender?: AckSender;
  frameTimer?: Timer | undefined;
}

/**
 * A link over TLS-TCP-FH-NO-ICE (RFC 6940 §6.6.5): framing, acks and failure detection on a TLS connection. It handles
 * its connection's and its frame reader's events itself, and what few links need is made when it is needed.
 */
export class StreamLink
  implements
    Link,
    LinkPeer,
    Slotted,
    ReceivedWindow,
    ConnectionHandler,
    FrameSink,
    AckWatchOwner,
    AckSenderOwner
{
  readonly id: number;
  readonly nodeIds: readonly NodeId[];
  readonly isInitiator: boolean;
  slot = 0;
  highestReceived = NOTHING_RECEIVED;
  receivedBits = 0;
  readonly #deps: StreamLinkDeps;
  readonly #connection: Connection;
  readonly #reader: FrameReader;
  readonly #acks: AckWatch;
  #extras: Extras | undefined;
  #handler: LinkHandler | undefined;
  #state: LinkState = 'up';

  constructor(deps: StreamLinkDeps, connection: Connection, options: StreamLinkOptions) {
    this.id = options.id;
    this.nodeIds = options.nodeIds;
    this.isInitiator = options.isInitiator;
    this.#deps = deps;
    this.#connection = connection;
    this.#acks = new AckWatch(this);
    this.#reader = new FrameReader(this);
    connection.setHandler(this);
  }

  get clock(): Clock {
    return this.#deps.clock;
  }

  /** As the frame reader is to know it. */
  get maxMessageBytes(): number {
    return Math.min(this.#deps.limits.maxMessageBytes, MAX_FRAMED_BYTES);
  }

  get peer(): LinkPeer {
    return this.#extras?.introducedAs ?? this;
  }

  /** Of the peer. */
  get certificate(): Uint8Array {
    return this.certificates[0] ?? NO_CERTIFICATE;
  }

  /** Of the peer. */
  get certificates(): readonly Uint8Array[] {
    return this.#connection.peerCertificates;
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
    const early = this.#extras?.early;
    if (early === undefined) return;
    this.#more().early = undefined;
    for (const message of early) handler.onMessage(message, this);
  }

  /** The other side has said who it is: what comes now waits for the owner. */
  introduced(peer: LinkPeer): void {
    this.#more().introducedAs = peer;
    this.#handler = undefined;
  }

  send(message: Uint8Array): void {
    if (message.length > this.maxMessageBytes) {
      throw new CodedError(
        'message-too-large',
        `${message.length} bytes are more than max-message-size, ${this.maxMessageBytes}`,
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
    const extras = this.#more();
    if (extras.frameTimer !== undefined) return;
    const { frames } = this.#reader;
    extras.frameTimer = this.#deps.clock.setTimer(FRAME_MS, () => {
      extras.frameTimer = undefined;
      if (!this.#reader.isIncomplete) return;
      if (this.#reader.frames === frames) this.#shut('bad-frame', `a frame not finished in ${FRAME_MS} ms`);
      else this.#watchFrame();
    });
  }

  /** Of the connection. */
  onData(chunk: Buffer): void {
    const { clock } = this.#deps;
    const rest = this.#extras?.paced === undefined ? readTurn(clock, this.#reader, chunk) : chunk;
    if (rest !== undefined) this.#readInTurns(rest);
    if (this.#reader.isIncomplete) this.#watchFrame();
  }

  /** Of the connection. */
  onClose(error?: Error): void {
    this.#extras?.paced?.finish();
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
    this.#acknowledge(sequence);
    const message = frame.subarray(DATA_HEADER_BYTES);
    if (this.#handler !== undefined) this.#handler.onMessage(message, this);
    else this.#keepEarly(message);
  }

  /** §6.6.2: "SHOULD immediately send an ACK". */
  #acknowledge(sequence: number): void {
    const ack = encodeAckFrame(sequence, noteReceived(this, sequence));
    if (this.#extras?.ackSender === undefined && this.queuedBytes < DRAINED_BYTES) {
      this.sendAck(ack);
      return;
    }
    const extras = this.#more();
    extras.ackSender ??= new AckSender(this.clock, this);
    extras.ackSender.send(ack);
  }

  #keepEarly(message: Buffer): void {
    const extras = this.#more();
    extras.early ??= [];
    if (extras.early.length < MAX_EARLY_MESSAGES) extras.early.push(message);
    else this.#shut('link-closed', 'messages came faster than the link was taken over');
  }

  #readInTurns(chunk: Buffer): void {
    const extras = this.#more();
    if (extras.paced === undefined) {
      extras.paced = new PacedReader(this.clock, this.#connection, this.#reader);
      extras.paced.hold(chunk);
    } else {
      extras.paced.take(chunk);
    }
  }

  #more(): Extras {
    this.#extras ??= {};
    return this.#extras;
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
      `a message of ${bytes} bytes came, max-message-size is ${this.maxMessageBytes}`,
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
    this.#reader.stop();
    this.#extras?.ackSender?.stop();
    this.#extras?.paced?.stop();
    this.#extras?.frameTimer?.close();
    if (this.#extras !== undefined) this.#extras.early = undefined;
    this.#deps.metrics.closed(reason.code);
    this.#handler?.onState?.('closed', this);
    this.#handler?.onClosed?.(reason, this);
    this.#deps.onClosed(reason, this);
  }
}
