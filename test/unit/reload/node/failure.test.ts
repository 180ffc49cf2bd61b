import test from 'ava';
import { SimulatedOverlay } from './simulated-overlay.ts';

const SEED = Number(process.env.SEED ?? 20_260_728);
const USERS = Array.from({ length: 60 }, (_, i) => `user${i}`);

/** Each of eight peers stores its certificate at two places. */
const CERTIFICATES = 2 * 8;

async function populated(size: number, seed = SEED): Promise<SimulatedOverlay> {
  const overlay = new SimulatedOverlay(seed);
  await overlay.grow(size);
  for (const [i, user] of USERS.entries()) await overlay.register(overlay.peers[i % size]!, user, user);
  // What is on its way to the replicas dies with a simulated host; a killed process's kernel would still send it.
  await overlay.clock.advance(100);
  return overlay;
}

async function lost(overlay: SimulatedOverlay): Promise<string[]> {
  const missing = [];
  for (const [i, user] of USERS.entries()) {
    const found = await overlay.lookup(overlay.peers[i % overlay.peers.length]!, user);
    if (found[0] !== user) missing.push(user);
  }
  return missing;
}

test('A28: the owner is killed, and at once all its records are fetched', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = await populated(8);
  overlay.kill(overlay.ownerOf(overlay.resourceOf('user0')));
  t.deepEqual(await lost(overlay), []);
  await overlay.clock.advance(20_000);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
});

test('A28: a lookup on its way to the owner when that is killed is answered without waiting for a retransmission', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = await populated(8);
  const owner = overlay.ownerOf(overlay.resourceOf('user0'));
  const asking = overlay.peers.find(({ node }) => node.ring().successors[0] === owner.node.nodeId)!;
  const start = overlay.clock.now();
  const answer = overlay.lookup(asking, 'user0');
  overlay.kill(owner);
  t.deepEqual(await answer, ['user0']);
  t.true(overlay.clock.now() - start < 1000, `${overlay.clock.now() - start} ms`);
  await overlay.stopAll();
});

test('A28: two adjacent peers are killed at the same moment, and no record is lost', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = await populated(8);
  const owner = overlay.ownerOf(overlay.resourceOf('user0'));
  const successor = overlay.peers.find(({ node }) => node.nodeId === owner.node.ring().successors[0])!;
  overlay.kill(owner);
  overlay.kill(successor);
  t.deepEqual(await lost(overlay), []);
  await overlay.clock.advance(20_000);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
});

test('A28: after the hold-down there are three copies of every record again', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = await populated(8);
  for (let round = 0; round < 4; round++) {
    overlay.kill(overlay.peers[round % overlay.peers.length]!);
    await overlay.clock.advance(180_000);
    t.deepEqual(overlay.faults(), []);
    t.is(
      overlay.peers.reduce((sum, { node }) => sum + node.storedValues, 0),
      3 * (USERS.length + CERTIFICATES),
      `round ${round}`,
    );
  }
  t.deepEqual(await lost(overlay), []);
  await overlay.stopAll();
});

test('B30: a peer that leaves hands over, and all records are there at once', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = await populated(5);
  while (overlay.peers.length > 1) {
    await overlay.stop(overlay.peers.at(-1)!);
    t.deepEqual(overlay.faults(), []);
    t.deepEqual(await lost(overlay), []);
  }
  await overlay.stopAll();
});

test('B16, B28: a peer that goes silent is found out by its links and replaced', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = await populated(6);
  const silent = overlay.peers[2]!;
  overlay.network.silence(silent.host);
  overlay.peers.splice(2, 1);
  await overlay.clock.advance(60_000);
  t.deepEqual(overlay.faults(), []);
  t.deepEqual(await lost(overlay), []);
  await overlay.stopAll();
});

test('records follow the ring while it grows', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = await populated(2);
  await overlay.grow(10);
  t.deepEqual(overlay.faults(), []);
  t.deepEqual(await lost(overlay), []);
  await overlay.clock.advance(120_000);
  t.deepEqual(await lost(overlay), []);
  t.is(
    overlay.peers.reduce((sum, { node }) => sum + node.storedValues, 0),
    3 * (USERS.length + 2 * 12),
    'three copies each, the surplus dropped',
  );
  await overlay.stopAll();
});

test('many peers may join at the same moment', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = await populated(2);
  const joining = Array.from({ length: 10 }, () => overlay.make());
  const started = Promise.all(joining.map(({ node }) => node.start()));
  overlay.peers.push(...joining);
  await overlay.clock.runUntil(started, 60_000);
  await overlay.clock.advance(5_000);
  t.deepEqual(overlay.faults(), []);
  t.deepEqual(await lost(overlay), []);
  await overlay.stopAll();
});
