import test from 'ava';
import { SimulatedOverlay } from '../node/simulated-overlay.ts';
import { XorTopology } from './xor-topology.ts';

test('A29: an overlay runs on another topology plug-in, chosen by the name in the document, everything else unchanged', async (t) => {
  const overlay = new SimulatedOverlay(61);
  for (let i = 0; i < 5; i++) {
    const identity = overlay.newIdentity(overlay.randomOf(`10.8.0.${i}`));
    await overlay.start(
      overlay.make({
        identity,
        document: { ...overlay.document, topologyPlugin: 'XOR' },
        topologies: new Map([['XOR', (_, self) => new XorTopology(self)]]),
      }),
    );
    await overlay.clock.advance(500);
  }
  for (const { node } of overlay.peers) t.is(node.ring().successors.length, 4);
  for (let i = 0; i < 20; i++) await overlay.register(overlay.peers[i % 5]!, `user${i}`, `at ${i}`);
  for (let i = 0; i < 20; i++) {
    t.deepEqual(await overlay.lookup(overlay.peers[(i + 2) % 5]!, `user${i}`), [`at ${i}`]);
  }
  overlay.kill(overlay.ownerOf(overlay.resourceOf('user0')));
  await overlay.clock.advance(1_000);
  await overlay.register(overlay.peers[0]!, 'later', 'still working');
  t.deepEqual(await overlay.lookup(overlay.peers[2]!, 'later'), ['still working']);
  await overlay.stopAll();
});
