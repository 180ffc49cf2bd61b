import test from 'ava';
import { SimulatedOverlay } from './simulated-overlay.ts';

test('A18: a lone node without `first` is an error, with it it owns the ring', async (t) => {
  const overlay = new SimulatedOverlay(31);
  const lone = overlay.make({ first: false });
  await t.throwsAsync(overlay.clock.runUntil(lone.node.start()), { code: 'no-bootstrap' });
  await overlay.clock.runUntil(lone.node.stop());

  const first = overlay.make();
  await overlay.start(first);
  t.is(first.node.state, 'joined');
  t.true(first.node.isResponsible('0'.repeat(32)));
  t.true(first.node.isResponsible('f'.repeat(32)));
  await overlay.stopAll();
});

test('A18: a first node with bootstrap nodes asks them for 5 s before it starts alone', async (t) => {
  const overlay = new SimulatedOverlay(32);
  const first = overlay.make({ bootstrap: [{ host: '10.7.7.7', port: 6084 }] });
  const took = await overlay.start(first);
  t.true(took >= 4_900 && took <= 5_100, `${took} ms`);
  t.is(first.node.state, 'joined');
  await overlay.stopAll();
});

test('A18: a first node joins the ring that is there already', async (t) => {
  const overlay = new SimulatedOverlay(33);
  await overlay.grow(2);
  const another = overlay.make({ first: true });
  t.true((await overlay.start(another)) < 2_000);
  await overlay.clock.advance(2_000);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
});

test('A18: a first node that started alone joins a bootstrap node that comes up later', async (t) => {
  const overlay = new SimulatedOverlay(34);
  const late = overlay.make({ first: true, bootstrap: [] });
  const early = overlay.make({ first: true, bootstrap: [overlay.addressOf(late)] });
  await overlay.start(early);
  await overlay.start(late);
  await overlay.clock.advance(60_000);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
});

test('a peer keeps trying while its bootstrap node is not up yet', async (t) => {
  const overlay = new SimulatedOverlay(35);
  const first = overlay.make();
  const waiting = overlay.make({ first: false, bootstrap: [overlay.addressOf(first)] });
  const joined = waiting.node.start();
  await overlay.clock.advance(20_000);
  t.is(waiting.node.state, 'joining');
  await overlay.start(first);
  overlay.peers.push(waiting);
  await overlay.clock.runUntil(joined, 31_000);
  await overlay.clock.advance(1_000);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
});

test('a new peer joins a ring of five in well under 2 s', async (t) => {
  const overlay = new SimulatedOverlay(36);
  await overlay.grow(5);
  const took = await overlay.start(overlay.make());
  t.log(`${took.toFixed(0)} ms at 5 to 15 ms one way`);
  t.true(took < 1_000);
  await overlay.stopAll();
});

test('P10: a peer that lost everybody is isolated, serves what it has, and joins again', async (t) => {
  const overlay = new SimulatedOverlay(37);
  await overlay.grow(3);
  await overlay.register(overlay.peers[0]!, 'alice', 'here');
  await overlay.clock.advance(100);
  const alone = overlay.peers[1]!;
  const states: string[] = [];
  alone.node.changed.on(() => states.at(-1) === alone.node.state || states.push(alone.node.state));
  overlay.network.partition([[alone.host]]);
  await overlay.clock.advance(60_000);
  t.is(alone.node.state, 'isolated');
  t.deepEqual(await overlay.lookup(alone, 'alice'), ['here']);
  overlay.network.heal();
  await overlay.clock.advance(60_000);
  t.is(alone.node.state, 'joined');
  t.deepEqual(states.slice(-2), ['isolated', 'joined']);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
});

test('A22: with the bootstrap node down, a peer rejoins through the peers it knew', async (t) => {
  const overlay = new SimulatedOverlay(38);
  await overlay.grow(5);
  const [bootstrap, restarting] = [overlay.peers[0]!, overlay.peers[4]!];
  await overlay.stop(restarting);
  overlay.kill(bootstrap);
  await overlay.clock.advance(5_000);
  const again = overlay.make({
    identity: restarting.identity,
    kv: restarting.kv,
    bootstrap: [overlay.addressOf(bootstrap)],
    first: false,
  });
  t.true((await overlay.start(again)) < 10_000);
  await overlay.clock.advance(40_000);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
});

test('a clone of a data directory learns that its Node-ID is taken', async (t) => {
  const overlay = new SimulatedOverlay(39);
  await overlay.grow(1);
  const clone = overlay.make({ identity: overlay.peers[0]!.identity });
  await t.throwsAsync(overlay.clock.runUntil(clone.node.start(), 20_000), { code: 'node-id-conflict' });
  await overlay.clock.runUntil(clone.node.stop());
  t.is(overlay.peers[0]!.node.state, 'joined');
  await overlay.stopAll();
});

test('A10: a client stores, fetches and is reached through its peer, and never enters the ring', async (t) => {
  const overlay = new SimulatedOverlay(40);
  await overlay.grow(4);
  const client = overlay.make({ role: 'client', bootstrap: [overlay.addressOf(overlay.peers[2]!)] });
  await overlay.clock.runUntil(client.node.start());
  t.is(client.node.state, 'joined');
  await overlay.register(client, 'carol', 'at a client');
  t.deepEqual(await overlay.lookup(overlay.peers[0]!, 'carol'), ['at a client']);
  t.deepEqual(await overlay.lookup(client, 'carol'), ['at a client']);
  t.deepEqual(overlay.faults(), []);
  t.deepEqual(client.node.ring().successors, []);
  t.is(client.node.storedValues, 0);

  client.node.onApplication(5060, (connection) => connection.setHandler({ onData() {}, onClose() {} }));
  const through = { type: 'node', nodeId: overlay.peers[2]!.node.nodeId } as const;
  const to = { type: 'node', nodeId: client.node.nodeId } as const;
  const { nodeId } = await overlay.clock.runUntil(
    overlay.peers[0]!.node.openApplication([through, to], 5060),
  );
  t.is(nodeId, client.node.nodeId);

  overlay.kill(overlay.peers[2]!);
  await overlay.clock.advance(2_000);
  t.is(client.node.state, 'isolated');
  await overlay.clock.runUntil(client.node.stop());
  await overlay.stopAll();
});

test('A42: two halves of a ring grow together again through the bootstrap node', async (t) => {
  const overlay = new SimulatedOverlay(41);
  await overlay.grow(6);
  const away = overlay.peers.slice(3).map(({ host }) => host);
  overlay.network.partition([away]);
  await overlay.clock.advance(120_000);
  await overlay.register(overlay.peers[0]!, 'here', 'a');
  await overlay.register(overlay.peers[4]!, 'there', 'b');
  overlay.network.heal();
  await overlay.clock.advance(1_500_000);
  t.deepEqual(overlay.faults(), []);
  for (const peer of overlay.peers) {
    t.deepEqual(await overlay.lookup(peer, 'here'), ['a']);
    t.deepEqual(await overlay.lookup(peer, 'there'), ['b']);
  }
  await overlay.stopAll();
});
