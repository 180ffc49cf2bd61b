import test from 'ava';
import type { SipResponse } from '../../../../src/sip/message/response.ts';
import type { Flow } from '../../../../src/sip/transport/flow.ts';
import { PaperFlow, sipRequest, sipResponse, transactionBench } from '../../../support/sip-transactions.ts';

const udp = new PaperFlow('UDP');
const tcp = new PaperFlow('TCP');

/** A client transaction and what its handler was told. */
function client(method: string, flow: Flow = udp, options: { t1?: number } = {}) {
  const bench = transactionBench(options);
  const told: string[] = [];
  const note = (what: string) => told.push(`${what}@${bench.clock.monotonic()}`);
  const request = sipRequest(method);
  const transaction = bench.layer.sendRequest(request, flow, {
    onResponse: (response: SipResponse) => note(String(response.status)),
    onTimeout: () => note('timeout'),
    onTransportError: (error) => note((error as { code?: string }).code ?? error.message),
  });
  const respond = (status: number) => bench.layer.onMessage(sipResponse(request, status), flow);
  return { ...bench, told, request, transaction, respond };
}

test('RFC 3261 §17.1.1.2 timer A: an INVITE over UDP is sent seven times, at doubling intervals; timer B at 64*T1', async (t) => {
  const { clock, timeline, told, layer } = client('INVITE');
  await clock.advance(60_000);
  t.deepEqual(
    timeline(),
    [0, 500, 1500, 3500, 7500, 15_500, 31_500].map((at) => `INVITE@${at}`),
  );
  t.deepEqual(told, ['timeout@32000']);
  t.deepEqual(layer.counts, { clients: 0, servers: 0 });
  t.is(clock.pendingTimers, 0);
});

test('RFC 3261 §17.1.1.2: over TCP an INVITE is sent once, and timer B runs all the same', async (t) => {
  const { clock, timeline, told } = client('INVITE', tcp);
  await clock.advance(60_000);
  t.deepEqual(timeline(), ['INVITE@0']);
  t.deepEqual(told, ['timeout@32000']);
});

test('RFC 3261 §17.1.1.2: a provisional response stops timers A and B; the transaction waits on', async (t) => {
  const { clock, timeline, told, respond, transaction } = client('INVITE');
  await clock.advance(600);
  respond(100);
  await clock.advance(100_000);
  respond(180);
  t.deepEqual(timeline(), ['INVITE@0', 'INVITE@500']);
  t.deepEqual(told, ['100@600', '180@100600']);
  t.is(transaction.state, 'proceeding');
});

test('RFC 3261 §17.1.1.2 timer D: a failure is acknowledged each time it comes, and passed up once', async (t) => {
  const { clock, timeline, told, respond, layer, sent, request } = client('INVITE');
  await clock.advance(100);
  respond(486);
  respond(486);
  await clock.advance(31_900);
  respond(486);
  await clock.advance(1_000);
  t.deepEqual(layer.counts.clients, 0);
  respond(486);
  t.deepEqual(timeline(), ['INVITE@0', 'ACK@100', 'ACK@100', 'ACK@32000']);
  t.deepEqual(told, ['486@100']);
  const ack = sent[1]?.message;
  t.is(ack?.toTag, 'them');
  t.is(ack?.topVia.branch, request.topVia.branch);
});

test('RFC 3261 §17.1.1.2 timer D: at least 32 s whatever T1, and none over TCP', async (t) => {
  const short = client('INVITE', udp, { t1: 50 });
  short.respond(486);
  await short.clock.advance(31_000);
  t.is(short.layer.counts.clients, 1);
  await short.clock.advance(1_000);
  t.is(short.layer.counts.clients, 0);
  const reliable = client('INVITE', tcp);
  reliable.respond(486);
  t.is(reliable.layer.counts.clients, 0);
  t.deepEqual(reliable.timeline(), ['INVITE@0', 'ACK@0']);
  t.deepEqual(reliable.told, ['486@0']);
});

test('RFC 6026 §7.2 timer M: 2xx of all branches are passed up for 64*T1, and never acknowledged here', async (t) => {
  const { clock, timeline, told, respond, user, layer } = client('INVITE');
  respond(200);
  await clock.advance(500);
  respond(200);
  respond(486);
  respond(180);
  await clock.advance(31_499);
  respond(202);
  await clock.advance(1);
  respond(200);
  t.deepEqual(timeline(), ['INVITE@0']);
  t.deepEqual(told, ['200@0', '200@500', '202@31999']);
  t.is(user.strays.length, 1);
  t.is(layer.counts.clients, 0);
});

test('RFC 3261 §17.1.2.2 timers E and F: a non-INVITE over UDP doubles up to T2, and times out at 64*T1', async (t) => {
  const { clock, timeline, told } = client('OPTIONS');
  await clock.advance(60_000);
  t.deepEqual(
    timeline(),
    [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500].map((at) => `OPTIONS@${at}`),
  );
  t.deepEqual(told, ['timeout@32000']);
});

test('RFC 3261 §17.1.2.2: after a provisional response timer E goes on at T2, and timer F still ends it', async (t) => {
  const { clock, timeline, told, respond } = client('OPTIONS');
  await clock.advance(600);
  respond(100);
  await clock.advance(60_000);
  t.deepEqual(
    timeline(),
    [0, 500, 1500, 5500, 9500, 13_500, 17_500, 21_500, 25_500, 29_500].map((at) => `OPTIONS@${at}`),
  );
  t.deepEqual(told, ['100@600', 'timeout@32000']);
});

