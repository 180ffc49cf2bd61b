import type { Address, CodedError } from '../../base/index.ts';
import type { NodeId } from '../wire/ids.ts';

/** Who is at the other end, as proved in the TLS handshake. */
export interface LinkPeer {
  /** The Node-IDs of the certificate; mostly one. */
  readonly nodeIds: readonly NodeId[];
  /** The leaf certificate, DER. */
  readonly certificate: Uint8Array;
  /** All that was presented, DER, leaf first. */
  readonly certificates: readonly Uint8Array[];
}

/**
 * `suspect`: acks stay out for longer than the RTO. The link is to leave the routing table and is kept for 30 s: it
 * goes `up` again when acks resume (RFC 6940 §6.6, §6.6.5).
 */
export type LinkState = 'up' | 'suspect' | 'closed';

export type LinkCloseCode =
  /** We closed it. */
  | 'link-closed'
  /** The peer closed it, or the connection broke. */
  | 'peer-closed'
  /** The peer did not want our certificate. */
  | 'peer-refused'
  /** No ack for RTO + 30 s, or nothing read of what we sent for 30 s. */
  | 'link-failed'
  /** What came is not RELOAD framing, or it was begun and not finished. */
  | 'bad-frame'
  /** A message longer than the overlay's max-message-size came. */
  | 'message-too-large';

export interface LinkHandler {
  /** @param message may share memory with the receive buffer: copy what is kept */
  onMessage(message: Buffer, link: Link): void;
  /**
   * A message is longer than max-message-size (RFC 6940 §6.6). What is sent now, such as Error_Message_Too_Large, still
   * goes out; then the link closes.
   * @param prefix the message's first bytes: its forwarding header, unless that is too long as well
   */
  onOversized?(prefix: Buffer, link: Link): void;
  /** The link's state is another; `closed` is the last. */
  onState?(state: LinkState, link: Link): void;
  /** Called once, after `onState`. */
  onClosed?(reason: CodedError<LinkCloseCode>, link: Link): void;
}

/** An authenticated connection to another node that carries RELOAD messages (RFC 6940 §6.6). */
export interface Link {
  /** Unique within this process's link layer. */
  readonly id: number;
  readonly local: Address;
  readonly remote: Address;
  readonly peer: LinkPeer;
  /** True when we opened the connection. */
  readonly isInitiator: boolean;
  readonly state: LinkState;
  /** Smoothed round-trip time, ms; undefined before the first ack. */
  readonly rttMs: number | undefined;
  /** One owner takes the messages and follows the link's state; messages that come before wait. */
  setHandler(handler: LinkHandler): void;
  /**
   * Sends one RELOAD message. On a closed or congested link it is dropped and counted, as a lost one would be:
   * retransmission is end to end.
   * @throws CodedError 'message-too-large' beyond max-message-size
   */
  send(message: Uint8Array): void;
  /** Flushes, then closes. */
  close(): void;
}

/** Sees every frame with its header: for captures. */
export type TraceHook = (direction: 'in' | 'out', peer: NodeId, frame: Uint8Array, link: Link) => void;
