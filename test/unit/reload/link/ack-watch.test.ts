import test from 'ava';
import type { Clock } from '../../../../src/base/index.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { AckWatch, type AckWatchState } from '../../../../src/reload/link/ack-watch.ts';
import { RttEstimator } from '../../../../src/reload/link/rtt-estimator.ts';

function watch(clock: Clock = new VirtualClock()) {
  const states: string[] = [];
  const onAckState = (state: AckWatchState) => states.push(`${state} ${Math.round(clock.monotonic())}`);
  const acks = new AckWatch({ clock, onAckState });
  return { clock: clock as VirtualClock, acks, states };
}

test('B16: RTO as RFC 6298 §2: 1 s at first, SRTT + 4·RTTVAR, not below 1 s nor above 60 s', (t) => {
  const rtt = new RttEstimator();
  t.is(rtt.rtoMs, 1_000);
  t.is(rtt.rttMs, undefined);
  rtt.measured(800);
  t.is(rtt.rttMs, 800);
  t.is(rtt.rtoMs, 800 + 4 * 400);
  rtt.measured(400);
  // RTTVAR = 3/4·400 + 1/4·|800-400| = 400; SRTT = 7/8·800 + 1/8·400 = 750
  t.is(rtt.rttMs, 750);
  t.is(rtt.rtoMs, 750 + 4 * 400);
  for (let sample = 0; sample < 100; sample++) rtt.measured(2);
  t.is(rtt.rtoMs, 1_000);
  for (let sample = 0; sample < 100; sample++) rtt.measured(100_000);
  t.is(rtt.rtoMs, 60_000);
});

test('B15: sequence numbers begin with 0 and grow by one', (t) => {
  const { acks } = watch();
  t.deepEqual([acks.sent(), acks.sent(), acks.sent()], [0, 1, 2]);
});

test('B16: acks measure the round-trip time; an ack covers the frames before it', async (t) => {
  const { clock, acks, states } = watch();
  acks.sent();
  await clock.advance(10);
  acks.sent();
  acks.sent();
  await clock.advance(30);
  acks.acknowledged(1);
  t.is(acks.rttMs, 30);
  t.is(acks.unacked, 1);
  acks.acknowledged(1);
  acks.acknowledged(77);
  t.is(acks.unacked, 1, 'a repeated ack and one for nothing change nothing');
  acks.acknowledged(2);
  await clock.advance(100_000);
  t.deepEqual(states, []);
  t.is(clock.pendingTimers, 0);
});

test('B16: a frame unacknowledged for the RTO makes the link suspect, 30 s later it has failed', async (t) => {
  const { clock, acks, states } = watch();
  acks.sent();
  await clock.advance(20);
  acks.acknowledged(0);
  await clock.advance(5_000);
  acks.sent();
  await clock.advance(100_000);
  t.deepEqual(states, ['suspect 6020', 'failed 36020']);
  t.is(clock.pendingTimers, 0);
});

test('B16: acks that resume bring the link up again', async (t) => {
  const { clock, acks, states } = watch();
  acks.sent();
  await clock.advance(20_000);
  acks.acknowledged(0);
  await clock.advance(60_000);
  t.deepEqual(states, ['suspect 1000', 'up 20000']);
});

test('B16: a frame is judged from its own sending, not from the first of a busy link', async (t) => {
  const { clock, acks, states } = watch();
  for (let sequence = 0; sequence < 5_000; sequence++) {
    acks.sent();
    await clock.advance(5);
    acks.acknowledged(sequence);
  }
  t.deepEqual(states, []);
  t.is(acks.unacked, 0);
});

test('B16: time in which our own event loop stood still does not count', async (t) => {
  // As after a long garbage collection: the clock jumps, timers run late, acks wait unread behind them.
  const inner = new VirtualClock();
  let stalledMs = 0;
  const clock: Clock = {
    now: () => inner.now() + stalledMs,
    monotonic: () => inner.monotonic() + stalledMs,
    setTimer: (delayMs, callback) => inner.setTimer(delayMs, callback),
    afterTurn: (callback) => inner.afterTurn(callback),
  };
  const { acks, states } = watch(clock);
  acks.sent();
  await inner.advance(100);
  stalledMs = 10_000;
  await inner.advance(500);
  t.deepEqual(states, []);
  acks.acknowledged(0);
  t.true((acks.rttMs ?? 0) < 700, 'the stall is no round-trip time');
  acks.sent();
  await inner.advance(3_000);
  t.is(states.length, 1, 'a peer that is silent still is found out');
});

test('unacknowledged frames are bounded', (t) => {
  const { acks } = watch();
  while (!acks.isFull) acks.sent();
  t.is(acks.unacked, 16_384);
});
