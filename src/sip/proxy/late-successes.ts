import type { SipResponse } from '../message/response.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { ClientTransactionHandler } from '../transaction/types.ts';

/**
 * What remains of a branch once it had its 2xx: retransmissions of it, and 2xx of other UAs a later proxy forked to,
 * still go upstream (RFC 3261 §16.7 step 5, RFC 6026 §7.2). It holds nothing of the request: for half a minute
 * there is one of these for each call.
 */
export class LateSuccesses implements ClientTransactionHandler {
  readonly #upstream: ServerTransaction;

  constructor(upstream: ServerTransaction) {
    this.#upstream = upstream;
  }

  onResponse(response: SipResponse): void {
    if (!response.isSuccess) return;
    response.removeFirstElement('Via');
    if (response.has('Via')) this.#upstream.respond(response);
  }

  onTimeout(): void {}

  onTransportError(): void {}
}
