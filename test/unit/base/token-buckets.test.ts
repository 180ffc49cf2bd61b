import test from 'ava';
import { TokenBuckets } from '../../../src/base/token-buckets.ts';

const taken = (buckets: TokenBuckets, key: string, times: number, nowMs: number, cost = 1) => {
  let passed = 0;
  for (let i = 0; i < times; i++) if (buckets.take(key, cost, nowMs)) passed++;
  return passed;
};

test('a burst passes at once, then the rate', (t) => {
  const buckets = new TokenBuckets({ perSecond: 100, burst: 500 });
  t.is(taken(buckets, 'a', 1_000, 0), 500);
  t.is(taken(buckets, 'a', 1_000, 1_000), 100);
  t.is(taken(buckets, 'a', 1_000, 1_050), 5);
  t.is(taken(buckets, 'a', 1_000, 3_600_000), 500);
});

test('keys do not share, a refused cost takes nothing, and what is dearer than the burst empties it', (t) => {
  const buckets = new TokenBuckets({ perSecond: 1, burst: 10 });
  t.is(taken(buckets, 'a', 3, 0, 4), 2);
  t.is(taken(buckets, 'a', 3, 0), 2);
  t.is(taken(buckets, 'b', 2, 0, 1_000), 1);
  t.is(taken(buckets, 'b', 1, 0), 0);
  buckets.giveBack('b', 3);
  t.is(taken(buckets, 'b', 5, 0), 3);
  buckets.giveBack('c', 3);
  t.is(buckets.size, 2);
});

test('many keys take the room of 4,096, and full buckets are forgotten', (t) => {
  const buckets = new TokenBuckets({ perSecond: 0, burst: 10 });
  for (let i = 0; i < 100_000; i++) {
    buckets.take(String(i), 1, i / 10);
    if (buckets.size > 4_096) t.fail(`${buckets.size} buckets`);
  }
  t.is(buckets.size, 4_096);

  const idle = new TokenBuckets({ perSecond: 1_000, burst: 10 });
  for (let i = 0; i < 10_000; i++) idle.take(String(i), 1, i);
  t.true(idle.size <= 64, `${idle.size} buckets`);
});
