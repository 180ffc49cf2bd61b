import test from 'ava';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { DuplicateCache } from '../../../../src/reload/forwarding/duplicate-cache.ts';
import { ViaTable } from '../../../../src/reload/forwarding/via-table.ts';
import { toNode } from '../../../../src/reload/messages/destination.ts';

const SIGNER = '01'.repeat(16);
const answer = (size: number) => ({ contents: new Uint8Array(size), security: new Uint8Array(0) });

test('B4: answers are remembered for 15 s, per signer', async (t) => {
  const clock = new VirtualClock();
  const cache = new DuplicateCache({ clock });
  t.is(cache.begin(SIGNER, 1n), 'new');
  t.is(cache.begin(SIGNER, 1n), 'in-progress');
  t.is(cache.begin('02'.repeat(16), 1n), 'new');
  cache.answered(SIGNER, 1n, answer(3));
  t.deepEqual(cache.begin(SIGNER, 1n), answer(3));
  await clock.advance(14_999);
  t.deepEqual(cache.begin(SIGNER, 1n), answer(3));
  await clock.advance(1);
  t.is(cache.begin(SIGNER, 1n), 'new');
  cache.answered(SIGNER, 99n, answer(3));
  t.is(cache.size, 1);
});

test('B4: remembered answers are bounded in number and bytes, the oldest go first', (t) => {
  const cache = new DuplicateCache({ clock: new VirtualClock() });
  for (let i = 0n; i < 10_000n; i++) cache.begin(SIGNER, i);
  t.is(cache.size, 8192);
  t.is(cache.begin(SIGNER, 9999n), 'in-progress');
  t.is(cache.begin(SIGNER, 0n), 'new');

  const large = new DuplicateCache({ clock: new VirtualClock() });
  for (let i = 0n; i < 400n; i++) {
    large.begin(SIGNER, i);
    large.answered(SIGNER, i, answer(65_536));
  }
  t.true(large.size <= 258, `${large.size}`);
});

test('B3: opaque ids have the top bit, live for their time and are bounded', async (t) => {
  const clock = new VirtualClock();
  const vias = new ViaTable({ clock, random: new SeededRandom(3) }, { lifetimeMs: 15_000 });
  const [a, b, c] = ['0a', '0b', '0c'].map((byte) => toNode(byte.repeat(16)));
  const entry = vias.compress([a!, b!, c!]);
  if (entry?.type !== 'compressed') return t.fail('no 16-bit id');
  t.true(entry.value >= 0x8000);
  t.deepEqual(vias.restore(entry), [c, b, a]);
  const long = { type: 'opaque', bytes: Uint8Array.of(entry.value >> 8, entry.value & 0xff) } as const;
  t.deepEqual(vias.restore(long), [c, b, a]);
  t.is(vias.restore({ type: 'opaque', bytes: new Uint8Array(3) }), undefined);
  t.is(vias.restore({ type: 'compressed', value: entry.value ^ 1 }), undefined);
  await clock.advance(15_000);
  t.is(vias.restore(entry), undefined);

  for (let i = 0; i < 4096; i++) vias.compress([a!]);
  t.is(vias.compress([a!]), undefined, 'full');
  await clock.advance(15_000);
  t.truthy(vias.compress([a!]));
});
