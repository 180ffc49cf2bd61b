import test from 'ava';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { TimerQueues } from '../../../../src/sip/transaction/timer-queues.ts';

function setUp() {
  const clock = new VirtualClock();
  const errors: unknown[] = [];
  const timers = new TimerQueues<string>(clock, (error) => errors.push(error));
  const fired: string[] = [];
  const owner = { onTimer: (name: string) => fired.push(`${name}@${clock.monotonic()}`) };
  return { clock, errors, timers, fired, owner };
}

test('timers fire at their time, whatever their duration, with one clock timer a duration', async (t) => {
  const { clock, timers, fired, owner } = setUp();
  timers.start(500, owner, 'a');
  timers.start(100, owner, 'b');
  await clock.advance(50);
  timers.start(500, owner, 'c');
  timers.start(100, owner, 'd');
  t.is(clock.pendingTimers, 2);
  await clock.advance(1_000);
  t.deepEqual(fired, ['b@100', 'd@150', 'a@500', 'c@550']);
  t.is(clock.pendingTimers, 0);
});

test('a stopped timer does not fire; one started while another fires does', async (t) => {
  const { clock, timers, fired, owner } = setUp();
  const stopped = timers.start(100, owner, 'stopped');
  timers.stop(stopped);
  const chained = {
    onTimer: (name: string) => {
      owner.onTimer(name);
      if (fired.length < 3) timers.start(100, chained, name);
    },
  };
  timers.start(100, chained, 'x');
  await clock.advance(1_000);
  t.deepEqual(fired, ['x@100', 'x@200', 'x@300']);
});

test('a fault of one owner does not stop the timers of others', async (t) => {
  const { clock, timers, fired, owner, errors } = setUp();
  const fault = new Error('a fault');
  timers.start(
    100,
    {
      onTimer: () => {
        throw fault;
      },
    },
    'x',
  );
  timers.start(100, owner, 'y');
  await clock.advance(100);
  t.deepEqual(errors, [fault]);
  t.deepEqual(fired, ['y@100']);
});

test('thousands of timers fire in order, and clear stops them all', async (t) => {
  const { clock, timers, fired, owner } = setUp();
  for (let index = 0; index < 5_000; index += 1) timers.start(100, owner, String(index));
  await clock.advance(100);
  t.is(fired.length, 5_000);
  t.is(fired[4_999], '4999@100');
  timers.start(100, owner, 'never');
  timers.clear();
  t.is(clock.pendingTimers, 0);
});

test('stopped timers do not wait until they would be due, and those among them that run fire in order', async (t) => {
  const { clock, timers, fired, owner } = setUp();
  for (let index = 0; index < 20_000; index += 1) {
    const entry = timers.start(180_000, owner, String(index));
    if (index % 1_000 !== 0) timers.stop(entry);
    timers.stop(entry.owner === undefined ? entry : timers.start(180_000, owner, 'never'));
    t.true(timers.size < 5_000, `${timers.size} at ${index}`);
  }
  await clock.advance(180_000);
  t.deepEqual(
    fired,
    Array.from({ length: 20 }, (_, index) => `${index * 1_000}@180000`),
  );
  t.is(timers.size, 0);
});

test('what is stopped while others fire neither fires nor holds up anything', async (t) => {
  const { clock, timers, fired, owner } = setUp();
  const entries = Array.from({ length: 4_000 }, (_, index) => timers.start(100, owner, String(index)));
  const stopFrom = (first: number, end: number) => {
    for (const entry of entries.slice(first, end)) timers.stop(entry);
  };
  timers.start(50, { onTimer: () => stopFrom(100, 3_900) }, 'stop');
  await clock.advance(50);
  t.true(timers.size <= 2_000, `${timers.size}`);
  timers.start(50, { onTimer: () => stopFrom(0, 4_000) }, 'all');
  await clock.advance(200);
  t.true(fired.length <= 200);
  t.is(timers.size, 0);
  t.is(clock.pendingTimers, 0);
});

test('timers of many seconds that fall due one after the other are called together, none before its time', async (t) => {
  const { clock, timers } = setUp();
  const calls = new Map<number, number>();
  const late: number[] = [];
  for (let at = 0; at < 10_000; at += 1) {
    const onTimer = () => {
      const now = clock.monotonic();
      calls.set(now, (calls.get(now) ?? 0) + 1);
      late.push(now - at - 32_000);
    };
    timers.start(32_000, { onTimer }, 'x');
    await clock.advance(1);
  }
  await clock.advance(40_000);
  t.is(late.length, 10_000);
  t.true(calls.size <= 21, `woken ${calls.size} times`);
  t.true(Math.min(...late) >= -1 && Math.max(...late) <= 500);
  t.is(clock.pendingTimers, 0);
});
