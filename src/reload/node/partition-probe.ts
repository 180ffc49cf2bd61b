import type { Logger } from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { toNode, toResource } from '../messages/destination.ts';
import { ping } from '../messages/ping.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { Attacher } from './attacher.ts';
import type { Bootstrap } from './bootstrap.ts';
import type { Updates } from './updates.ts';

interface PartitionProbeDeps {
  readonly logger: Logger;
  readonly forwarding: ForwardingLayer;
  readonly topology: TopologyPlugin;
  readonly attacher: Attacher;
  readonly bootstrap: Bootstrap;
  readonly updates: Updates;
}

/**
 * RFC 6940 §10.7.4.4: asks a configured bootstrap node who follows us on the ring. Somebody we do not know means that
 * the overlay fell apart: it is attached to and sent an Update, and the two rings grow together from there.
 * @throws CodedError when no bootstrap node can be reached or nobody answers
 */
export async function probePartition(deps: PartitionProbeDeps, signal: AbortSignal): Promise<void> {
  const { logger, forwarding, topology, attacher, bootstrap, updates } = deps;
  if (bootstrap.addresses({ cached: false }).length === 0) return;
  const through = await bootstrap.connect({ cached: false, signal });
  // Our own Node-ID plus 1: the owner of that resource is our successor, as in a join.
  const destinationList = [toNode(through), toResource(topology.admittingResource())];
  const { signer } = await forwarding.request(
    ping,
    { padding: new Uint8Array(0) },
    { destinationList, firstHop: through, signal },
  );
  const { nodeId } = signer;
  if (nodeId === topology.self || topology.knows(nodeId)) return;
  logger.info('the overlay has another part', { through, successorThere: nodeId });
  await attacher.attach([toNode(through), toNode(nodeId)], { firstHop: through, signal });
  updates.send([nodeId], false);
}
