import { type Address, formatAddress, sameAddress } from '../../base/index.ts';
import type { Flow } from '../transport/flow.ts';
import type { FlowTokens, TokenTarget } from './flow-token.ts';
import type { OwnAddresses } from './own-addresses.ts';

/** One side of a dialog: the flow a request came on or leaves by, and how that side is reached later. */
export interface Side {
  readonly flow: Flow;
  readonly target: TokenTarget;
}

/** How we name ourselves in the Via and Record-Route of a leg (the architecture's "In-dialog routing between peers"). */
export class LegNames {
  readonly #own: OwnAddresses;
  readonly #tokens: FlowTokens;
  readonly #overlayVia: string;
  readonly #overlayRoute: string;

  constructor(
    deps: { own: OwnAddresses; tokens: FlowTokens },
    options: { nodeHex: string; overlayName: string },
  ) {
    this.#own = deps.own;
    this.#tokens = deps.tokens;
    this.#overlayVia = `SIP/2.0/TLS ${options.nodeHex}.invalid;branch=`;
    this.#overlayRoute = `<sip:${options.nodeHex}@${options.overlayName};transport=tls;lr>`;
  }

  /** A Via value for a request that leaves by this flow. */
  via(flow: Flow, branch: string): string {
    if (flow.peer !== undefined) return this.#overlayVia + branch;
    const sentBy = formatAddress(this.#own.advertisedFor(flow));
    // RFC 3581: over UDP the answer comes back to the port we send from, also when a NAT is in between.
    const rport = flow.transport === 'UDP' ? ';rport' : '';
    return `SIP/2.0/${flow.transport} ${sentBy}${rport};branch=${branch}`;
  }

  /**
   * The Record-Route values for a dialog-forming request, topmost first: one towards the callee, one towards the
   * caller (RFC 5658); one alone when both would say the same.
   */
  recordRoutes(caller: Side, callee: Side, callId: string): string[] {
    if (caller.flow.peer === undefined && callee.flow.peer === undefined && this.#areAlike(caller, callee)) {
      return [this.#recordRoute(callee, callId)];
    }
    return [this.#recordRoute(callee, callId), this.#recordRoute(caller, callId)];
  }

  #recordRoute({ flow, target }: Side, callId: string): string {
    if (flow.peer !== undefined) return this.#overlayRoute;
    const address = formatAddress(this.#own.advertisedFor(flow));
    const token = this.#tokens.mint(target, callId);
    return `<sip:${token}@${address};transport=${flow.transport.toLowerCase()};lr>`;
  }

  /** Both sides reach us at one address and are reached at their Contacts. */
  #areAlike(a: Side, b: Side): boolean {
    if (a.target.kind !== 'contact' || b.target.kind !== 'contact') return false;
    if (a.flow.transport !== b.flow.transport) return false;
    const ofA: Address = this.#own.advertisedFor(a.flow);
    return sameAddress(ofA, this.#own.advertisedFor(b.flow));
  }
}
