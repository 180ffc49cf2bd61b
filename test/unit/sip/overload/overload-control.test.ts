import test from 'ava';
import { type Clock, silentLogger } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import type { SipRequest } from '../../../../src/sip/message/request.ts';
import { OverloadControl } from '../../../../src/sip/overload/overload-control.ts';
import { Precedence } from '../../../../src/sip/overload/precedence.ts';
import { BusyServer, FAST_COST } from '../../../support/busy-server.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { sipRequest } from '../../../support/sip-transactions.ts';

// RFC 6357, RFC 7339, requirement C: a server with too much to do stays useful. That of these tests does 1,000 calls/s.

const SECOND = 1_000;
const CALLERS = '192.0.2.1';
const BLASTER = '192.0.2.66';

const calls = (perSecond: number, fromMs: number, toMs: number) =>
  ({ method: 'INVITE', perSecond, fromMs, toMs, source: () => CALLERS }) as const;
const blast = (fromMs: number, toMs: number) =>
  ({ ...calls(10_000, fromMs, toMs), source: () => BLASTER, isDeaf: true }) as const;

test('C: one source sends ten times what can be served: more than 90 % of all calls of others succeed', async (t) => {
  const server = new BusyServer();
  const before = server.load(calls(800, 0, 5 * SECOND));
  const during = server.load(calls(800, 5 * SECOND, 25 * SECOND));
  const after = server.load(calls(800, 27 * SECOND, 32 * SECOND));
  server.load(blast(5 * SECOND, 25 * SECOND));
  await server.runUntil(37 * SECOND);
  t.is(before.served, before.sent);
  t.true(during.served > 0.9 * during.sent, `${during.served} of ${during.sent}`);
  t.is(after.served, after.sent, 'within two seconds all is as before');
  t.is(during.byesRefused, 0);
  t.deepEqual(server.log, ['SIP overload: new requests are turned away', 'SIP overload is over']);
  t.is(server.metrics.value('sip_overload'), 0);
  t.true(server.metrics.value('sip_overload_ignored_total') > 100_000, 'most are not worth an answer');
});

for (const perSecond of [1_500, 3_000, 20_000]) {
  test(`C: the same beside ${perSecond} requests a second`, async (t) => {
    const server = new BusyServer();
    const during = server.load(calls(600, 0, 20 * SECOND));
    server.load({ ...blast(0, 20 * SECOND), perSecond });
    await server.runUntil(25 * SECOND);
    t.true(during.served > 0.85 * during.sent, `${during.served} of ${during.sent}`);
    t.is(during.byesRefused, 0);
  });
}

test('C: where reading the flood takes a third of the time and the calls most of the rest, nine of ten succeed', async (t) => {
  const server = new BusyServer({ cost: FAST_COST });
  const during = server.load(calls(2_500, 0, 20 * SECOND));
  server.load({ ...blast(1 * SECOND, 20 * SECOND), perSecond: 37_000 });
  await server.runUntil(25 * SECOND);
  t.true(during.served > 0.9 * during.sent, `${during.served} of ${during.sent}`);
  t.is(during.byesRefused, 0);
});

test('C: half as many calls again as can be served: most of what can be is, and no call is broken off', async (t) => {
  const server = new BusyServer();
  const outcome = server.load(calls(1_500, 0, 20 * SECOND));
  await server.runUntil(25 * SECOND);
  t.true(outcome.served > 17_000, `${outcome.served} calls in 20 s`);
  t.is(outcome.byesRefused, 0);
});

test('C: a flood from 25,000 addresses: calls in progress end as they should, registrations go before new calls', async (t) => {
  const server = new BusyServer();
  const spread = (n: number) => `10.${n % 3}.${n % 91}.${n % 101}`;
  const phones = server.load({ ...calls(100, 0, 10 * SECOND), source: spread });
  server.load({ ...calls(4_000, 3 * SECOND, 10 * SECOND), source: spread, isDeaf: true });
  const refreshes = server.load({
    ...calls(100, 5 * SECOND, 10 * SECOND),
    method: 'REGISTER',
    source: (n) => `10.9.0.${n % 250}`,
  });
  await server.runUntil(20 * SECOND);
  t.is(phones.byesRefused, 0);
  const [callsRefused, refreshesRefused] = [phones, refreshes].map(({ refused, sent }) => refused / sent);
  t.true(refreshesRefused! < 0.6 * callsRefused!, `${refreshesRefused}, ${callsRefused}`);
  t.deepEqual(server.log, ['SIP overload: new requests are turned away', 'SIP overload is over']);
});

test('C: a machine that stands still for 300 ms is no overload, nor is a load of 90 %', async (t) => {
  const server = new BusyServer();
  const outcome = server.load(calls(500, 0, 4 * SECOND));
  server.load(calls(900, 4 * SECOND, 8 * SECOND));
  for (let at = 500; at < 4 * SECOND; at += 1_000) {
    await server.runUntil(at);
    await server.stall(300);
  }
  await server.runUntil(10 * SECOND);
  t.is(outcome.served, outcome.sent);
  t.deepEqual(server.log, []);
});

test('C: what a pause of ours has left is made up for at three quarters of the load, and nobody is turned away', async (t) => {
  const server = new BusyServer({ cost: FAST_COST });
  const outcome = server.load(calls(2_900, 0, 10 * SECOND));
  await server.runUntil(3 * SECOND);
  await server.stall(300);
  await server.runUntil(6 * SECOND);
  await server.stall(700);
  await server.runUntil(15 * SECOND);
  t.is(outcome.served, outcome.sent);
  t.is(server.metrics.value('sip_overload_ignored_total'), 0);
});

