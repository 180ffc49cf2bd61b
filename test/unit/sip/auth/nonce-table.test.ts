import test from 'ava';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { NonceTable, type NonceTableOptions } from '../../../../src/sip/auth/nonce-table.ts';

function setup(options: NonceTableOptions = {}, seed = 1) {
  const clock = new VirtualClock();
  return { clock, nonces: new NonceTable({ clock, random: new SeededRandom(seed) }, options) };
}

test('RFC 7616 §3.4: each nonce count serves once', (t) => {
  const { nonces } = setup();
  const nonce = nonces.mint();
  t.true(nonces.use(nonce, 1));
  t.false(nonces.use(nonce, 1), 'a replay');
  t.true(nonces.use(nonce, 2));
  t.true(nonces.use(nonces.mint(), 1), 'counts belong to one nonce');
});

test('a window of 64 counts bears what UDP reorders, in any order and once each', (t) => {
  const { nonces } = setup();
  const nonce = nonces.mint();
  t.true(nonces.use(nonce, 100));
  for (const count of [99, 69, 68, 67, 38, 37, 70, 98]) t.true(nonces.use(nonce, count), `${count}`);
  for (const count of [100, 99, 69, 68, 67, 38, 37]) t.false(nonces.use(nonce, count), `${count} again`);
  t.false(nonces.use(nonce, 36), 'behind the window');
  t.true(nonces.use(nonce, 132), 'moves the window by 32');
  t.false(nonces.use(nonce, 100), 'still known after the move');
  t.false(nonces.use(nonce, 69));
  t.true(nonces.use(nonce, 131));
  t.true(nonces.use(nonce, 1000), 'a jump empties the window');
  t.true(nonces.use(nonce, 999));
  t.false(nonces.use(nonce, 132));
});

test('the window agrees with a plain set for random sequences', (t) => {
  const { nonces } = setup();
  const random = new SeededRandom(7);
  const nonce = nonces.mint();
  const used = new Set<number>();
  let highest = 0;
  for (let step = 0; step < 2000; step += 1) {
    const count = Math.max(1, highest + Math.floor(random.float() * 90) - 70);
    const expected = count > highest || (count > highest - 64 && !used.has(count));
    t.is(nonces.use(nonce, count), expected, `count ${count} at highest ${highest}`);
    used.add(count);
    highest = Math.max(highest, count);
  }
});

test('foreign, forged and old nonces are stale; so are all after a restart', async (t) => {
  const { clock, nonces } = setup({ lifetimeMs: 60_000, key: new Uint8Array(32) });
  const nonce = nonces.mint();
  t.false(nonces.use('dcd98b7102dd2f0e8b11d0f600bfb0c093', 1));
  t.false(nonces.use('', 1));
  t.false(nonces.use(`${nonce.slice(0, -1)}${nonce.endsWith('A') ? 'B' : 'A'}`, 1));
  const restarted = setup({ key: new Uint8Array(32) }, 2).nonces;
  t.false(restarted.use(nonce, 1), 'same key, other boot id');
  await clock.advance(60_000);
  t.true(nonces.use(nonce, 1));
  await clock.advance(1);
  t.false(nonces.use(nonce, 2));
});

test('the table is bounded; what fell out of it is stale and cannot be replayed', (t) => {
  const { nonces } = setup({ capacity: 3 });
  const minted = Array.from({ length: 5 }, () => nonces.mint());
  const unused = nonces.mint();
  for (const nonce of minted) t.true(nonces.use(nonce, 1));
  t.is(nonces.size, 3);
  t.false(nonces.use(minted[0]!, 2), 'pushed out');
  t.true(nonces.use(minted[4]!, 2), 'still there');
  t.true(nonces.use(unused, 1), 'newer than all that were pushed out');
});
