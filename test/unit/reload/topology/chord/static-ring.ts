import { createHash } from 'node:crypto';
import { SeededRandom } from '../../../../../src/base/virtual/seeded-random.ts';
import { encodeUpdate } from '../../../../../src/reload/topology/chord/chord-contents.ts';
import { ChordTopology } from '../../../../../src/reload/topology/chord/chord-topology.ts';

/** Repeatable identifiers. */
export function idOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

export const options = { updateIntervalMs: 600_000, pingIntervalMs: 3_600_000, reactive: true };

export function topologyOf(self: string, overrides: Partial<typeof options & { holdDownMs: number }> = {}) {
  return new ChordTopology({ random: new SeededRandom(1) }, self, { ...options, ...overrides });
}

export function update(
  predecessors: readonly string[],
  successors: readonly string[],
  fingers: readonly string[] = [],
): Uint8Array {
  return encodeUpdate({ predecessors, successors, fingers }, false, 0);
}

/** A member of the ring that knows these peers, all of them linked. */
export function memberKnowing(self: string, peers: readonly string[], nowMs = 0): ChordTopology {
  const topology = topologyOf(self);
  const [admitting = '', ...others] = peers;
  topology.updateReceived(admitting, update([self], []), nowMs);
  for (const peer of others) topology.updateReceived(peer, update([], []), nowMs);
  topology.timeout(nowMs + 5_000);
  return topology;
}
