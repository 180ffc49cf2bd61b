import type { Destination } from '../messages/destination.ts';
import { type NodeId, WILDCARD_NODE_ID } from '../wire/ids.ts';
import type { DropReason } from './forwarding-metrics.ts';
import type { LinkTable, Routing } from './ports.ts';

/** What is to be done with a message, from its destination list alone. */
export type RoutingDecision =
  | { readonly action: 'deliver' }
  /** Send to `next` with this destination list. */
  | { readonly action: 'forward'; readonly next: NodeId; readonly destinationList: readonly Destination[] }
  | { readonly action: 'drop'; readonly reason: DropReason };

/** Restores what an opaque id of ours stands for; undefined when it is not ours or too old. */
export type RestoreOpaque = (entry: Destination) => readonly Destination[] | undefined;

/** Opaque ids restored while one message is looked at: an id never stands for another one of ours. */
const MAX_RESTORED = 1;

/**
 * Times a message may come back to us after this. A ring that changes can send one in a circle, and its answer the
 * same way back.
 * NOTE: RFC 6940 sets no limit; without one, a list that names two peers in turn makes a hundred messages of one.
 */
const MAX_RETURNS = 2;

const deliver: RoutingDecision = { action: 'deliver' };

/** RFC 6940 §6.1: examines the first entry, then the next, until one says where the message goes. */
export function routeByDestinations(
  destinationList: readonly Destination[],
  { routing, links, restore }: { routing: Routing; links: LinkTable; restore: RestoreOpaque },
): RoutingDecision {
  let list = destinationList;
  let restored = 0;
  for (;;) {
    const [first] = list;
    if (first === undefined) return drop('destination');
    switch (first.type) {
      case 'node':
        // §6.1.1: the wildcard is consumed locally, whatever follows.
        if (first.nodeId === WILDCARD_NODE_ID) return deliver;
        if (first.nodeId !== routing.self) return towardsNode(first.nodeId, list, routing, links);
        if (list.length === 1) return deliver;
        list = list.slice(1);
        if (visitsLeft(list, routing.self) > MAX_RETURNS) return drop('destination');
        break;
      case 'resource':
        // §6.1.1: "it MUST be the only entry"; meaningless anywhere but last (§6.3.2.2).
        if (list.length > 1) return drop('destination');
        if (routing.isResponsible(first.resourceId)) return deliver;
        return towards(first.resourceId, list, routing);
      case 'opaque':
      case 'compressed': {
        // §6.1.3
        const original = restored < MAX_RESTORED ? restore(first) : undefined;
        if (original === undefined) return drop('stale-opaque-id');
        restored++;
        list = [...original, ...list.slice(1)];
        break;
      }
      case 'unknown':
        return drop('destination');
      default:
        return first satisfies never;
    }
  }
}

function visitsLeft(list: readonly Destination[], self: NodeId): number {
  let visits = 0;
  for (const entry of list) if (entry.type === 'node' && entry.nodeId === self) visits++;
  return visits;
}

/** RFC 6940 §6.1.1 and §6.1.2 for a Node-ID that is not ours. */
function towardsNode(
  nodeId: NodeId,
  list: readonly Destination[],
  routing: Routing,
  links: LinkTable,
): RoutingDecision {
  // "If the first entry on the Destination List is in the peer's Connection Table, the peer MUST forward the
  // message to that peer directly"; clients in our own range are reached this way too.
  if (links.linkTo(nodeId) !== undefined) return { action: 'forward', next: nodeId, destinationList: list };
  if (routing.isResponsible(nodeId)) return drop('unknown-node');
  return towards(nodeId, list, routing);
}

function towards(id: string, list: readonly Destination[], routing: Routing): RoutingDecision {
  const next = routing.nextHop(id);
  if (next === undefined || next === routing.self) return drop('no-route');
  return { action: 'forward', next, destinationList: list };
}

function drop(reason: DropReason): RoutingDecision {
  return { action: 'drop', reason };
}

/** RFC 6940 §6.1.2, §6.2.2: the way back, through the node a request came from and its Via list reversed. */
export function returnPath(viaList: readonly Destination[], previousHop: NodeId): readonly Destination[] {
  return [{ type: 'node', nodeId: previousHop }, ...viaList.toReversed()];
}
