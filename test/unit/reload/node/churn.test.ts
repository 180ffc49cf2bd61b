import test from 'ava';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { SimulatedOverlay, type SimulatedPeer } from './simulated-overlay.ts';

const SEED = Number(process.env.SEED ?? 20_260_729);
const STEPS = 10;

test('A28, B27-B30: peers join, leave, die and come back at random, and no record is ever missing', async (t) => {
  const log = [`seed ${SEED}`];
  const random = new SeededRandom(SEED);
  const overlay = new SimulatedOverlay(SEED);
  await overlay.grow(6);
  const users: string[] = [];
  const anybody = (): SimulatedPeer => overlay.peers[Math.floor(random.float() * overlay.peers.length)]!;
  const notTheBootstrap = (): SimulatedPeer =>
    overlay.peers[1 + Math.floor(random.float() * (overlay.peers.length - 1))]!;
  const join = async (...joining: SimulatedPeer[]): Promise<void> => {
    const started = Promise.all(joining.map(({ node }) => node.start()));
    overlay.peers.push(...joining);
    await overlay.clock.runUntil(started, 60_000);
  };

  for (let step = 0; step < STEPS; step++) {
    for (let i = 0; i < 4; i++) {
      users.push(`user${users.length}`);
      await overlay.register(anybody(), users.at(-1)!, users.at(-1)!);
    }
    await overlay.clock.advance(100);
    const dice = overlay.peers.length < 5 ? 0 : random.float();
    if (dice < 0.3) {
      log.push('three join at once');
      await join(overlay.make(), overlay.make(), overlay.make());
    } else if (dice < 0.5) {
      log.push('one leaves');
      await overlay.stop(notTheBootstrap());
    } else if (dice < 0.75) {
      log.push('one dies');
      overlay.kill(notTheBootstrap());
    } else {
      log.push('one dies and comes back at once');
      const { identity, kv, ...peer } = notTheBootstrap();
      overlay.kill(overlay.peers.find(({ node }) => node === peer.node)!);
      await join(overlay.make({ identity, kv }));
    }
    for (const user of users) t.deepEqual(await overlay.lookup(anybody(), user), [user], log.join(', '));
    // Longer than the hold-down, so that the next failure finds all replicas again.
    await overlay.clock.advance(35_000);
    t.deepEqual(overlay.faults(), [], log.join(', '));
  }
  await overlay.stopAll();
});
