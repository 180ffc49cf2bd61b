import test from 'ava';
import { createResponse } from '../../../../src/sip/message/build.ts';
import type { Flow } from '../../../../src/sip/transport/flow.ts';
import { PaperFlow, sipRequest, transactionBench } from '../../../support/sip-transactions.ts';

const udp = new PaperFlow('UDP');
const tcp = new PaperFlow('TCP');

/** A server transaction, fresh from the network. */
function server(method: string, flow: Flow = udp) {
  const bench = transactionBench();
  const receive = (wanted = method, options: Parameters<typeof sipRequest>[1] = {}) =>
    bench.layer.onMessage(sipRequest(wanted, options), flow);
  receive();
  const transaction = bench.user.requests[0]!;
  return { ...bench, receive, transaction };
}

test('RFC 3261 §17.2.1: 100 is sent when the TU says nothing for 200 ms, and repeated for each retransmission', async (t) => {
  const { clock, timeline, receive, user } = server('INVITE');
  receive();
  await clock.advance(1_000);
  receive();
  t.deepEqual(timeline(), ['100@200', '100@1000']);
  t.is(user.requests.length, 1);
});

test('RFC 3261 §17.2.1: no 100 of ours when the TU answers earlier; the latest provisional is repeated', async (t) => {
  const { clock, timeline, receive, transaction } = server('INVITE');
  await clock.advance(100);
  transaction.reply(180);
  await clock.advance(400);
  transaction.reply(183);
  receive();
  t.deepEqual(timeline(), ['180@100', '183@500', '183@500']);
  t.false(transaction.finalSent);
});

test('RFC 3261 §17.2.1 timers G and H: a failure is repeated, doubling up to T2, for 64*T1', async (t) => {
  const { clock, timeline, transaction, layer, metrics } = server('INVITE');
  transaction.reply(486);
  t.true(transaction.finalSent);
  await clock.advance(60_000);
  t.deepEqual(
    timeline(),
    [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500].map((at) => `486@${at}`),
  );
  t.is(metrics.value('sip_unacknowledged_total'), 1);
  t.is(layer.counts.servers, 0);
  t.is(clock.pendingTimers, 0);
});

for (const method of ['INVITE', 'REGISTER']) {
  test(`RFC 3261 §8.2.7: a stateless refusal of ${method} leaves nothing behind`, async (t) => {
    const { clock, timeline, transaction, layer, receive, user } = server(method);
    const finals: number[] = [];
    transaction.onFinal = (status) => finals.push(status);
    transaction.refuseStateless(401, [['WWW-Authenticate', 'Digest realm="example.org"']]);
    t.is(layer.counts.servers, 0);
    t.deepEqual(finals, [401]);
    receive();
    t.is(user.requests.length, 2, 'a repetition is a request like another');
    transaction.reply(200);
    user.requests[1]!.reply(486);
    await clock.advance(100);
    t.deepEqual(timeline(), ['401@0', '486@0']);
  });
}

test('RFC 3261 §17.2.1 timer G: none over TCP, while timer H runs', async (t) => {
  const { clock, timeline, transaction, layer, receive } = server('INVITE', tcp);
  transaction.reply(486);
  await clock.advance(31_999);
  receive();
  t.deepEqual(timeline(), ['486@0', '486@31999']);
  t.is(layer.counts.servers, 1);
  await clock.advance(1);
  t.is(layer.counts.servers, 0);
});

test('RFC 3261 §17.2.1 timer I: the ACK ends repetition; further ACKs are absorbed for T4, over TCP none', async (t) => {
  const { clock, timeline, transaction, layer, receive, user } = server('INVITE');
  transaction.reply(486);
  await clock.advance(100);
  receive('ACK');
  t.is(transaction.state, 'confirmed');
  await clock.advance(4_999);
  receive('ACK');
  receive('INVITE');
  t.deepEqual(timeline(), ['486@0']);
  t.is(user.acks.length, 0);
  await clock.advance(1);
  t.is(layer.counts.servers, 0);
  const reliable = server('INVITE', tcp);
  reliable.transaction.reply(486);
  reliable.receive('ACK');
  t.is(reliable.layer.counts.servers, 0);
});

test('RFC 6026 §7.1 timer L: after a 2xx INVITEs are absorbed, 2xx of the TU sent, ACKs passed up, for 64*T1', async (t) => {
  const { clock, timeline, transaction, layer, receive, user } = server('INVITE');
  const success = createResponse(transaction.request, 200, undefined, { toTag: 'callee' });
  transaction.respond(success);
  await clock.advance(500);
  receive('INVITE');
  transaction.respond(success);
  transaction.reply(500);
  receive('ACK');
  t.deepEqual(timeline(), ['200@0', '200@500']);
  t.is(user.acks.length, 1);
  t.is(user.requests.length, 1);
  await clock.advance(31_500);
  t.is(layer.counts.servers, 0);
  receive('INVITE');
  t.is(user.requests.length, 2);
});

test('an answered transaction no longer holds its request', (t) => {
  const { transaction } = server('INVITE');
  transaction.whenCancelled(() => t.fail());
  transaction.reply(486);
  t.throws(() => transaction.request, { code: 'stopped' });
  transaction.cancelled();
});

