import { formatAddress, isLoopback } from '../../base/index.ts';
import { isPublishable } from '../../p2psip/public-addresses.ts';
import type { BoundListener } from '../../sip/transport/flow.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';

/** The listeners as SIP URIs with the ports really bound. */
export function sipUris(listeners: readonly BoundListener[]): string[] {
  return listeners.map(({ advertised, transport }) => uriOf(formatAddress(advertised), transport));
}

/**
 * What is published for redirectors: `sip.public`, or the listeners that others can reach (architecture, private
 * kinds). The first one is the preferred one.
 */
export function publicUris(config: GatewayConfig, listeners: readonly BoundListener[]): string[] {
  if (config.sip.public.length > 0) return [...config.sip.public];
  const onLoopback = config.overlay.listen.every(({ host }) => isLoopback(host));
  const reachable = listeners.filter(({ advertised }) => isPublishable(advertised.host, onLoopback));
  return reachable.map(({ advertised, transport }) =>
    transport === 'UDP' ? `sip:${formatAddress(advertised)}` : uriOf(formatAddress(advertised), transport),
  );
}

function uriOf(hostPort: string, transport: string): string {
  return `sip:${hostPort};transport=${transport.toLowerCase()}`;
}
