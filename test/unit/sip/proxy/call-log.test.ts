import test from 'ava';
import { SimulatedNetwork } from '../../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { CallLog, type CallRecord } from '../../../../src/sip/proxy/call-log.ts';
import { OwnAddresses } from '../../../../src/sip/proxy/own-addresses.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { FakeFlow, request } from '../registrar/messages.ts';

const ALICE = '<sip:alice@example.org>;tag=a';
const BOB = '<sip:bob@example.org>';
const HOUR = 3_600_000;

function setUp() {
  const clock = new VirtualClock({ startMs: Date.parse('2026-01-01T00:00:00Z') });
  const network = new SimulatedNetwork({ clock }).host('192.0.2.1');
  const own = new OwnAddresses({ network }, { domains: ['example.org'] });
  const metrics = new CountingMetrics();
  const records: CallRecord[] = [];
  const log = new CallLog({ clock, metrics, own, write: (record) => records.push(record) });
  const flow = new FakeFlow('UDP', '192.0.2.9:5060');
  const begin = (call: string) => log.begin(message('INVITE', call, ALICE, BOB), flow);
  return { clock, metrics, log, records, begin };
}

function message(method: string, call: string, from: string, to: string) {
  return request(`${method} sip:bob@example.org SIP/2.0
    Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1
    From: ${from}
    To: ${to}
    Call-ID: ${call}
    CSeq: 1 ${method}`);
}

test('C: an answered call is one record with its times, and who ended it', async (t) => {
  const { clock, log, records, begin, metrics } = setUp();
  const onFinal = begin('1');
  await clock.advance(4_000);
  onFinal(200);
  t.is(metrics.value('sip_calls'), 1);
  await clock.advance(60_500);
  log.bye(message('BYE', '1', `${BOB};tag=b`, ALICE));
  log.bye(message('BYE', '1', `${BOB};tag=b`, ALICE));
  t.deepEqual(records, [
    {
      call: '1',
      from: 'alice@example.org',
      to: 'bob@example.org',
      source: '192.0.2.9:5060',
      status: 200,
      begin: '2026-01-01T00:00:00.000Z',
      answer: '2026-01-01T00:00:04.000Z',
      end: '2026-01-01T00:01:04.500Z',
      seconds: 60.5,
      endedBy: 'callee',
    },
  ]);
  t.is(metrics.value('sip_calls'), 0);
  begin('2')(200);
  log.bye(message('BYE', '2', ALICE, `${BOB};tag=b`));
  t.is(records[1]?.endedBy, 'caller');
});

test('C: a call that nobody answers has its status, a challenge is none, a BYE for another call ends nothing', (t) => {
  const { log, records, begin } = setUp();
  begin('1')(407);
  begin('1')(486);
  begin('2')(200);
  log.bye(message('BYE', '3', ALICE, `${BOB};tag=b`));
  t.is(records.length, 1);
  t.like(records[0], { status: 486, seconds: 0 });
  t.false('answer' in records[0]!);
});

test('bounds: a call whose BYE got lost is written after a day, or when we stop; 50,000 run at the most', async (t) => {
  const { clock, log, records, begin } = setUp();
  begin('lost')(200);
  await clock.advance(24 * HOUR);
  begin('young')(200);
  t.like(records, [{ call: 'lost', endedBy: 'unknown', seconds: 86_400 }]);
  for (let i = 0; i < 50_000; i++) begin(String(i))(200);
  t.like(records[1], { call: 'young', endedBy: 'unknown' });
  t.is(records.length, 2);
  log.stop();
  t.is(records.length, 50_002);
});

test('bounds: names and Call-IDs of callers are cut, whatever their length', (t) => {
  const { log, records } = setUp();
  const long = 'x'.repeat(10_000);
  log.begin(
    message('INVITE', long, `<sip:${long}@elsewhere.example>;tag=a`, BOB),
    new FakeFlow('UDP', '192.0.2.9:5060'),
  )(404);
  t.is(records[0]?.call.length, 256);
  t.is(records[0]?.from.length, 256);
});
