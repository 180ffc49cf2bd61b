import { CodedError } from '../../base/index.ts';
import { formatNameAddr } from '../message/name-addr.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipUri } from '../message/uri.ts';
import type { FlowTokens, TokenTarget } from './flow-token.ts';
import type { OwnAddresses } from './own-addresses.ts';

/** Where an already popped request goes by its Routes. */
export interface RouteReading {
  /** Whether one of our popped Routes carried a token of ours for this dialog. */
  readonly isTrusted: boolean;
  /** What the last popped Route says of the way on; undefined when it was no token of ours. */
  readonly target: TokenTarget | undefined;
  /** The Node-ID in hex that the next Route names. */
  readonly nextPeer: string | undefined;
  /** Whether a Route is left. */
  readonly hasRoute: boolean;
}

const NODE_ID = /^[0-9a-f]{32}$/;

/**
 * Reads and pops Routes (RFC 3261 §16.4, and the architecture's "In-dialog routing between peers"). A Route is ours
 * when it is one of our SIP addresses, or when its user part is our Node-ID or a token that we made for this dialog.
 */
export class RouteReader {
  readonly #own: OwnAddresses;
  readonly #tokens: FlowTokens;
  readonly #nodeHex: string;
  readonly #overlayName: string;

  constructor(
    deps: { own: OwnAddresses; tokens: FlowTokens },
    options: { nodeHex: string; overlayName: string },
  ) {
    this.#own = deps.own;
    this.#tokens = deps.tokens;
    this.#nodeHex = options.nodeHex;
    this.#overlayName = options.overlayName.toLowerCase();
  }

  /**
   * Pops all leading Routes that are ours and undoes strict routing.
   * @throws SipSyntaxError when a Route is malformed
   */
  read(request: SipRequest): RouteReading {
    if (!request.has('Route')) return NO_ROUTE;
    this.#undoStrictRouting(request);
    const { routes } = request;
    let target: TokenTarget | undefined;
    let isTrusted = false;
    let popped = 0;
    for (const { uri } of routes) {
      const named = this.#tokenOf(uri, request);
      if (named === undefined && !this.#isOurs(uri, request)) break;
      target = named;
      isTrusted ||= named !== undefined;
      popped += 1;
    }
    for (let count = 0; count < popped; count += 1) request.removeFirstElement('Route');
    const next = routes[popped];
    return { isTrusted, target, nextPeer: this.#peerOf(next?.uri), hasRoute: next !== undefined };
  }

  /** The user part of a URI that names a peer of our overlay, ourselves included. */
  #peerOf(uri: SipUri | undefined): string | undefined {
    if (uri?.user === undefined || uri.host !== this.#overlayName) return undefined;
    const peer = uri.user.toLowerCase();
    return NODE_ID.test(peer) ? peer : undefined;
  }

  /**
   * A token of ours for this dialog is ours at whatever address: over a connection that we opened where we do not listen
   * we are known by its port.
   */
  #tokenOf({ user }: SipUri, { callId, fromTag }: SipRequest): TokenTarget | undefined {
    return user === undefined ? undefined : this.#tokens.read(user, callId, fromTag);
  }

  #isOurs(uri: SipUri, request: SipRequest): boolean {
    const peer = this.#peerOf(uri);
    if (peer !== undefined) return peer === this.#nodeHex;
    if (this.#own.isAddress(uri.host, uri.port)) return true;
    // A phone whose outbound proxy is set to our domain preloads `<sip:example.org;lr>` on its initial requests.
    return uri.user === undefined && this.#own.isDomain(uri.host) && request.toTag === undefined;
  }

  /**
   * RFC 3261 §16.4: a strict router put our Record-Route into the Request-URI, and the real one behind all Routes.
   */
  #undoStrictRouting(request: SipRequest): void {
    const { uri } = request;
    if (this.#peerOf(uri) !== this.#nodeHex && this.#tokenOf(uri, request) === undefined) return;
    const { routes } = request;
    const last = routes[routes.length - 1]!;
    request.setHeader('Route', [`<${uri}>`, ...routes.slice(0, -1).map(formatNameAddr)].join(', '));
    request.setRequestUri(last.uri);
  }
}

const NO_ROUTE: RouteReading = { isTrusted: false, target: undefined, nextPeer: undefined, hasRoute: false };

/**
 * RFC 3261 §16.6 step 6: the next hop of a request, its first Route or its Request-URI; a strict router gets its own
 * URI as the Request-URI.
 */
export function nextHopUri(request: SipRequest): SipUri {
  if (!request.has('Route')) return request.uri;
  const first = request.routes[0];
  if (first === undefined) throw new CodedError('bad-route', 'an empty Route header');
  if (first.uri.params.has('lr')) return first.uri;
  request.appendHeader('Route', `<${request.requestUri}>`);
  request.removeFirstElement('Route');
  request.setRequestUri(first.uri);
  return first.uri;
}
