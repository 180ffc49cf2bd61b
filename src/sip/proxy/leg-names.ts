import { formatAddress, sameAddress } from '../../base/index.ts';
import { type Flow, transportParam } from '../transport/flow.ts';
import type { FlowTokens, TokenTarget } from './flow-token.ts';
import type { OwnAddresses } from './own-addresses.ts';
import { isSips } from './sips.ts';

type Scheme = 'sip' | 'sips';

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
  readonly #overlayHost: string;

  constructor(
    deps: { own: OwnAddresses; tokens: FlowTokens },
    options: { nodeHex: string; overlayName: string },
  ) {
    this.#own = deps.own;
    this.#tokens = deps.tokens;
    this.#overlayVia = `SIP/2.0/TLS ${options.nodeHex}.invalid;branch=`;
    this.#overlayHost = `${options.nodeHex}@${options.overlayName}`;
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
   * caller (RFC 5658); one alone for two phones that reach us at the same address. SIPS where the request asks for it
   * (RFC 3261 §16.6 step 4).
   */
  recordRoutes(
    caller: Side,
    callee: Side,
    dialog: { callId: string; fromTag: string | undefined; requestUri: string },
  ): string[] {
    const { callId, fromTag = '', requestUri } = dialog;
    const scheme = isSips(requestUri) ? 'sips' : 'sip';
    if (this.#meetAtOneAddress(caller.flow, callee.flow)) {
      const both = { caller: caller.target, callee: callee.target, callerTag: fromTag };
      return [this.#phoneRoute(caller.flow, scheme, this.#tokens.mintBoth(both, callId))];
    }
    return [callee, caller].map(({ flow, target }) =>
      flow.peer === undefined
        ? this.#phoneRoute(flow, scheme, this.#tokens.mint(target, callId))
        : this.#overlayRoute(scheme),
    );
  }

  #overlayRoute(scheme: Scheme): string {
    return `<${scheme}:${this.#overlayHost}${scheme === 'sips' ? '' : ';transport=tls'};lr>`;
  }

  #phoneRoute(flow: Flow, scheme: Scheme, token: string): string {
    const address = formatAddress(this.#own.advertisedFor(flow));
    // RFC 5630 §3.1.4: TLS is what the scheme says already.
    const isImplied = scheme === 'sips' && flow.transport === 'TLS';
    const transport = isImplied ? '' : `;transport=${transportParam(flow.transport)}`;
    return `<${scheme}:${token}@${address}${transport};lr>`;
  }

  #meetAtOneAddress(a: Flow, b: Flow): boolean {
    if (a.peer !== undefined || b.peer !== undefined || a.transport !== b.transport) return false;
    return sameAddress(this.#own.advertisedFor(a), this.#own.advertisedFor(b));
  }
}
