import test from 'ava';
import { fetch } from '../../../../src/reload/messages/fetch.ts';
import { decodeHeader } from '../../../../src/reload/messages/forwarding-header.ts';
import { SimulatedOverlay, type TraceHook } from './simulated-overlay.ts';

const SEED = Number(process.env.SEED ?? 20_260_727);

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
    // What is still on the wire arrives.
    await overlay.clock.advance(100);
    t.is(overlay.clock.pendingTimers, 0, 'nothing is left running');
  });
}

test('A33, A28: 64 peers route in at most log2(64)/2 + 1 hops on average', async (t) => {
  t.log(`seed ${SEED}`);
  const overlay = new SimulatedOverlay(SEED);
  let fetches = 0;
  const trace: TraceHook = (direction, _, message) => {
    const { headerLength } = decodeHeader(message);
    if (direction === 'out' && message[headerLength + 1] === fetch.requestCode) fetches++;
  };
  for (let i = 0; i < 64; i++) await overlay.start(overlay.make({ trace }));
  await overlay.clock.advance(5_000);
  t.deepEqual(overlay.faults(), []);
  fetches = 0;
  const count = 300;
  for (let i = 0; i < count; i++) await overlay.lookup(overlay.peers[i % 64]!, `user${i}`);
  t.log(`mean hops ${(fetches / count).toFixed(2)}`);
  t.true(fetches / count <= Math.log2(64) / 2 + 1);
  await overlay.stopAll();
});
