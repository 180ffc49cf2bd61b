import test from 'ava';
import { FairShare } from '../../../../src/sip/overload/fair-share.ts';
import { SourceRates } from '../../../../src/sip/overload/source-rates.ts';
import { StandingQueue } from '../../../../src/sip/overload/standing-queue.ts';

test('rates: those who send steadily have their rate, one request is one a second, silence is none', (t) => {
  const rates = new SourceRates();
  let last = 0;
  for (let now = 0; now < 3_000; now += 10) last = rates.count('a', now);
  t.true(Math.abs(last - 100) < 8, `${last}`);
  t.is(rates.count('b', 3_000), 1);
  t.is(rates.busiest(3_000).source, 'a');
  t.is(rates.of('a', 4_000), 0);
  t.is(rates.busiest(4_000).rate, 0);
});

test('rates: the highest of late outlives pauses of ours, and is forgotten after five to ten seconds', (t) => {
  const rates = new SourceRates();
  for (let now = 0; now < 1_000; now += 2) rates.count('a', now);
  const { peak } = rates;
  t.true(Math.abs(peak - 500) < 20, `${peak}`);
  rates.count('b', 5_500);
  t.is(rates.peak, peak);
  rates.count('b', 11_000);
  t.true(rates.peak <= 1);
});

test('rates: what a source asked for at the most is known for a second and a half, whatever is read of it then', (t) => {
  const rates = new SourceRates();
  for (let now = 0; now < 500; now += 1) rates.count('a', now);
  for (let now = 500; now < 1_500; now += 50) rates.count('a', now);
  t.true(rates.of('a', 1_500) < 30);
  t.true(rates.most('a', 1_500) > 990);
  t.is(rates.most('b', 1_500), 0);
  for (let now = 1_500; now < 2_500; now += 50) rates.count('a', now);
  t.true(rates.most('a', 2_500) < 30, 'forgotten');
  for (let now = 3_000; now < 3_500; now += 1) rates.count('a', now);
  t.is(rates.most('a', 60_000), 0, 'nobody asked for anything meanwhile');
});

test('rates: what is remembered is bounded, further sources count as one', (t) => {
  const rates = new SourceRates();
  for (let i = 0; i < 65_536; i++) rates.count(`s${i}`, 0);
  t.is(rates.count('x', 0), 1);
  t.true(rates.count('y', 0) > 1);
  t.is(rates.of('x', 0), 0);
});

test('share: who stays below it is not limited, who asks for n times as much gets the n³th part of it', (t) => {
  const share = new FairShare();
  t.is(share.part(1_000_000, 1), 1);
  share.tighten(1_000);
  t.is(share.value, 900);
  t.is(share.part(900, 1), 1);
  t.is(share.part(1_800, 1) * 1_800, 900 / 2 ** 3);
  t.is(share.part(1_800, 2), 1);
});

test('share: it falls fast at first, goes most of the way back, grows with the time that is free, and is open again', (t) => {
  const share = new FairShare();
  share.tighten(1_000);
  share.tighten(1_000);
  t.is(share.value, 810);
  share.relax(2_000, 0.05);
  t.is(Math.round(share.value), 979);
  share.relax(2_000, 0.05);
  t.is(Math.round(share.value), 979, 'nothing is free');
  share.tighten(2_000);
  t.is(Math.round(share.value), 950, 'about what can be served is known');
  share.relax(2_000, 0.3);
  t.is(Math.round(share.value), 1_074);
  for (let step = 0; step < 20 && share.value < Infinity; step += 1) share.relax(2_000, 0.7);
  t.is(share.value, Infinity);
});

test('RFC 8289 §3: a queue stands from the first turn that leaves something, until one that does not, or a pause', (t) => {
  const queue = new StandingQueue();
  queue.turn(32, 0, 0, 10);
  queue.turn(300, 0, 10, 20);
  queue.turn(300, 0, 21, 30);
  t.is(queue.standsFor(30), 30);
  queue.turn(31, 1, 30, 40);
  t.is(queue.standsFor(40), 40, 'one was read and waits further');
  queue.turn(31, 0, 30, 40);
  t.is(queue.standsFor(40), 0);
  queue.turn(600, 0, 40, 50);
  t.is(queue.standsFor(550), 510);
  t.is(queue.standsFor(551), 0, 'nothing has come for a while');
  queue.turn(600, 0, 600, 610);
  t.is(queue.standsFor(610), 10);
});

test('the occupancy is the part of the time that went into messages since it was asked before', (t) => {
  const queue = new StandingQueue();
  queue.occupancy(0);
  queue.turn(5, 0, 10, 30);
  queue.turn(5, 0, 50, 60);
  t.is(queue.occupancy(100), 0.3);
  t.is(queue.occupancy(200), 0);
});

test('a burst of a few hundred messages is no queue that stands, however slow the machine is', (t) => {
  const queue = new StandingQueue();
  for (let turn = 0; turn < 15; turn++) queue.turn(32, 0, turn * 200, turn * 200 + 190);
  t.is(queue.standsFor(2_990), 0);
  queue.turn(32, 0, 3_000, 3_190);
  t.is(queue.standsFor(3_190), 3_190);
});
