import test from 'ava';
import { systemClock, systemRandom } from '../../../src/net/index.ts';

test('the system clock runs its timers and closes them', async (t) => {
  const before = systemClock.monotonic();
  let closedRan = false;
  systemClock
    .setTimer(1, () => {
      closedRan = true;
    })
    .close();
  const far = systemClock.setTimer(1e12, () => t.fail('a far timer fired at once'));
  await new Promise<void>((resolve) => {
    systemClock.setTimer(5, resolve);
  });
  far.close();
  t.true(systemClock.monotonic() - before >= 4);
  t.true(Math.abs(systemClock.now() - Date.now()) < 1_000);
  t.false(closedRan);
});

test('random bytes have the length asked for and are never handed out twice', (t) => {
  const seen = new Set<string>();
  const kept = systemRandom.bytes(16);
  const copy = Buffer.from(kept);
  for (let draw = 0; draw < 2_000; draw++) {
    const bytes = systemRandom.bytes(16);
    t.is(bytes.length, 16);
    seen.add(Buffer.from(bytes).toString('hex'));
  }
  t.is(seen.size, 2_000);
  t.deepEqual(Buffer.from(kept), copy);
  t.is(systemRandom.bytes(1_000).length, 1_000);
  t.is(systemRandom.bytes(0).length, 0);
  const float = systemRandom.float();
  t.true(float >= 0 && float < 1);
});
