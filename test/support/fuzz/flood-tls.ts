import { Worker } from 'node:worker_threads';
import { Kind } from '../../../src/reload/document/kinds.ts';
import type { ReloadNode } from '../../../src/reload/node/reload-node.ts';
import { userResource } from '../../../src/reload/storage/access-policy.ts';
import { makeTlsPeer } from './fuzz-tls.ts';
import { OVERLAY } from './session-corpus.ts';

export type FloodKind = 'signatures that fail' | 'Stores of its own';

export interface FloodResult {
  /** How long each Fetch took, ms, shortest first: before the flood and during it. */
  readonly quiet: readonly number[];
  readonly flooded: readonly number[];
  /** What became of the flood's messages at the node. */
  readonly received: number;
  readonly delivered: number;
  readonly dropped: number;
  readonly seconds: number;
}

/** A member in a thread of its own sends as fast as it can, while an honest peer fetches one record after the other. */
export async function floodOverTls(kind: FloodKind, floodMs: number): Promise<FloodResult> {
  const victim = makeTlsPeer(undefined);
  await victim.node.start();
  const honest = makeTlsPeer(victim.node);
  await honest.node.start();
  const resource = resourceOf(victim.node);
  const fetches = async (forMs: number): Promise<number[]> => {
    const took: number[] = [];
    for (const end = performance.now() + forMs; performance.now() < end; ) {
      const began = performance.now();
      await honest.node.fetch(resource, [{ kind: Kind.SIP_REGISTRATION }]);
      took.push(performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return took.sort((a, b) => a - b);
  };
  const count = (name: string, labels = {}) => victim.metrics.value(`reload_messages_${name}_total`, labels);
  const quiet = await fetches(2_000);
  const before = { received: count('received'), delivered: count('delivered') };
  const [address] = victim.node.listening;
  const worker = new Worker(new URL('./flood-worker.js', import.meta.url), {
    workerData: { kind, address, nodeId: victim.node.nodeId },
  });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  const began = performance.now();
  const flooded = await fetches(floodMs);
  const seconds = (performance.now() - began) / 1000;
  const result = {
    quiet,
    flooded,
    received: count('received') - before.received,
    delivered: count('delivered') - before.delivered,
    dropped: count('dropped', { reason: 'rate' }),
    seconds,
  };
  await worker.terminate();
  await Promise.all([honest.node.stop(), victim.node.stop()]);
  return result;
}

/** A resource that this node is responsible for, so that a Fetch has to go to it. */
function resourceOf(node: ReloadNode): string {
  for (let i = 0; ; i++) {
    const resource = userResource(`user${i}@${OVERLAY}`);
    if (node.isResponsible(resource)) return resource;
  }
}
