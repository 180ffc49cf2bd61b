import { errorMessage, type Logger } from '../../base/index.ts';
import type { SipResponse } from '../message/response.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { ClientTransactionHandler } from '../transaction/types.ts';
import { checkAnswererIdentity } from './asserted-identity.ts';
import type { MediaLeg } from './ports.ts';

/**
 * What remains of a branch once it had its 2xx: retransmissions of it, and 2xx of other UAs a later proxy forked to,
 * still go upstream (RFC 3261 §16.7 step 5, RFC 6026 §7.2). It holds nothing of the request: for half a minute
 * there is one of these for each call.
 */
export class LateSuccesses implements ClientTransactionHandler {
  readonly #upstream: ServerTransaction;
  readonly #isTrusted: boolean | undefined;
  readonly #media: MediaLeg | undefined;
  readonly #logger: Logger;

  constructor(
    { upstream, logger }: { readonly upstream: ServerTransaction; readonly logger: Logger },
    { isTrusted, media }: { readonly isTrusted: boolean | undefined; readonly media: MediaLeg | undefined },
  ) {
    this.#logger = logger;
    this.#upstream = upstream;
    this.#isTrusted = isTrusted;
    this.#media = media;
  }

  onResponse(response: SipResponse): void {
    if (!response.isSuccess) return;
    checkAnswererIdentity(response, this.#isTrusted);
    response.removeFirstElement('Via');
    if (!response.has('Via')) return;
    if (this.#media === undefined) this.#upstream.respond(response);
    else this.#respondRelayed(this.#media, response);
  }

  #respondRelayed(media: MediaLeg, response: SipResponse): void {
    media
      .response(response)
      .then(() => this.#upstream.respond(response))
      .catch((error) => this.#logger.error('a response was lost', { error: errorMessage(error) }));
  }

  onTimeout(): void {}

  onTransportError(): void {}
}
