import test from 'ava';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { DuplicateCache } from '../../../../src/reload/forwarding/duplicate-cache.ts';
import { ViaTable } from '../../../../src/reload/forwarding/via-table.ts';
import { type Destination, toNode } from '../../../../src/reload/messages/destination.ts';

const SIGNER = '01'.repeat(16);
const answer = (size: number) => ({ contents: new Uint8Array(size), certificates: [] });

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

test('B3: opaque ids have the top bit, are used in turn, live for their time and are bounded', async (t) => {
  const clock = new VirtualClock();
  const vias = new ViaTable({ clock, random: new SeededRandom(3) }, { reliabilityTimerMs: () => 3_000 });
  const [a, b, c] = ['0a', '0b', '0c'].map((byte) => toNode(byte.repeat(16)));
  const [entry] = vias.compress([a!, b!, c!]);
  if (entry?.type !== 'compressed') return t.fail('no 16-bit id');
  t.true(entry.value >= 0x8000 && entry.value <= 0xffff);
  t.deepEqual(vias.restore(entry), [c, b, a]);
  const long = { type: 'opaque', bytes: Uint8Array.of(entry.value >> 8, entry.value & 0xff) } as const;
  t.deepEqual(vias.restore(long), [c, b, a]);
  t.is(vias.restore({ type: 'opaque', bytes: new Uint8Array(3) }), undefined);
  t.is(vias.restore({ type: 'compressed', value: entry.value ^ 1 }), undefined);
  await clock.advance(14_999);
  t.deepEqual(vias.restore(entry), [c, b, a]);
  await clock.advance(1);
  t.is(vias.restore(entry), undefined);

  const values = new Set<number>();
  for (let i = 0; i < 4096; i++)
    for (const one of vias.compress([a!])) if (one.type === 'compressed') values.add(one.value);
  t.is(values.size, 4096);
  t.false(values.has(entry.value), 'an id comes back only after all others');
  t.deepEqual(vias.compress([a!]), [a], 'full');
  await clock.advance(15_000);
  t.is(vias.compress([a!])[0]?.type, 'compressed');
});

test('B2: the state of a way back is kept for the overlay-reliability-timer when that is longer than 15 s', async (t) => {
  const clock = new VirtualClock();
  const vias = new ViaTable({ clock, random: new SeededRandom(3) }, { reliabilityTimerMs: () => 20_000 });
  const [entry] = vias.compress([toNode(SIGNER)]);
  await clock.advance(19_999);
  t.deepEqual(vias.restore(entry!), [toNode(SIGNER)]);
});

test('B3: the Via list grows by the previous hop and is replaced when it is long', (t) => {
  const vias = new ViaTable(
    { clock: new VirtualClock(), random: new SeededRandom(3) },
    { reliabilityTimerMs: () => 3_000 },
  );
  let list: readonly Destination[] = [];
  for (let hops = 1; hops < 12; hops++) {
    list = vias.extend(list, SIGNER);
    t.is(list.length, hops);
  }
  const whole = vias.extend(list, SIGNER);
  t.is(whole.length, 1);
  t.deepEqual(vias.restore(whole[0]!), [toNode(SIGNER), ...list]);
});

test('B3: long Via lists of others take 4 MiB at most, and do not hold the messages they came in', async (t) => {
  const clock = new VirtualClock();
  const vias = new ViaTable({ clock, random: new SeededRandom(3) }, { reliabilityTimerMs: () => 3_000 });
  const list = () => {
    const message = new Uint8Array(65_536);
    return Array.from({ length: 250 }, (_, i) => ({
      type: 'opaque' as const,
      bytes: message.subarray(i * 250, i * 250 + 250),
    }));
  };
  let compressed = 0;
  for (let i = 0; i < 4_096; i++) if (vias.compress(list()).length === 1) compressed++;
  t.true(compressed > 40 && compressed < 60, `${compressed}`);
  const before = list();
  await clock.advance(15_000);
  const [entry] = vias.compress(before);
  const path = vias.restore(entry!);
  t.deepEqual(path, before.toReversed());
  t.true(path!.every((one) => one.type === 'opaque' && one.bytes.buffer.byteLength === 250));
});
