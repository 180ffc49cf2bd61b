import test from 'ava';
import { attach } from '../../../../src/reload/messages/attach.ts';
import { type Destination, toNode } from '../../../../src/reload/messages/destination.ts';
import { decodeHeader } from '../../../../src/reload/messages/forwarding-header.ts';
import { fingerIndex, plusPowerOfTwo } from '../../../../src/reload/topology/chord/ring-arithmetic.ts';
import { SimulatedOverlay } from './simulated-overlay.ts';

const SEED = Number(process.env.SEED ?? 20_261_127);

/** Destination lists of the Attaches that begin at this node. */
function attaches(seen: readonly Uint8Array[]): (readonly Destination[])[] {
  return seen.flatMap((message) => {
    const { headerLength, viaList, destinationList } = decodeHeader(message);
    const code = message[headerLength]! * 256 + message[headerLength + 1]!;
    return code === attach.requestCode && viaList.length === 0 ? [destinationList] : [];
  });
}

test('B27: a joining node Attaches to n+2^(128-i) for its fingers and to neighbours through who named them; each finger lies in its range', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = new SimulatedOverlay(SEED);
  await overlay.grow(32);
  const sent: Uint8Array[] = [];
  const joining = overlay.make({
    trace: (direction, _, message) => {
      if (direction === 'out') sent.push(Uint8Array.from(message));
    },
  });
  await overlay.start(joining);
  await overlay.clock.advance(10_000);
  const { nodeId } = joining.node;
  const ring = joining.node.ring();
  const lists = attaches(sent);

  // §10.5 "JN MUST send an Attach to peer n+2^(128-i)", routed conventionally (§10.6).
  const targets = Array.from({ length: 128 }, (_, i) => plusPowerOfTwo(nodeId, 127 - i));
  const searched = lists.flatMap(([only, more]) =>
    only?.type === 'resource' && more === undefined ? [targets.indexOf(only.resourceId) + 1] : [],
  );
  // The far half of the ring, its quarter and its eighth are beyond the neighbours of any peer of 33.
  for (const i of [1, 2, 3]) t.true(searched.includes(i), `entry ${i} of ${searched}`);
  // §10.6: "MUST source-route the Attach request through the peer from which it learned the new peer's Node-ID".
  const neighbours = [...ring.predecessors, ...ring.successors];
  const direct = lists.filter((list) => list.length === 1 && list[0]?.type === 'node');
  t.deepEqual(
    direct.filter(([only]) => only?.type === 'node' && neighbours.includes(only.nodeId)),
    [],
  );
  const throughInformant = lists.filter(([via, target]) => via?.type === 'node' && target?.type === 'node');
  t.true(
    throughInformant.length >= 4,
    `${throughInformant.length} neighbours attached to through another peer`,
  );
  for (const [via] of throughInformant) t.notDeepEqual(via, toNode(nodeId));

  // §10.7.4.2: valid entries only, and all that exist.
  const others = overlay.peers.filter((peer) => peer !== joining).map(({ node }) => node.nodeId);
  for (const finger of ring.fingers) t.true(others.includes(finger));
  for (const i of [1, 2, 3]) {
    const candidates = others.filter((other) => fingerIndex(nodeId, other) === i);
    const held = ring.fingers.filter((finger) => fingerIndex(nodeId, finger) === i);
    t.is(held.length, Math.min(1, candidates.length), `entry ${i}`);
  }
  await overlay.stopAll();
});
