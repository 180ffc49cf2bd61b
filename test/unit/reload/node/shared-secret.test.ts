import test from 'ava';
import { toNode } from '../../../../src/reload/messages/destination.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { DocumentedOverlay } from './documented-overlay.ts';
import { type PeerOptions, SimulatedOverlay } from './simulated-overlay.ts';

const SECRET = Buffer.from('one secret for all peers');

async function grownWith(overlay: SimulatedOverlay, count: number, options: PeerOptions): Promise<void> {
  for (let i = 0; i < count; i++) await overlay.start(overlay.make(options));
  await overlay.clock.advance(3_000);
}

test('B33, T17: peers with one secret form a ring, store, fetch and connect for SIP', async (t) => {
  const overlay = new SimulatedOverlay(331);
  await grownWith(overlay, 5, { sharedSecret: SECRET });
  t.deepEqual(overlay.faults(), []);
  await overlay.register(overlay.peers[1]!, 'alice', 'here');
  t.deepEqual(await overlay.lookup(overlay.peers[4]!, 'alice'), ['here']);
  const [caller, callee] = [overlay.peers[2]!, overlay.peers[3]!];
  callee.node.onApplication(5060, (connection) =>
    connection.setHandler({ onData: (chunk) => connection.send(chunk), onClose() {} }),
  );
  const opened = caller.node.openApplication([toNode(callee.node.nodeId)], 5060);
  const { connection, nodeId } = await overlay.clock.runUntil(opened);
  t.is(nodeId, callee.node.nodeId);
  connection.destroy();
  await overlay.stopAll();
});

test('B33: who has another secret, or none, does not join, and is counted', async (t) => {
  const overlay = new SimulatedOverlay(332);
  const metrics = new CountingMetrics();
  await overlay.start(overlay.make({ sharedSecret: SECRET, metrics }));
  for (const options of [{ sharedSecret: Buffer.from('another secret, a guess') }, {}]) {
    const stranger = overlay.make(options);
    const started = stranger.node.start();
    await overlay.clock.advance(10_000);
    t.is(stranger.node.state, 'joining');
    await overlay.clock.runUntil(stranger.node.stop());
    await started.catch(() => {});
  }
  const refused = metrics.value('reload_link_handshakes_failed_total', {
    direction: 'in',
    reason: 'secret-refused',
  });
  t.true(refused >= 4, `${refused}`);
  t.deepEqual(overlay.peers[0]!.node.ring().links, []);
  await overlay.stopAll();
});

test('B33: the secret of a document keys the links; a new one is taken up live, by a signed document', async (t) => {
  const overlay = new DocumentedOverlay(333);
  const first = overlay.read(overlay.bytes(1, { sharedSecret: 'the first secret' }));
  await overlay.growWith(4, first);
  t.deepEqual(overlay.faults(), []);
  const changed = overlay.bytes(2, { sharedSecret: 'the second secret' });
  await overlay.sendDocument(changed, overlay.peers[1]!);
  await overlay.clock.advance(5_000);
  t.deepEqual(overlay.sequences(), [2, 2, 2, 2]);
  // Links stand; newcomers need the new one.
  t.deepEqual(overlay.faults(), []);
  await overlay.start(overlay.makeWith(overlay.read(changed)));
  await overlay.clock.advance(3_000);
  t.deepEqual(overlay.faults(), []);
  const late = overlay.makeWith(first);
  const started = late.node.start();
  await overlay.clock.advance(10_000);
  t.is(late.node.state, 'joining');
  await overlay.clock.runUntil(late.node.stop());
  await started.catch(() => {});
  await overlay.stopAll();
});

test('B33: a document that begins to ask for a secret ends the nodes that have none, and says so', async (t) => {
  const overlay = new DocumentedOverlay(334);
  await overlay.growWith(2, overlay.read(overlay.bytes(1)));
  await overlay.sendDocument(overlay.bytes(2, { sharedSecret: 'a secret, all at once' }), overlay.peers[0]!);
  const failure = await overlay.clock.runUntil(overlay.peers[0]!.node.failed);
  t.regex(failure.message, /begins to ask for a shared-secret: start this node anew/);
  await overlay.stopAll();
});

test('B33: a node with a bad-node entry loses its links, also those keyed with a secret', async (t) => {
  const overlay = new DocumentedOverlay(335);
  const secret = { sharedSecret: 'the secret of this document' };
  await overlay.growWith(4, overlay.read(overlay.bytes(1, secret)));
  const [bad] = overlay.peers.slice(2, 3);
  const badNodes = new Set([bad!.node.nodeId]);
  await overlay.sendDocument(overlay.bytes(2, { ...secret, badNodes }), overlay.peers[0]!);
  await overlay.clock.advance(20_000);
  for (const { node } of overlay.peers.filter((peer) => peer !== bad)) {
    t.false(node.ring().links.some(({ nodeId }) => badNodes.has(nodeId)));
  }
  await overlay.stopAll();
});
