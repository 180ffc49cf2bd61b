import { type Clock, fromHex, type Random } from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { RequestRefusal } from '../forwarding/reload-error.ts';
import { ErrorCode } from '../messages/error-response.ts';
import { ping } from '../messages/ping.ts';
import { type ProbeInformation, ProbeInformationType, probe } from '../messages/probe.ts';
import { routeQuery } from '../messages/route-query.ts';
import type { ResourceStore } from '../storage/resource-store.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { Updates } from './updates.ts';

interface DiagnosticsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly forwarding: ForwardingLayer;
  readonly topology: TopologyPlugin;
  readonly store: ResourceStore;
  readonly updates: Updates;
}

/** Answers the requests that only ask about this peer: Ping, Probe, RouteQuery. */
export function serveDiagnostics({
  clock,
  random,
  forwarding,
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
    const id =
      destination.type === 'node'
        ? destination.nodeId
        : destination.type === 'resource'
          ? destination.resourceId
          : undefined;
    // "Implementations MAY wish to consider limiting the use of RouteQuery for opaque IDs".
    if (id === undefined || fromHex(id)?.length !== 16) throw new RequestRefusal(ErrorCode.Not_Found);
    context.respond({ overlayData: topology.routeQueryContents(id) });
    if (sendUpdate && context.previousHop === context.signer.nodeId) updates.sendFull(context.signer.nodeId);
  });
}
