import test, { type ExecutionContext } from 'ava';
import { Kind } from '../../../../src/reload/document/kinds.ts';
import { SimulatedOverlay, type SimulatedPeer } from './simulated-overlay.ts';

const SEED = Number(process.env.SEED ?? 20_261_125);
const USERS = Array.from({ length: 200 }, (_, i) => `user${i}`);

/** The peer that is responsible for the most records, and the one after it. */
function victims(overlay: SimulatedOverlay): [SimulatedPeer, SimulatedPeer] {
  const counts = new Map<SimulatedPeer, number>();
  for (const user of USERS) {
    const owner = overlay.ownerOf(overlay.resourceOf(user));
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  const [[owner] = []] = [...counts].sort((a, b) => b[1] - a[1]);
  const successor = overlay.peers.find(({ node }) => node.nodeId === owner!.node.ring().successors[0])!;
  return [owner!, successor];
}

/** Fetches all records at once, each from another of the peers. @returns ms until the last was there, and what was not */
async function fetchAll(overlay: SimulatedOverlay): Promise<{ tookMs: number; missing: string[] }> {
  const startedAt = overlay.clock.monotonic();
  const missing: string[] = [];
  let tookMs = 0;
  const all = USERS.map(async (user, i) => {
    const { node } = overlay.peers[i % overlay.peers.length]!;
    const [found] = await node
      .fetch(overlay.resourceOf(user), [{ kind: Kind.SIP_REGISTRATION }])
      .catch(() => []);
    const text = found?.values.map(({ value }) => Buffer.from(value.value).toString()).join();
    if (text !== user) missing.push(`${user}: ${text}`);
    tookMs = Math.max(tookMs, overlay.clock.monotonic() - startedAt);
  });
  await overlay.clock.runUntil(Promise.all(all), 60_000);
  return { tookMs, missing };
}

async function twoDie(
  t: ExecutionContext,
  size: number,
  die: (overlay: SimulatedOverlay, peer: SimulatedPeer) => void,
  limitMs: number,
): Promise<void> {
  t.log(`seed ${SEED}`);
  const overlay = new SimulatedOverlay(SEED + size);
  await overlay.grow(size);
  const stored = USERS.map((user, i) => overlay.storeOf(overlay.peers[i % size]!, user, user));
  await overlay.clock.runUntil(Promise.all(stored), 60_000);
  await overlay.clock.advance(1_000);
  for (const victim of victims(overlay)) die(overlay, victim);
  const { tookMs, missing } = await fetchAll(overlay);
  t.log(`${Math.round(tookMs)} ms`);
  t.deepEqual(missing, []);
  t.true(tookMs <= limitMs, `${tookMs} ms`);
  await overlay.clock.advance(60_000);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
}

const crash = (overlay: SimulatedOverlay, peer: SimulatedPeer): void => overlay.kill(peer);

const fallSilent = (overlay: SimulatedOverlay, peer: SimulatedPeer): void => {
  overlay.network.silence(peer.host);
  overlay.peers.splice(overlay.peers.indexOf(peer), 1);
};

for (const size of [8, 32]) {
  test(`A28: of ${size} peers the responsible one and its successor crash at the same instant: 200 of 200 records within 5 s`, (t) =>
    twoDie(t, size, crash, 5_000));
  test(`A28: of ${size} peers the responsible one and its successor fall silent at the same instant: 200 of 200 records within 15 s`, (t) =>
    twoDie(t, size, fallSilent, 15_000));
}

test('B28, A42: five neighbouring peers crash at the same instant, more than anybody has successors: the ring is whole again within 5 s', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = new SimulatedOverlay(SEED);
  await overlay.grow(48);
  const inRing = overlay.peers.toSorted((a, b) => (a.node.nodeId < b.node.nodeId ? -1 : 1));
  for (const peer of inRing.slice(20, 25)) overlay.kill(peer);
  await overlay.clock.advance(5_000);
  t.deepEqual(overlay.faults(), []);
  await overlay.stopAll();
});