test('strangers, where users prove who they are, have a quarter of a share', async (t) => {
  const stranger = '198.51.100.7';
  const server = new BusyServer({ isStranger: (host) => host === stranger });
  const known = server.load(calls(700, 0, 10 * SECOND));
  const unknown = server.load({ ...calls(700, 0, 10 * SECOND), source: () => stranger });
  await server.runUntil(15 * SECOND);
  t.true(known.served > 0.8 * known.sent, `${known.served} of ${known.sent}`);
  t.true(unknown.served < 0.5 * unknown.sent, `${unknown.served} of ${unknown.sent}`);
});

/** In an overload by one source, which this returns, at `share` requests/s of others. */
async function inOverload() {
  const clock = new VirtualClock();
  const turnEnds: (() => void)[] = [];
  const ofTurns: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
    afterTurn: (callback) => void turnEnds.push(callback),
  };
  const endTurn = async (ms: number) => {
    for (const end of turnEnds.splice(0)) end();
    await clock.advance(ms);
  };
  const metrics = new CountingMetrics();
  const deps = { clock: ofTurns, metrics, random: new SeededRandom(1), logger: silentLogger };
  const control = new OverloadControl({
    ...deps,
    isStranger: () => false,
    precedence: new Precedence({ emergencyNumbers: ['112'] }),
  });
  const judge = (request = sipRequest('INVITE'), host = BLASTER, peer?: string) =>
    control.judge(request, { remote: { host, port: 5060 }, peer });
  const turn = async (requests: number) => {
    for (let i = 0; i < Math.max(requests, 40); i++) control.arrived();
    for (let i = 0; i < requests; i++) judge();
    await endTurn(10);
  };
  for (let i = 0; i < 500; i++) await turn(50);
  /** Whether a datagram is handled: at once, or else at the end of the turn, `ms` later. */
  const isHandled = async (request: SipRequest, host: string, ms?: number) => {
    let handled = false;
    control.arrived();
    control.receive(Buffer.from(request.encode()), host, () => {
      handled = true;
    });
    if (ms !== undefined) await endTurn(ms);
    return handled;
  };
  return { clock, metrics, control, judge, endTurn, isHandled };
}

test('a flood is dropped unread, but for what has precedence; emergencies without end are none', async (t) => {
  const { control, judge, isHandled } = await inOverload();
  t.true(control.isActive);
  const urgent = sipRequest('INVITE');
  urgent.appendHeader('Priority', 'emergency');
  const bye = sipRequest('BYE', { to: '<sip:b@example.org>;tag=2' });
  t.true(await isHandled(urgent, BLASTER));
  t.true(await isHandled(bye, BLASTER));
  t.is(judge(bye), 'process');
  t.is(judge(sipRequest('INVITE'), CALLERS), 'process');
  t.is(judge(sipRequest('INVITE'), '', 'a1b2'), 'process', 'another peer is a source of its own');
  t.is(judge(), 'refuse');
  t.false(await isHandled(sipRequest('INVITE'), BLASTER, 10));
  t.true(await isHandled(sipRequest('INVITE'), CALLERS, 10));
});

test('a new request waits until nothing else is to do, and is turned away when that takes too long', async (t) => {
  const { control, judge, endTurn } = await inOverload();
  const invite = sipRequest('INVITE');
  const verdicts: string[] = [];
  const busyTurn = async () => {
    for (let i = 0; i < 40; i++) control.arrived();
    await endTurn(10);
  };
  const send = (host: string) =>
    control.receive(Buffer.from(invite.encode()), host, () => void verdicts.push(judge(invite, host)));
  for (let i = 0; i < 40; i++) send(`198.51.100.${i}`);
  t.deepEqual(verdicts, []);
  await busyTurn();
  t.deepEqual(verdicts, ['process'], 'they move on in any case');
  for (let i = 0; i < 30; i++) await busyTurn();
  t.deepEqual(verdicts.slice(-4), ['refuse', 'refuse', 'refuse', 'refuse']);
  await endTurn(10);
  t.is(verdicts.length, 40, 'all that is left, as there is time');
  send(CALLERS);
  control.stop();
  await busyTurn();
  t.is(verdicts.length, 40);
});

test('a flood of which the kernel drops the most remains one', async (t) => {
  const { clock, control, judge, isHandled } = await inOverload();
  await clock.advance(500);
  for (let i = 0; i < 10; i++) judge();
  let dropped = 0;
  for (let i = 0; i < 20; i++) if (!(await isHandled(sipRequest('INVITE'), BLASTER, 1))) dropped += 1;
  t.true(control.isActive);
  t.true(dropped >= 18, `${dropped} of 20`);
  await clock.advance(1_500);
  t.true(await isHandled(sipRequest('INVITE'), BLASTER, 1), 'it is over');
});

test('503s are bounded; the rest gets nothing', async (t) => {
  const { judge, metrics } = await inOverload();
  const verdicts = Array.from({ length: 10_000 }, () => judge());
  t.true(verdicts.filter((verdict) => verdict === 'refuse').length <= 2_000);
  t.true(verdicts.filter((verdict) => verdict === 'ignore').length > 7_000);
  t.true(metrics.value('sip_overload_ignored_total') > 7_000);
});

test('it is over when nothing comes any more, and stop leaves no timer', async (t) => {
  const first = await inOverload();
  await first.clock.advance(10 * SECOND);
  t.false(first.control.isActive);
  t.is(first.clock.pendingTimers, 0);
  const second = await inOverload();
  second.control.stop();
  t.is(second.clock.pendingTimers, 0);
});
