import { formatAddress, isLoopback } from '../../base/index.ts';
import { isPublishable } from '../../p2psip/public-addresses.ts';
import { type BoundListener, isWebSocket, transportParam } from '../../sip/transport/flow.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';

/** The listeners as SIP URIs with the ports really bound. */
export function sipUris(listeners: readonly BoundListener[]): string[] {
  return listeners.map(uriOf);
}

/**
 * What is published for redirectors: `sip.public`, or the listeners that others can reach (architecture, private
 * kinds). The first one is the preferred one.
 */
export function publicUris(config: GatewayConfig, listeners: readonly BoundListener[]): string[] {
  if (config.sip.public.length > 0) return [...config.sip.public];
  const onLoopback = config.overlay.listen.every(({ host }) => isLoopback(host));
  const reachable = listeners.filter(({ advertised }) => isPublishable(advertised.host, onLoopback));
  // A caller who speaks SIP over WebSocket has one connection, to his own server: he cannot follow a 302 to another.
  return reachable
    .filter(({ transport }) => !isWebSocket(transport))
    .map((listener) =>
      listener.transport === 'UDP' ? `sip:${formatAddress(listener.advertised)}` : uriOf(listener),
    );
}

/** RFC 7118 §5.2: `sips` with `transport=ws` is what others call wss. */
function uriOf({ advertised, transport }: BoundListener): string {
  const scheme = transport === 'WSS' ? 'sips' : 'sip';
  return `${scheme}:${formatAddress(advertised)};transport=${transportParam(transport)}`;
}
