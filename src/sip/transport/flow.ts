import type { Address, EventSource } from '../../base/index.ts';

export type TransportName = 'UDP' | 'TCP' | 'TLS' | 'WS' | 'WSS';

/** Whether only the client can open a connection, so that it is reached over the one it opened or not at all (RFC 7118). */
export function isWebSocket(transport: TransportName): transport is 'WS' | 'WSS' {
  return transport === 'WS' || transport === 'WSS';
}

/** What a URI's transport parameter says for it (RFC 7118 §5.2: `ws` for both). */
export function transportParam(transport: TransportName): string {
  return isWebSocket(transport) ? 'ws' : transport.toLowerCase();
}

/** A socket we listen on. */
export interface BoundListener {
  readonly transport: TransportName;
  /** Where the socket is bound; the host may be a wildcard. */
  readonly local: Address;
  /** What others are told to use. */
  readonly advertised: Address;
}

/**
 * A path to one remote address (RFC 5626 §3.1): a connection, or over UDP our socket and their address. The same
 * UDP path gives the same object while it is in use; `id` tells flows apart for the life of the process.
 */
export interface Flow {
  readonly id: number;
  readonly transport: TransportName;
  /** False for UDP: transactions retransmit. */
  readonly reliable: boolean;
  readonly local: Address;
  readonly remote: Address;
  /** The listener it came in on or, for UDP, is sent from; undefined for connections we opened. */
  readonly listener: BoundListener | undefined;
  /** The Node-ID in hex that the other side proved, on SIP connections of the overlay. */
  readonly peer: string | undefined;
  readonly open: boolean;
  /** Emitted once, with the error if there was one. */
  readonly closed: EventSource<Error | undefined>;
  /** On connections: the other end has promised to be silent no longer than this, ms; else the flow has failed. */
  expectTraffic?(withinMs: number): void;
  /** On connections: a transaction needs it until `release`; as long it is not closed to make room for others. */
  hold?(): void;
  release?(): void;
  /** @throws TransportError 'flow-closed' when `open` is false */
  send(data: Uint8Array): void;
}

/** Requests above this go by a congestion-controlled transport (RFC 3261 §18.1.1), if the target is a URI's. */
export const MAX_DATAGRAM_REQUEST_BYTES = 1300;

export function defaultPort(transport: TransportName): number {
  switch (transport) {
    case 'UDP':
    case 'TCP':
      return 5060;
    case 'TLS':
      return 5061;
    case 'WS':
      return 80;
    case 'WSS':
      return 443;
  }
}
