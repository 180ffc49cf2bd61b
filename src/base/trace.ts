import type { Address } from './network.ts';

/** The connection or pair of UDP addresses that a message took. */
export interface TracedPath {
  /** `UDP`, `TCP`, `TLS`, `WS`, `WSS`. */
  readonly transport: string;
  readonly local: Address;
  readonly remote: Address;
  /** The Node-ID in hex that the other end proved, on connections of the overlay. */
  readonly peer?: string | undefined;
}

/** A SIP message that has come, before anything is changed in it. */
export interface TracedMessage {
  /** Of a request. */
  readonly method?: string;
  header(name: string): string | undefined;
  /** As octets: made when asked for, so whoever wants no text pays for none. */
  encode(): Uint8Array;
}

/**
 * Sees every SIP message of a peer, decrypted; left out where nobody looks. It is called on hot paths: quick, never
 * throws, keeps no hold on a message. What belongs together has one trace id: the Call-ID.
 */
export interface SipTrace {
  received(message: TracedMessage, path: TracedPath): void;
  /** @param traceId where the sender knows it; else it is looked for in the octets */
  sent(bytes: Uint8Array, path: TracedPath, traceId?: string): void;
}

/** Sees every RELOAD message on every link, decrypted; for the rest like `SipTrace`. */
export interface ReloadTrace {
  /** @param bytes without framing header; shares memory with the receive buffer */
  message(direction: 'in' | 'out', peer: string, bytes: Uint8Array, path: TracedPath): void;
  /** The transaction of this id (RFC 6940 §6.3.2) is about to begin, on behalf of what has that trace id. */
  begun(transactionId: bigint, traceId: string): void;
}
