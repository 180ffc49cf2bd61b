import test from 'ava';
import type { Connection } from '../../../../src/base/index.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { encodeDataFrame } from '../../../../src/reload/link/frame.ts';
import { FrameReader } from '../../../../src/reload/link/frame-reader.ts';
import { PacedReader } from '../../../../src/reload/link/paced-reader.ts';

/** A reader whose messages each take a while of a clock that the test moves. */
function setUp(msPerMessage: number) {
  const timers = new VirtualClock();
  let now = 0;
  const clock = {
    now: () => now,
    monotonic: () => now,
    setTimer: (delayMs: number, callback: () => void) => timers.setTimer(delayMs, callback),
    afterTurn: (callback: () => void) => timers.afterTurn(callback),
  };
  const seen: number[] = [];
  const reader = new FrameReader({
    maxMessageBytes: 1_000,
    onFrame: (frame) => {
      seen.push(frame.readUInt32BE(1));
      now += msPerMessage;
    },
    onOversized() {},
    onBadFrame() {},
  });
  const calls: string[] = [];
  const connection = { pause: () => calls.push('pause'), resume: () => calls.push('resume') };
  const paced = new PacedReader(clock, connection as unknown as Connection, reader);
  const frames = (from: number, count: number) =>
    Buffer.concat(Array.from({ length: count }, (_, i) => encodeDataFrame(from + i, Buffer.alloc(100))));
  return { timers, seen, calls, paced, frames };
}

test('what takes little time is read at once', (t) => {
  const { timers, seen, calls, paced, frames } = setUp(0.01);
  paced.take(frames(0, 300));
  t.is(seen.length, 300);
  t.deepEqual(calls, []);
  t.is(timers.pendingTimers, 0);
});

test('dear messages are read in turns of 4 ms, the connection pauses, and all come in their order', async (t) => {
  const { timers, seen, calls, paced, frames } = setUp(1);
  const stream = frames(0, 30);
  paced.take(stream.subarray(0, 1_650));
  t.is(seen.length, 4);
  t.deepEqual(calls, ['pause']);
  paced.take(stream.subarray(1_650));
  t.is(seen.length, 4, 'nothing is read out of turn');
  await timers.advance(0);
  t.deepEqual(
    seen,
    Array.from({ length: 30 }, (_, i) => i),
  );
  t.deepEqual(calls, ['pause', 'resume']);
  t.is(timers.pendingTimers, 0);
});

test('when the connection ends, what waits is still read; when the link is closed, it is not', async (t) => {
  const ended = setUp(1);
  ended.paced.take(ended.frames(0, 20));
  ended.paced.finish();
  t.is(ended.seen.length, 20);
  const closed = setUp(1);
  closed.paced.take(closed.frames(0, 20));
  closed.paced.stop();
  await closed.timers.advance(1_000);
  t.is(closed.seen.length, 4);
  t.is(closed.timers.pendingTimers, 0);
});
