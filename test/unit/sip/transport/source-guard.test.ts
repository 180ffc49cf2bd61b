import test from 'ava';
import { silentLogger } from '../../../../src/base/index.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import {
  type Failure,
  SourceGuard,
  type SourceGuardOptions,
} from '../../../../src/sip/transport/source-guard.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { sipRequest } from '../../../support/sip-transactions.ts';

const SCANNER = '192.0.2.3';
const PHONE = '192.0.2.2';
const MINUTE = 60_000;

function setUp(options: SourceGuardOptions = {}) {
  const clock = new VirtualClock();
  const metrics = new CountingMetrics();
  const guard = new SourceGuard({ clock, metrics, logger: silentLogger }, options);
  const banned: string[] = [];
  guard.banned.on((source) => banned.push(source));
  const fail = (host: string, times: number, rest: Partial<Failure> = {}) => {
    for (let i = 0; i < times; i++) guard.fail({ host, why: 'wrong-credentials', proved: true, ...rest });
  };
  return { clock, metrics, guard, banned, fail };
}

test('C: whoever guesses is met with silence before his twentieth try, and nobody else is', (t) => {
  const { guard, banned, fail, metrics } = setUp();
  fail(SCANNER, 15);
  t.true(guard.admits(SCANNER));
  fail(SCANNER, 1);
  t.false(guard.admits(SCANNER));
  t.true(guard.admits(PHONE));
  t.deepEqual(banned, [SCANNER]);
  t.is(metrics.value('sip_banned_sources'), 1);
  t.is(metrics.value('sip_sources_dropped_total', { reason: 'banned' }), 1);
  t.like(guard.bans(), [{ source: SCANNER, why: 'wrong-credentials', leftMs: 10 * MINUTE }]);
});

test('C: a ban is over after ten minutes, the next one lasts twice as long', async (t) => {
  const { clock, guard, fail, metrics } = setUp();
  fail(SCANNER, 16);
  await clock.advance(10 * MINUTE - 1);
  t.false(guard.admits(SCANNER));
  await clock.advance(1);
  t.true(guard.admits(SCANNER));
  t.is(metrics.value('sip_banned_sources'), 0);
  fail(SCANNER, 16);
  await clock.advance(20 * MINUTE - 1);
  t.false(guard.admits(SCANNER));
  await clock.advance(1);
  t.true(guard.admits(SCANNER));
});

test('C: a ban that is over is not counted, though its source never comes back', async (t) => {
  const { clock, guard, fail, metrics } = setUp();
  fail(SCANNER, 16);
  await clock.advance(MINUTE);
  fail(PHONE, 16);
  t.is(metrics.value('sip_banned_sources'), 2);
  await clock.advance(9 * MINUTE);
  t.is(metrics.value('sip_banned_sources'), 1);
  t.deepEqual(
    guard.bans().map(({ source }) => source),
    [PHONE],
  );
  await clock.advance(MINUTE);
  t.is(metrics.value('sip_banned_sources'), 0);
});

test('C: once stopped, the guard leaves no timer; bans are over in time all the same', async (t) => {
  const { clock, guard, fail } = setUp();
  fail(SCANNER, 16);
  guard.stop();
  t.is(clock.pendingTimers, 0);
  t.false(guard.admits(SCANNER));
  await clock.advance(10 * MINUTE);
  t.true(guard.admits(SCANNER));
});

test('C: a phone with a wrong password that tries twice a minute all day is not banned', async (t) => {
  const { clock, guard, fail } = setUp();
  for (let i = 0; i < 2 * 60 * 24; i++) {
    fail(PHONE, 1);
    await clock.advance(30_000);
  }
  t.true(guard.admits(PHONE));
});

test('C: where a user has proved who he is, only proved guesses count, and it takes ten times as many', (t) => {
  const { guard, fail } = setUp();
  guard.trust(PHONE);
  fail(PHONE, 1_000, { proved: false });
  fail(PHONE, 150);
  t.true(guard.admits(PHONE));
  fail(PHONE, 1);
  t.false(guard.admits(PHONE));
});

test('C: allowed sources are neither banned nor limited, and allowing a source lifts its ban', (t) => {
  const { guard, fail } = setUp({ allow: ['192.0.2.0/25', '2001:db8::1'] });
  fail(SCANNER, 100);
  t.true(guard.admits(SCANNER));
  for (let i = 0; i < 10_000; i++) t.true(guard.takes(sipRequest('OPTIONS'), SCANNER, false));
  fail('198.51.100.1', 16);
  fail('2001:db8::2', 16);
  t.false(guard.admits('2001:db8::2'), 'the /64 is banned');
  t.false(guard.admits('2001:db8::3'));
  t.true(guard.admits('2001:db8::1'));
  guard.allow(['198.51.100.1']);
  t.true(guard.admits('198.51.100.1'));
  fail(SCANNER, 16);
  t.false(guard.admits(SCANNER), 'allowed no more');
});

test('C: strangers are limited to 500 requests a second, users who proved themselves are not', async (t) => {
  const { clock, guard, metrics } = setUp();
  const taken = (host: string) => {
    let count = 0;
    for (let i = 0; i < 5_000; i++) if (guard.takes(sipRequest('OPTIONS'), host, false)) count += 1;
    return count;
  };
  guard.trust(PHONE);
  t.is(taken(SCANNER), 2_000);
  await clock.advance(1_000);
  t.is(taken(SCANNER), 500);
  t.is(taken(PHONE), 5_000);
  t.is(metrics.value('sip_sources_dropped_total', { reason: 'rate' }), 7_500);
  await clock.advance(2 * 60 * MINUTE);
  t.is(taken(PHONE), 2_000, 'trust ends after two hours without a right password');
});

test('C: a scanner is known by its name and never answered; a closed lab without passwords has no rate limit', (t) => {
  const { guard, metrics } = setUp({ limitsRates: false });
  const named = sipRequest('OPTIONS');
  named.setHeader('User-Agent', 'friendly-scanner');
  const renamed = sipRequest('OPTIONS');
  renamed.setHeader('From', '"sipvicious"<sip:100@1.1.1.1>;tag=1');
  t.false(guard.takes(named, SCANNER, false));
  t.false(guard.takes(renamed, SCANNER, false));
  t.is(metrics.value('sip_sources_dropped_total', { reason: 'scanner' }), 2);
  for (let i = 0; i < 5_000; i++) t.true(guard.takes(sipRequest('OPTIONS'), SCANNER, false));
});

test('bounds: many sources cannot make the table of bans grow; the earliest ban gives way', (t) => {
  const { guard, fail } = setUp();
  for (let i = 0; i < 16_385; i++) fail(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 16);
  t.is(guard.bans().length, 16_384);
  t.true(guard.admits('10.0.0.0'));
  t.false(guard.admits('10.0.0.1'));
});

test('C: a stranger is who has proved nothing; nobody where nobody is asked, nor who is allowed', async (t) => {
  const { guard, clock } = setUp({ allow: ['198.51.100.0/24'] });
  t.true(guard.isStranger(PHONE));
  t.false(guard.isStranger('198.51.100.7'));
  guard.trust(PHONE);
  t.false(guard.isStranger(PHONE));
  await clock.advance(2 * 60 * MINUTE);
  t.true(guard.isStranger(PHONE));
  t.false(setUp({ limitsRates: false }).guard.isStranger(PHONE));
});
