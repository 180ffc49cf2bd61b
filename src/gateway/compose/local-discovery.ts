import type { Clock, Logger, Metrics, Random } from '../../base/index.ts';
import { SystemMulticast } from '../../net/index.ts';
import { LocalDiscovery, MDNS_GROUPS, SITE_HOPS } from '../../reload/discovery/local-discovery.ts';
import type { OverlayDocument } from '../../reload/document/overlay-document.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * The search for peers on the local network.
 * @param of.document in force now
 * @returns undefined where the file switches it off
 */
export function openLocalDiscovery(
  { overlay }: Pick<GatewayConfig, 'overlay'>,
  deps: Deps,
  { nodeId, document }: { readonly nodeId: string; readonly document: () => OverlayDocument },
): LocalDiscovery | undefined {
  if (!overlay.localDiscovery) return undefined;
  const groupsOfDocument = () =>
    document().multicastBootstrap.map((address) => ({ address, hops: SITE_HOPS }));
  return new LocalDiscovery(
    { ...deps, multicast: new SystemMulticast() },
    { overlay: overlay.name, nodeId, groups: () => [...MDNS_GROUPS, ...groupsOfDocument()] },
  );
}
