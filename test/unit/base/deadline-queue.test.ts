import test from 'ava';
import fc from 'fast-check';
import { DeadlineQueue } from '../../../src/base/index.ts';
import { VirtualClock } from '../../../src/base/virtual/virtual-clock.ts';

test('keys come due in order, on one timer; moved and deleted ones do not', async (t) => {
  const clock = new VirtualClock();
  const due: string[] = [];
  const queue = new DeadlineQueue<string>(clock, (key) => due.push(key));
  const start = clock.now();
  queue.set('late', start + 300);
  queue.set('early', start + 100);
  queue.set('moved', start + 50);
  queue.set('moved', start + 200);
  queue.set('deleted', start + 150);
  queue.delete('deleted');
  t.is(clock.pendingTimers, 1);
  await clock.advance(120);
  t.deepEqual(due, ['early']);
  await clock.advance(1000);
  t.deepEqual(due, ['early', 'moved', 'late']);
  t.is(clock.pendingTimers, 0);
});

test('whatever is set, moved and deleted, each live key fires once at its last deadline', async (t) => {
  const step = fc.record({ key: fc.nat(20), at: fc.option(fc.nat(1000), { nil: undefined }) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 300 }), async (steps) => {
      const clock = new VirtualClock();
      const start = clock.now();
      const fired = new Map<number, number>();
      const queue = new DeadlineQueue<number>(clock, (key) => fired.set(key, clock.now() - start));
      const expected = new Map<number, number>();
      for (const { key, at } of steps) {
        if (at === undefined) {
          queue.delete(key);
          expected.delete(key);
        } else {
          queue.set(key, start + at);
          expected.set(key, at);
        }
      }
      await clock.advance(1001);
      const sorted = (map: Map<number, number>) => [...map].sort((a, b) => a[0] - b[0]);
      t.deepEqual(sorted(fired), sorted(expected));
    }),
    { numRuns: 50 },
  );
});
