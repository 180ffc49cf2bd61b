import test from 'ava';
import { SimulatedOverlay } from './simulated-overlay.ts';

const SEED = Number(process.env['SEED'] ?? 20_260_727);

for (const size of [2, 3, 5, 16]) {
  test(`A2, A13, A33: ${size} peers form one ring, and what any of them stores all of them fetch`, async (t) => {
    t.log(`seed ${SEED}`);
    const overlay = new SimulatedOverlay(SEED);
    const began = Date.now();
    await overlay.grow(size);
    t.log(`grown after ${Date.now() - began} ms, ${overlay.network.totals.connections} connections`);
    t.deepEqual(overlay.faults(), []);
    const users = Array.from({ length: size === 16 ? 200 : 20 }, (_, i) => `user${i}`);
    for (const [i, user] of users.entries()) {
      await overlay.register(overlay.peers[i % size]!, user, `at ${user}`);
    }
    for (const [i, user] of users.entries()) {
      t.deepEqual(await overlay.lookup(overlay.peers[(i + 1) % size]!, user), [`at ${user}`]);
    }
    await overlay.stopAll();
  });
}
