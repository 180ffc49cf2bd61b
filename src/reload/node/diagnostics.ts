import type { Clock, Random } from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { RequestRefusal } from '../forwarding/reload-error.ts';
import type { Destination } from '../messages/destination.ts';
import { ErrorCode } from '../messages/error-response.ts';
import { ping } from '../messages/ping.ts';
import { type ProbeInformation, ProbeInformationType, probe } from '../messages/probe.ts';
import { routeQuery } from '../messages/route-query.ts';
import type { ResourceStore } from '../storage/resource-store.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import { ID_LENGTH, type NodeId, WILDCARD_NODE_ID } from '../wire/ids.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { Updates } from './updates.ts';

interface DiagnosticsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly forwarding: ForwardingLayer;
  readonly connections: ConnectionTable;
  readonly topology: TopologyPlugin;
  readonly store: ResourceStore;
  readonly updates: Updates;
}

/** Answers the requests that only ask about this peer: Ping, Probe, RouteQuery. */
export function serveDiagnostics({
  clock,
  random,
  forwarding,
  connections,
  topology,
  store,
  updates,
}: DiagnosticsDeps): void {
  // RFC 6940 §6.5.3
  forwarding.handle(ping, (_, context) => {
    context.respond({ responseId: Buffer.from(random.bytes(8)).readBigUInt64BE(), time: clock.now() });
  });

  // §6.4.2.5: in the order asked for, what we do not know left out.
  forwarding.handle(probe, ({ requestedInfo }, context) => {
    const known = new Map<number, ProbeInformation>([
      [
        ProbeInformationType.responsibleSet,
        { type: 'responsibleSet', responsiblePpb: topology.responsibleFractionPpb() },
      ],
      [ProbeInformationType.numResources, { type: 'numResources', numResources: store.resourceCount }],
      [ProbeInformationType.uptime, { type: 'uptime', uptime: Math.floor(updates.uptimeS) }],
    ]);
    const probeInfo = [...requestedInfo].flatMap((type) => known.get(type) ?? []);
    context.respond({ probeInfo });
  });

  // §6.4.2.4, §10.8
  forwarding.handle(routeQuery, ({ destination, sendUpdate }, context) => {
    context.respond({ overlayData: topology.routeQueryContents(nextHopTo(destination)) });
    // An Update is believed only over a link with its sender (requirement T18).
    if (sendUpdate && context.previousHop === context.signer.nodeId) updates.sendFull(context.signer.nodeId);
  });

  /** As the forwarding layer decides: a node that is connected, client or peer, is reached directly (§6.1.2). */
  function nextHopTo(destination: Destination): NodeId {
    if (destination.type === 'node') {
      const { nodeId } = destination;
      if (nodeId === WILDCARD_NODE_ID) return topology.self;
      return connections.has(nodeId) ? nodeId : (topology.nextHop(nodeId) ?? topology.self);
    }
    // "Implementations MAY wish to consider limiting the use of RouteQuery for opaque IDs".
    if (destination.type !== 'resource' || destination.resourceId.length !== 2 * ID_LENGTH) {
      throw new RequestRefusal(ErrorCode.Not_Found);
    }
    return topology.nextHop(destination.resourceId) ?? topology.self;
  }
}
