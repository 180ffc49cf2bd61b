import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { Flow } from '../transport/flow.ts';
import type { ServerTransaction } from './server-transaction.ts';

/** The one owner of a client transaction's results. */
export interface ClientTransactionHandler {
  /** Provisional responses, the final one; after a 2xx to INVITE its retransmissions and those of other branches. */
  onResponse(response: SipResponse): void;
  /** Nothing came within 64*T1 (timers B and F, or after a CANCEL). Nothing more follows. */
  onTimeout(): void;
  /** The request could not be sent, or its connection was lost before any response. Nothing more follows. */
  onTransportError(error: Error): void;
}

/** The transaction user (RFC 3261 §17): the core above this layer. */
export interface TransactionUser {
  /** A new request other than ACK and CANCEL, to be answered through its transaction. */
  onRequest(transaction: ServerTransaction): void;
  /** An ACK for a 2xx, or one that matches nothing. */
  onAck(ack: SipRequest, flow: Flow): void;
  /** A CANCEL, to be answered itself, and the transaction it means, of any method, if there is one (RFC 3261 §9.2). */
  onCancel(cancel: ServerTransaction, meant: ServerTransaction | undefined): void;
  /** A response that matches no client transaction; RFC 6026 §8.2 forbids to forward it. */
  onResponse(response: SipResponse, flow: Flow): void;
}
