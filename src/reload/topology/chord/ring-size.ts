import type { NodeId } from '../../wire/ids.ts';
import { fractionPpb } from './ring-arithmetic.ts';

/**
 * How many peers the ring has, from how densely our neighbours lie on it (RFC 7363 §6.1: the average distance from the
 * most distant predecessor to the most distant successor). Exact while our neighbours are the whole ring; beyond that with six
 * neighbours right within a factor of two, mostly.
 * @param neighbors nearest first, each
 */
export function estimateRingSize(
  self: NodeId,
  neighbors: { readonly predecessors: readonly NodeId[]; readonly successors: readonly NodeId[] },
): number {
  const { predecessors, successors } = neighbors;
  const known = new Set([self, ...predecessors, ...successors]).size;
  const [first, last] = [predecessors.at(-1), successors.at(-1)];
  const gaps = predecessors.length + successors.length;
  // The two sides meet: there is nobody else.
  if (first === undefined || last === undefined || known <= gaps) return known;
  const share = Math.max(1, fractionPpb(first, last)) / 1e9;
  return Math.max(known, Math.round(gaps / share));
}
