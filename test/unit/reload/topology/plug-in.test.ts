import test from 'ava';
import { SimulatedOverlay, type SimulatedPeer } from '../node/simulated-overlay.ts';
import { FullMeshTopology } from './full-mesh-topology.ts';

const PEERS = 6;
const USERS = 20;

/** A peer like all others but for its topology plug-in, which the document names (§11.1). */
async function join(overlay: SimulatedOverlay, index: number): Promise<SimulatedPeer> {
  const identity = overlay.newIdentity(overlay.randomOf(`10.8.0.${index}`));
  const peer = overlay.make({
    identity,
    document: { ...overlay.document, topologyPlugin: 'FULL-MESH' },
    topologies: new Map([['FULL-MESH', (_, self) => new FullMeshTopology(self)]]),
  });
  await overlay.start(peer);
  await overlay.clock.advance(500);
  return peer;
}

async function fullMesh(seed: number): Promise<SimulatedOverlay> {
  const overlay = new SimulatedOverlay(seed);
  for (let i = 0; i < PEERS; i++) await join(overlay, i);
  return overlay;
}

const links = ({ node }: SimulatedPeer) => new Set(node.ring().links.map(({ nodeId }) => nodeId)).size;

test('A29: peers with another topology plug-in form an overlay, store, fetch, lose peers and go on', async (t) => {
  const overlay = await fullMesh(61);
  for (const peer of overlay.peers) {
    t.is(peer.node.ring().successors.length, PEERS - 1);
    t.is(links(peer), PEERS - 1);
  }
  const users = Array.from({ length: USERS }, (_, i) => `user${i}`);
  for (const [i, user] of users.entries()) await overlay.register(overlay.peers[i % PEERS]!, user, `at ${i}`);
  const owners = new Set(users.map((user) => overlay.ownerOf(overlay.resourceOf(user))));
  t.true(owners.size > 2, `${owners.size} peers own something`);

  const lookUpAll = async () => {
    const { length } = overlay.peers;
    for (const [i, user] of users.entries())
      t.deepEqual(await overlay.lookup(overlay.peers[(i + 2) % length]!, user), [`at ${i}`], user);
  };
  await lookUpAll();

  // Dead, without a word: the next nearest peers own the records at once.
  for (const user of ['user0', 'user1']) {
    overlay.kill(overlay.ownerOf(overlay.resourceOf(user)));
    await lookUpAll();
  }
  await overlay.register(overlay.peers[0]!, 'later', 'still working');
  t.deepEqual(await overlay.lookup(overlay.peers[2]!, 'later'), ['still working']);

  // A newcomer takes over its part of what is there.
  const newcomer = await join(overlay, 50);
  for (const { node } of overlay.peers) t.is(node.ring().successors.length, PEERS - 2);
  t.true(newcomer.node.storedValues >= USERS, `${newcomer.node.storedValues} values`);
  await lookUpAll();

  await overlay.stop(overlay.peers[1]!);
  await lookUpAll();
  await overlay.stopAll();
});

test('A29: the last peer of an overlay with another topology plug-in goes on alone', async (t) => {
  const overlay = new SimulatedOverlay(62);
  for (let i = 0; i < 2; i++) await join(overlay, i);
  await overlay.register(overlay.peers[0]!, 'alice', 'here');
  overlay.kill(overlay.peers[1]!);
  await overlay.clock.advance(1_000);
  t.deepEqual(await overlay.lookup(overlay.peers[0]!, 'alice'), ['here']);
  await overlay.stopAll();
});
