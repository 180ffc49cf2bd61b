import type { RingView } from '../admin/peer-admin.ts';

/**
 * RFC 6940 §10.1: the ring is whole when each peer's first successor is the next Node-ID, the highest wrapping to
 * the lowest.
 * @returns what is wrong first, in words; undefined when the ring is whole
 */
export function findRingFault(views: readonly RingView[]): string | undefined {
  const sorted = [...views].sort((a, b) => (a.node < b.node ? -1 : 1));
  for (const [i, { node, successors }] of sorted.entries()) {
    const next = sorted[(i + 1) % sorted.length]!.node;
    const successor = successors[0] ?? node;
    if (successor !== next) return `the successor of ${node} is ${next}, but it has ${successor}`;
  }
  return undefined;
}
