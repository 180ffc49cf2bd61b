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
