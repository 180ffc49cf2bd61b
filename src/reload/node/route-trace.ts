import { type Clock, CodedError } from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { toNode, toResource } from '../messages/destination.ts';
import { routeQuery } from '../messages/route-query.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { NodeId, ResourceId } from '../wire/ids.ts';

/** A ring of 2^128 has no honest way longer than this. */
const MAX_HOPS = 32;

/** One peer on the way to a resource. */
export interface RouteHop {
  readonly nodeId: NodeId;
  /** How long it took to ask that peer, over the overlay and back, ms; 0 for ourselves. */
  readonly ms: number;
}

export interface RouteTrace {
  /** The way a message takes, this peer first. */
  readonly hops: readonly RouteHop[];
  /** Why it ends before the responsible peer; undefined: the last hop is responsible. */
  readonly broken?: 'loop' | 'too-long';
}

/**
 * Asks each peer on the way to a resource where it would send a message next (RouteQuery, RFC 6940 §6.4.2.4).
 * @throws CodedError 'not-joined', ReloadError, RequestFailure of the peer that did not answer
 */
export async function traceRoute(
  {
    clock,
    forwarding,
    topology,
  }: { readonly clock: Clock; readonly forwarding: ForwardingLayer; readonly topology: TopologyPlugin },
  resource: ResourceId,
): Promise<RouteTrace> {
  if (topology.membership === 'outside') throw new CodedError('not-joined', 'this node routes nothing');
  const hops: RouteHop[] = [{ nodeId: topology.self, ms: 0 }];
  let next = topology.nextHop(resource) ?? topology.self;
  while (next !== hops.at(-1)!.nodeId) {
    const nodeId = next;
    if (hops.some((hop) => hop.nodeId === nodeId)) return { hops, broken: 'loop' };
    if (hops.length > MAX_HOPS) return { hops, broken: 'too-long' };
    const began = clock.monotonic();
    const { body } = await forwarding.request(
      routeQuery,
      { sendUpdate: false, destination: toResource(resource), overlayData: new Uint8Array(0) },
      { destinationList: [toNode(nodeId)] },
    );
    hops.push({ nodeId, ms: clock.monotonic() - began });
    next = topology.routeQueryNext(body.overlayData);
  }
  return { hops };
}