test('RFC 3261 §17.2.2 timer J: the answer is repeated for 64*T1 over UDP, not kept over TCP', async (t) => {
  const { clock, timeline, transaction, layer, receive, user } = server('OPTIONS');
  receive();
  transaction.reply(200);
  transaction.reply(404);
  receive();
  await clock.advance(31_999);
  receive();
  t.deepEqual(timeline(), ['200@0', '200@0', '200@31999']);
  t.is(user.requests.length, 1);
  await clock.advance(1);
  t.is(layer.counts.servers, 0);
  const reliable = server('OPTIONS', tcp);
  reliable.transaction.reply(200);
  t.is(reliable.layer.counts.servers, 0);
});

test('RFC 4320 §4.2: a request other than INVITE is never answered 408', async (t) => {
  const { timeline, transaction, layer } = server('OPTIONS');
  transaction.reply(408);
  t.deepEqual(timeline(), []);
  t.true(transaction.finalSent);
  t.is(layer.counts.servers, 0);
  const invite = server('INVITE');
  invite.transaction.reply(408);
  t.deepEqual(invite.timeline(), ['408@0']);
});

test('RFC 4320 §4.1: other than INVITE: no provisional but a 100, over UDP only once timer E is at T2', async (t) => {
  const { clock, timeline, transaction, receive } = server('OPTIONS');
  transaction.reply(183);
  transaction.reply(100);
  await clock.advance(10_000);
  receive();
  transaction.reply(200);
  t.deepEqual(timeline(), ['100@3500', '100@10000', '200@10000']);
  const reliable = server('OPTIONS', tcp);
  reliable.transaction.reply(183);
  reliable.transaction.reply(100);
  t.deepEqual(reliable.timeline(), ['100@0']);
});

test('RFC 3261 §8.2.6.2: all responses made here have one To tag; 100 has none', async (t) => {
  const { transaction, sent } = server('INVITE');
  transaction.reply(100);
  transaction.reply(180);
  transaction.reply(486);
  const [trying, ringing, busy] = sent.map(({ message }) => message.toTag);
  t.is(trying, undefined);
  t.is(ringing, transaction.localTag);
  t.is(busy, transaction.localTag);
});

test('RFC 3261 §17.2.3: branch, sent-by and method make a request the same', (t) => {
  const { receive, user } = server('OPTIONS');
  receive('OPTIONS', { branch: 'z9hG4bKc' });
  receive('OPTIONS', { sentBy: '10.0.0.2:5070' });
  receive('MESSAGE');
  receive('OPTIONS');
  t.is(user.requests.length, 4);
});

test('RFC 3261 §17.2.3: an RFC 2543 INVITE, its retransmission and its ACK are matched without branch', (t) => {
  const bench = transactionBench();
  const old = { branch: '' };
  bench.layer.onMessage(sipRequest('INVITE', old), udp);
  bench.layer.onMessage(sipRequest('INVITE', old), udp);
  t.is(bench.user.requests.length, 1);
  bench.user.requests[0]?.reply(486);
  bench.layer.onMessage(sipRequest('ACK', { ...old, to: '<sip:b@example.org>;tag=x' }), udp);
  t.is(bench.user.requests[0]?.state, 'confirmed');
  t.is(bench.user.acks.length, 0);
});

test('RFC 3261 §9.2: a CANCEL finds its INVITE, and is a transaction itself', async (t) => {
  const { receive, user, transaction, timeline } = server('INVITE');
  receive('CANCEL');
  receive('CANCEL', { branch: 'z9hG4bKother' });
  t.is(user.requests.length, 1);
  const [known, unknown] = user.cancels;
  t.is(known?.[1], transaction);
  t.is(unknown?.[1], undefined);
  known?.[0].reply(200);
  receive('CANCEL');
  unknown?.[0].reply(481);
  transaction.reply(487);
  t.deepEqual(timeline(), ['200@0', '200@0', '481@0', '487@0']);
});

test('RFC 3261 §13.3.1.4: an ACK that matches nothing goes to the TU', (t) => {
  const bench = transactionBench();
  bench.layer.onMessage(sipRequest('ACK'), udp);
  t.is(bench.user.acks.length, 1);
  t.is(bench.layer.counts.servers, 0);
});

test('architecture, in-dialog routing between peers: after a reconnect the last response goes again', async (t) => {
  const first = new PaperFlow('TLS', 'ab12');
  const invite = server('INVITE', first);
  invite.transaction.reply(180);
  first.close();
  const second = new PaperFlow('TLS', 'ab12');
  invite.layer.rebindPeer('ab12', second);
  t.deepEqual(
    invite.sent.map(({ line, flow }) => `${line} ${flow.id}`),
    [`180 ${first.id}`, `180 ${second.id}`],
  );
  invite.transaction.reply(486);
  t.is(invite.sent.at(-1)?.flow, second);

  // The peer repeats a request whose answer was lost with the connection: it is not taken for a new one.
  const other = server('MESSAGE', first);
  other.transaction.reply(200);
  t.is(other.layer.counts.servers, 1);
  other.layer.rebindPeer('ab12', second);
  other.layer.onMessage(sipRequest('MESSAGE'), second);
  t.is(other.user.requests.length, 1);
  await other.clock.advance(32_000);
  t.is(other.layer.counts.servers, 0);
});
