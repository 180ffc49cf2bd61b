import test from 'ava';
import { sleep } from '../../../../src/base/clock.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';

test('timers run in the order of due time, then of creation', async (t) => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  clock.setTimer(20, () => seen.push('c'));
  clock.setTimer(10, () => seen.push('a'));
  clock.setTimer(10, () => seen.push('b'));
  clock.setTimer(21, () => seen.push('never'));
  await clock.advance(20);
  t.deepEqual(seen, ['a', 'b', 'c']);
  t.is(clock.monotonic(), 20);
  t.is(clock.pendingTimers, 1);
});

test('promise chains settle at the instant they belong to, before the next timer', async (t) => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const sleeper = async () => {
    await sleep(clock, 5);
    for (let link = 0; link < 50; link++) await Promise.resolve();
    seen.push(`chain at ${clock.monotonic()}`);
    await sleep(clock, 5);
    seen.push(`woken at ${clock.monotonic()}`);
  };
  void sleeper();
  clock.setTimer(6, () => seen.push('six'));
  clock.setTimer(10, () => seen.push('ten'));
  await clock.advance(12);
  t.deepEqual(seen, ['chain at 5', 'six', 'ten', 'woken at 10']);
});

test('a timer set by a timer within the same advance runs at its own time', async (t) => {
  const clock = new VirtualClock({ startMs: 1_000 });
  const seen: number[] = [];
  const again = () => {
    seen.push(clock.now());
    if (seen.length < 4) clock.setTimer(25, again);
  };
  clock.setTimer(25, again);
  await clock.advance(100);
  t.deepEqual(seen, [1025, 1050, 1075, 1100]);
});

test('closed timers never run, do not count and do not pile up', async (t) => {
  const clock = new VirtualClock();
  let ran = 0;
  const timers = Array.from({ length: 1000 }, (_, index) => clock.setTimer(index, () => ran++));
  for (const timer of timers.slice(0, 900)) timer.close();
  t.is(clock.pendingTimers, 100);
  timers[0]?.close();
  t.is(clock.pendingTimers, 100);
  await clock.advance(1000);
  t.is(ran, 100);
  t.is(clock.pendingTimers, 0);
});

test('runUntil stops at the instant at which the promise settles', async (t) => {
  const clock = new VirtualClock();
  clock.setTimer(9_999, () => {});
  const value = await clock.runUntil(sleep(clock, 250).then(() => 'done'));
  t.is(value, 'done');
  t.is(clock.monotonic(), 250);
  await t.throwsAsync(clock.runUntil(sleep(clock, 500), 100), { message: /100 ms have passed/ });
  await t.throwsAsync(clock.runUntil(new Promise(() => {})), { message: /no timer is left/ });
});

test('what a timer throws comes out of advance, and the clock goes on afterwards', async (t) => {
  const clock = new VirtualClock();
  let ran = false;
  clock.setTimer(1, () => {
    throw new Error('boom');
  });
  clock.setTimer(2, () => {
    ran = true;
  });
  await t.throwsAsync(clock.advance(5), { message: 'boom' });
  await clock.advance(5);
  t.true(ran);
});

test('seeded randomness repeats, and derived sequences differ', (t) => {
  const sequence = (random: SeededRandom) => Array.from({ length: 5 }, () => random.float());
  t.deepEqual(sequence(new SeededRandom(7)), sequence(new SeededRandom(7)));
  t.notDeepEqual(sequence(new SeededRandom(7)), sequence(new SeededRandom(8)));
  t.notDeepEqual(sequence(new SeededRandom(7).derive(1)), sequence(new SeededRandom(7).derive(2)));
  t.deepEqual(new SeededRandom(3).bytes(11), new SeededRandom(3).bytes(11));
  t.is(new SeededRandom(3).bytes(11).length, 11);
  const random = new SeededRandom(1);
  let sum = 0;
  for (let draw = 0; draw < 10_000; draw++) {
    const value = random.float();
    t.assert(value >= 0 && value < 1);
    sum += value;
  }
  t.true(Math.abs(sum / 10_000 - 0.5) < 0.02);
});
