import { chordUpdate } from '../../../src/reload/messages/chord.ts';
import { decodeHeader } from '../../../src/reload/messages/forwarding-header.ts';
import { messageName } from '../../../src/reload/messages/methods.ts';
import { encodeWhole } from '../../../src/reload/wire/codec.ts';
import { SimulatedOverlay, type SimulatedPeer } from '../../unit/reload/node/simulated-overlay.ts';

/** The overlay whose messages they are. */
export const OVERLAY = 'sim.example.org';

/** Messages of one kind that are kept: enough to vary, few enough that rare kinds have their share. */
const PER_KIND = 40;

/** The SIP application of RFC 7904 §5.1. */
const APPLICATION = 5061;

/**
 * The messages of an overlay's life as its peers sent them: joins, Attaches, Updates, Stores, Fetches, replicas,
 * diagnostics, AppAttaches, a crash and a Leave. By name, in the order they were first seen.
 */
export async function recordSession(seed: number): Promise<ReadonlyMap<string, readonly Uint8Array[]>> {
  const overlay = new SimulatedOverlay(seed);
  const corpus = new Map<string, Uint8Array[]>();
  const trace = (direction: 'in' | 'out', _peer: string, message: Uint8Array): void => {
    if (direction !== 'out') return;
    const name = nameOf(message);
    const kept = corpus.get(name) ?? [];
    if (kept.length < PER_KIND) kept.push(Uint8Array.from(message));
    corpus.set(name, kept);
  };
  for (let i = 0; i < 6; i++) await overlay.start(overlay.make({ trace }));
  await overlay.clock.advance(3_000);
  for (let i = 0; i < 30; i++) await overlay.register(overlay.peers[i % 6]!, `user${i}`, `contact ${i}`);
  for (let i = 0; i < 30; i++) await overlay.lookup(overlay.peers[(i + 3) % 6]!, `user${i}`);
  await diagnose(overlay);
  await callEachOther(overlay);
  overlay.kill(overlay.peers.at(-1)!);
  await overlay.clock.advance(20_000);
  await overlay.stop(overlay.peers.at(-1)!);
  await overlay.stopAll();
  return corpus;
}

function nameOf(message: Uint8Array): string {
  const { headerLength } = decodeHeader(message);
  return messageName(message[headerLength]! * 256 + message[headerLength + 1]!);
}

async function diagnose(overlay: SimulatedOverlay): Promise<void> {
  const [first, second] = overlay.peers as [SimulatedPeer, SimulatedPeer];
  const kinds = [...overlay.document.kinds.keys()];
  for (let i = 0; i < 5; i++) {
    const resource = overlay.resourceOf(`user${i}`);
    await overlay.clock.runUntil(first.node.stat(resource, [{ kind: kinds[0]! }]));
    await overlay.clock.runUntil(first.node.find(resource, kinds));
    await overlay.clock.runUntil(first.node.ping(second.node.nodeId));
  }
}

async function callEachOther(overlay: SimulatedOverlay): Promise<void> {
  const [first, ...others] = overlay.peers as [SimulatedPeer, ...SimulatedPeer[]];
  for (const { node } of others) {
    node.onApplication(APPLICATION, (connection) => connection.destroy());
    const destination = [{ type: 'node' as const, nodeId: node.nodeId }];
    const { connection } = await overlay.clock.runUntil(first.node.openApplication(destination, APPLICATION));
    connection.destroy();
  }
}

/** An Update that names these peers as its sender's neighbours. */
export function updateNaming(predecessors: readonly string[], successors: readonly string[]): Uint8Array {
  return encodeWhole(chordUpdate, { uptime: 60, update: { type: 'neighbors', predecessors, successors } });
}