test('RFC 3261 §17.1.2.2 timer K: repeated answers are absorbed for T4 over UDP, not at all over TCP', async (t) => {
  const { clock, told, respond, user, layer } = client('OPTIONS');
  respond(200);
  await clock.advance(4_999);
  respond(200);
  t.is(layer.counts.clients, 1);
  await clock.advance(1);
  respond(200);
  t.deepEqual(told, ['200@0']);
  t.is(user.strays.length, 1);
  const reliable = client('OPTIONS', tcp);
  reliable.respond(404);
  t.is(reliable.layer.counts.clients, 0);
  t.deepEqual(reliable.told, ['404@0']);
});

test('RFC 3261 §17.1.3: a response matches by branch and CSeq method', (t) => {
  const { layer, told, user } = client('INVITE');
  layer.onMessage(sipResponse(sipRequest('INVITE', { branch: 'z9hG4bKother' }), 180), udp);
  layer.onMessage(sipResponse(sipRequest('CANCEL'), 200), udp);
  t.deepEqual(told, []);
  t.is(user.strays.length, 2);
});

test('RFC 3261 §9.1: CANCEL waits for a provisional response, has the INVITE’s branch and a transaction of its own', async (t) => {
  const { clock, timeline, transaction, respond, told, sent, layer } = client('INVITE');
  transaction.cancel();
  transaction.cancel();
  await clock.advance(200);
  t.deepEqual(timeline(), ['INVITE@0']);
  respond(100);
  await clock.advance(500);
  const cancel = sent[1]?.message;
  t.is(cancel?.topVia.branch, 'z9hG4bKb');
  t.is(cancel?.cseq.number, 1);
  layer.onMessage(sipResponse(sipRequest('CANCEL'), 200), udp);
  await clock.advance(500);
  respond(487);
  t.deepEqual(timeline(), ['INVITE@0', 'CANCEL@200', 'CANCEL@700', 'ACK@1200']);
  t.deepEqual(told, ['100@200', '487@1200']);
});

test('RFC 3261 §9.1: a cancelled INVITE without final response is given up after 64*T1', async (t) => {
  const { clock, transaction, respond, told, layer } = client('INVITE', tcp);
  respond(180);
  transaction.cancel();
  await clock.advance(40_000);
  t.deepEqual(told, ['180@0', 'timeout@32000']);
  t.is(layer.counts.clients, 0);
});

test('RFC 3261 §9.1: nothing is cancelled after the final response, nor any other method', async (t) => {
  const invite = client('INVITE');
  invite.respond(200);
  invite.transaction.cancel();
  const other = client('OPTIONS');
  other.respond(100);
  other.transaction.cancel();
  t.deepEqual(invite.timeline(), ['INVITE@0']);
  t.deepEqual(other.timeline(), ['OPTIONS@0']);
});

test('RFC 3261 §17.1.4: a request that cannot be sent is reported, after its creation', async (t) => {
  const closed = new PaperFlow('TCP');
  closed.close();
  const { clock, told, layer } = client('INVITE', closed);
  t.deepEqual(told, []);
  await clock.advance(0);
  t.deepEqual(told, ['flow-closed@0']);
  t.is(layer.counts.clients, 0);
});

test('RFC 3261 §17.1.4, §18.1.1: loss of the connection fails what waits for a first response, not a ringing call', async (t) => {
  const waiting = client('INVITE', new PaperFlow('TCP'));
  (waiting.transaction.flow as PaperFlow).close();
  t.deepEqual(waiting.told, ['flow-closed@0']);
  const ringing = client('INVITE', new PaperFlow('TCP'));
  ringing.respond(180);
  (ringing.transaction.flow as PaperFlow).close();
  t.deepEqual(ringing.told, ['180@0']);
  ringing.respond(200);
  t.deepEqual(ringing.told, ['180@0', '200@0']);
});

test('architecture, in-dialog routing between peers: after a reconnect pending requests go again with the same branch, CANCEL too', async (t) => {
  const first = new PaperFlow('TLS', 'ab12');
  const { clock, timeline, told, transaction, respond, layer, sent } = client('INVITE', first);
  respond(180);
  transaction.cancel();
  first.close();
  await clock.advance(1_000);
  t.deepEqual(told, ['180@0'], 'loss of an overlay connection is no failure yet');
  const second = new PaperFlow('TLS', 'ab12');
  layer.rebindPeer('ab12', second);
  t.deepEqual(timeline(), ['INVITE@0', 'CANCEL@0', 'INVITE@1000', 'CANCEL@1000']);
  t.is(sent[2]?.flow, second);
  t.is(sent[2]?.message.topVia.branch, sent[0]?.message.topVia.branch);
  respond(487);
  t.is(sent.at(-1)?.flow, second);
  layer.rebindPeer('cd34', second);
  t.is(sent.length, 5);
});

test('architecture: when no connection to a peer can be had, pending requests fail at once', (t) => {
  const { told, layer, respond } = client('INVITE', new PaperFlow('TLS', 'ab12'));
  respond(100);
  layer.failPeer('cd34', new Error('other'));
  layer.failPeer('ab12', new Error('unreachable'));
  layer.failPeer('ab12', new Error('again'));
  t.deepEqual(told, ['100@0', 'unreachable@0']);
  t.is(layer.counts.clients, 0);
});
