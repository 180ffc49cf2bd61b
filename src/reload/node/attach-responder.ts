import type { Address } from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import type { RequestContext } from '../forwarding/inbound-request.ts';
import { RequestRefusal } from '../forwarding/reload-error.ts';
import { type AttachReqAns, attach } from '../messages/attach.ts';
import { ErrorCode } from '../messages/error-response.ts';
import type { IceCandidate } from '../messages/ice-candidate.ts';
import type { NodeId } from '../wire/ids.ts';
import type { Attacher } from './attacher.ts';
import { connectableAddresses, mixesIceAndNoIce } from './candidates.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { LinkDialer } from './link-dialer.ts';

interface AttachResponderOptions {
  readonly self: NodeId;
  readonly ownAddresses: () => readonly Address[];
  readonly candidates: () => IceCandidate[];
  /** The link stands and the other side asked for an Update (RFC 6940 §6.4.2.3). */
  readonly onUpdateWanted: (nodeId: NodeId) => void;
  /** Told where a peer that we are connected with is listening. */
  readonly onListening: (address: Address) => void;
}

/** Answers Attach requests (RFC 6940 §6.5.1.2) and connects to whoever sent them. */
export class AttachResponder {
  readonly #attacher: Attacher;
  readonly #dialer: LinkDialer;
  readonly #connections: ConnectionTable;
  readonly #options: AttachResponderOptions;

  constructor(
    deps: {
      forwarding: ForwardingLayer;
      attacher: Attacher;
      dialer: LinkDialer;
      connections: ConnectionTable;
    },
    options: AttachResponderOptions,
  ) {
    this.#attacher = deps.attacher;
    this.#dialer = deps.dialer;
    this.#connections = deps.connections;
    this.#options = options;
    deps.forwarding.handle(attach, (request, context) => this.#onAttach(request, context));
  }

  #onAttach(request: AttachReqAns, context: RequestContext<AttachReqAns>): void {
    const from = context.signer.nodeId;
    const { self, ownAddresses, candidates, onUpdateWanted, onListening } = this.#options;
    if (from === self) throw new RequestRefusal(ErrorCode.Forbidden, 'an Attach with our own Node-ID');
    if (mixesIceAndNoIce(request.candidates)) {
      throw new RequestRefusal(ErrorCode.Invalid_Message, 'candidates with and without ICE');
    }
    const addresses = connectableAddresses(request.candidates, ownAddresses());
    if (addresses.length === 0) {
      throw new RequestRefusal(ErrorCode.Not_Found, 'no candidate this node may connect to');
    }
    // §6.1.2: a link that stands already may be one of a certificate with several Node-IDs.
    this.#connections.attached(from);
    // §6.5.1.2: of two Attaches that cross, the one of the larger Node-ID goes on.
    if (this.#attacher.collision(from) === 'we-persist') throw new RequestRefusal(ErrorCode.In_Progress);
    const accepted = this.#dialer.dial(from, addresses, (link) => {
      this.#connections.add(link, from);
      onListening(link.remote);
      if (request.sendUpdate) onUpdateWanted(from);
    });
    if (!accepted) throw new RequestRefusal(ErrorCode.In_Progress, 'too many Attaches');
    context.respond({ ufrag: '', password: '', role: 'active', candidates: candidates(), sendUpdate: false });
  }
}
