import { setMaxListeners } from 'node:events';
import test from 'ava';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { RecordHolders } from '../../../../src/reload/node/record-holders.ts';
import { RecordPace } from '../../../../src/reload/node/record-pace.ts';
import { LAST, RecordRanking, rankOf } from '../../../../src/reload/node/record-ranking.ts';

const { signal } = new AbortController();
setMaxListeners(0, signal);

test('B28: records move in the background at a bounded pace, in the order of asking', async (t) => {
  const clock = new VirtualClock();
  const pace = new RecordPace({ clock }, { perSecond: 100, burst: 50 });
  const done: number[] = [];
  for (let i = 0; i < 1_000; i++) void pace.take(signal).then(() => done.push(i));
  await clock.advance(0);
  t.is(done.length, 50);
  await clock.advance(1_000);
  t.is(done.length, 150);
  await clock.advance(5_000);
  t.is(done.length, 650);
  t.deepEqual(
    done,
    [...done].sort((a, b) => a - b),
  );
  pace.hurry();
  await pace.take(signal);
  t.pass('who leaves does not wait');
});

test('a turn that is waited for ends with the node', async (t) => {
  const clock = new VirtualClock();
  const pace = new RecordPace({ clock }, { perSecond: 1, burst: 1 });
  const stopping = new AbortController();
  await pace.take(stopping.signal);
  const waiting = pace.take(stopping.signal);
  stopping.abort(new Error('stopped'));
  await t.throwsAsync(waiting, { message: 'stopped' });
  await t.throwsAsync(pace.take(stopping.signal), { message: 'stopped' });
  t.is(clock.pendingTimers, 0);
});

test('B28: what is known of holders lasts until the record changes or the peer is lost, for each by itself', (t) => {
  const holders = new RecordHolders();
  for (const resource of ['r', 's']) {
    for (const peer of ['a', 'b']) holders.add(resource, peer);
  }
  holders.forget('r');
  t.false(holders.has('r', 'a'));
  t.true(holders.has('s', 'a'));
  holders.lost('a');
  t.false(holders.has('s', 'a'));
  t.true(holders.has('s', 'b'));
  // Whoever takes the place of a lost peer holds nothing yet.
  holders.add('r', 'c');
  t.false(holders.has('s', 'c'));
  t.false(holders.has('r', 'a'));
});

test('more peers than there is room for: all is forgotten, nothing is taken for held', (t) => {
  const holders = new RecordHolders();
  const peers = Array.from({ length: 30 }, (_, i) => `peer${i}`);
  for (const peer of peers) holders.add('r', peer);
  t.true(peers.every((peer) => holders.has('r', peer)));
  holders.add('s', 'one more');
  t.true(holders.has('s', 'one more'));
  t.false(peers.some((peer) => holders.has('r', peer) || holders.has('s', peer)));
});

test('P1: of fifty thousand records the newest come first, and those of one moment in no order', (t) => {
  const ranking = new RecordRanking();
  for (let i = 0; i < 50_000; i++) ranking.add(`r${i}`, rankOf(i * 10));
  ranking.add('surplus', LAST);
  t.is(ranking.size, 50_001);
  const first = ranking.take(2_000, new SeededRandom(1)).map((resource) => Number(resource.slice(1)));
  t.is(first.length, 2_000);
  t.true(first.every((i) => i >= 48_000));
  const ranks = first.map((i) => rankOf(i * 10));
  t.deepEqual(
    ranks,
    [...ranks].sort((a, b) => a - b),
  );
  t.notDeepEqual(
    first,
    [...first].sort((a, b) => b - a),
  );
  t.is(ranking.take(60_000, new SeededRandom(1)).at(-1), 'surplus');
});
