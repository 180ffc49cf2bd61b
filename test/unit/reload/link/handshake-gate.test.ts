import test from 'ava';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { Backoff } from '../../../../src/reload/link/backoff.ts';
import { HandshakeGate } from '../../../../src/reload/link/handshake-gate.ts';

test('so many run at a time, the rest in turn, beyond that an error', async (t) => {
  const gate = new HandshakeGate({ maxRunning: 2, maxWaiting: 2 });
  const finish: (() => void)[] = [];
  const started: number[] = [];
  const run = (id: number, signal?: AbortSignal) =>
    gate.run(() => {
      started.push(id);
      return new Promise<void>((resolve) => {
        finish.push(resolve);
      });
    }, signal);
  const abort = new AbortController();
  const first = run(1);
  void run(2);
  const third = run(3, abort.signal);
  const fourth = run(4);
  await t.throwsAsync(run(5), { code: 'too-many-handshakes' });
  t.deepEqual(started, [1, 2]);
  abort.abort(new Error('given up'));
  await t.throwsAsync(third, { message: 'given up' });
  finish[0]?.();
  await first;
  await Promise.resolve();
  t.deepEqual(started, [1, 2, 4]);
  finish[1]?.();
  finish[2]?.();
  await fourth;
  const after = run(6);
  finish[3]?.();
  await after;
  t.is(started.at(-1), 6);
});

test('a failing task makes room for the next', async (t) => {
  const gate = new HandshakeGate({ maxRunning: 1, maxWaiting: 1 });
  await t.throwsAsync(gate.run(() => Promise.reject(new Error('no'))));
  t.is(await gate.run(() => Promise.resolve('yes')), 'yes');
});

test('reconnect delays double with jitter up to their bound, and begin anew after success', (t) => {
  const backoff = new Backoff(new SeededRandom(1), { firstMs: 100, maxMs: 1_000 });
  for (const full of [100, 200, 400, 800, 1_000, 1_000]) {
    const delay = backoff.next();
    t.true(delay >= full / 2 && delay <= full, `${delay} of ${full}`);
  }
  backoff.reset();
  t.true(backoff.next() <= 100);
});
