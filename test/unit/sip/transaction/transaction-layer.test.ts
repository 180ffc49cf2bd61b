import test from 'ava';
import { inviteClient, nonInviteClient } from '../../../../src/sip/transaction/client-machines.ts';
import type { Machine } from '../../../../src/sip/transaction/machine.ts';
import { inviteServer, nonInviteServer } from '../../../../src/sip/transaction/server-machines.ts';
import { PaperFlow, sipRequest, sipResponse, transactionBench } from '../../../support/sip-transactions.ts';

const udp = new PaperFlow('UDP');
const noHandler = { onResponse() {}, onTimeout() {}, onTransportError() {} };

test('bounds: over the limit of transactions a request gets 503 with Retry-After; its ACK goes no further', (t) => {
  const { layer, user, sent, metrics } = transactionBench({ maxServerTransactions: 2, retryAfterS: 7 });
  for (const branch of ['z9hG4bK1', 'z9hG4bK2', 'z9hG4bK3'])
    layer.onMessage(sipRequest('INVITE', { branch }), udp);
  t.is(user.requests.length, 2);
  t.deepEqual(
    sent.map(({ line }) => line),
    ['503'],
  );
  const retryAfter = Number(sent[0]?.message.header('Retry-After'));
  t.true(retryAfter >= 7 && retryAfter < 14);
  t.is(metrics.value('sip_overload_rejected_total', { method: 'INVITE' }), 1);
  const to = sent[0]?.message.header('To') ?? '';
  layer.onMessage(sipRequest('ACK', { branch: 'z9hG4bK3', to }), udp);
  t.is(user.acks.length, 0);
  layer.onMessage(sipRequest('ACK', { branch: 'z9hG4bK4', to: '<sip:b@example.org>;tag=2' }), udp);
  t.is(user.acks.length, 1);
});

test('bounds: where there is no room the transaction that has been over for longest makes some, once nobody repeats it', async (t) => {
  const { clock, layer, user, sent } = transactionBench({ maxServerTransactions: 10 });
  const send = (n: number) => layer.onMessage(sipRequest('OPTIONS', { branch: `z9hG4bK${n}` }), udp);
  for (let n = 0; n < 9; n++) send(n);
  for (const transaction of user.requests.slice(1)) transaction.reply(200);
  await clock.advance(3_900);
  send(9);
  t.is(sent.at(-1)?.line, '503', 'the answer to the others may have been lost');
  await clock.advance(200);
  for (let n = 10; n < 18; n++) send(n);
  t.is(user.requests.length, 17);
  t.is(layer.counts.servers, 9);
  send(0);
  t.is(user.requests.length, 17, 'the one that is not answered was kept');
  send(18);
  t.is(sent.at(-1)?.line, '503', 'none is over any more');
  for (const transaction of user.requests.slice(9)) transaction.reply(200);
  await clock.advance(40_000);
  t.is(layer.counts.servers, 1);
});

test('bounds: what finds no room is judged all the same, so that the overload control knows of it', (t) => {
  let judged = 0;
  const judge = () => {
    judged += 1;
    return 'process' as const;
  };
  const { layer, sent } = transactionBench({ maxServerTransactions: 2 }, { judge });
  for (const branch of ['z9hG4bK1', 'z9hG4bK2', 'z9hG4bK3'])
    layer.onMessage(sipRequest('INVITE', { branch }), udp);
  t.is(judged, 3);
  t.is(sent.length, 1);
});

test('bounds: the last tenth of all transactions is for requests within dialogs and emergencies', (t) => {
  const { layer, user, sent } = transactionBench({ maxServerTransactions: 10 });
  const send = (method: string, branch: string, to = '<sip:b@example.org>') =>
    layer.onMessage(sipRequest(method, { branch, to }), udp);
  for (let i = 0; i < 12; i++) send('INVITE', `z9hG4bKi${i}`);
  t.is(user.requests.length, 9);
  send('INVITE', 'z9hG4bKi0');
  t.is(sent.length, 3, 'a repetition of what is under way is not refused');
  send('BYE', 'z9hG4bKb1', '<sip:b@example.org>;tag=2');
  t.is(user.requests.length, 10);
  send('BYE', 'z9hG4bKb2', '<sip:b@example.org>;tag=2');
  t.is(user.requests.length, 10);
  t.deepEqual(
    sent.map(({ line }) => line),
    ['503', '503', '503', '503'],
  );
});

test('RFC 3261 §21.5.4: what the overload control refuses gets 503 without a transaction, what it ignores gets nothing', (t) => {
  const verdicts = ['refuse', 'ignore', 'process'] as const;
  let n = 0;
  const { layer, user, sent } = transactionBench({}, { judge: () => verdicts[n++] ?? 'process' });
  for (const branch of ['z9hG4bK1', 'z9hG4bK2', 'z9hG4bK3'])
    layer.onMessage(sipRequest('INVITE', { branch }), udp);
  t.deepEqual(
    sent.map(({ line }) => line),
    ['503'],
  );
  t.is(user.requests.length, 1);
  t.is(layer.counts.servers, 1);
  layer.onMessage(sipRequest('INVITE', { branch: 'z9hG4bK3' }), udp);
  t.is(n, 3, 'repetitions are not judged');
});

test('a fault in the TU: 500 for that request, and the next one is served', (t) => {
  const { layer, user, sent } = transactionBench();
  const onRequest = user.onRequest;
  user.onRequest = () => {
    throw new Error('a fault');
  };
  layer.onMessage(sipRequest('INVITE', { branch: 'z9hG4bK1' }), udp);
  user.onRequest = onRequest;
  layer.onMessage(sipRequest('INVITE', { branch: 'z9hG4bK2' }), udp);
  t.is(sent[0]?.line, '500');
  t.is(user.requests.length, 1);
});

test('RFC 6026 §8.2: a response without transaction is handed over as a stray, never to a transaction', (t) => {
  const { layer, user } = transactionBench();
  layer.onMessage(sipResponse(sipRequest('INVITE'), 200), udp);
  t.is(user.strays.length, 1);
});

test('RFC 3261 §17.1: an ACK for a 2xx is sent outside any transaction', (t) => {
  const { layer, timeline } = transactionBench();
  t.true(layer.sendStateless(sipRequest('ACK'), udp));
  const closed = new PaperFlow('TCP');
  closed.close();
  t.false(layer.sendStateless(sipRequest('ACK'), closed));
  t.deepEqual(timeline(), ['ACK@0']);
  t.is(layer.counts.clients, 0);
});

test('stop ends all transactions in silence and leaves no timer', async (t) => {
  const { layer, clock, user, timeline } = transactionBench();
  layer.sendRequest(sipRequest('INVITE', { branch: 'z9hG4bKours' }), udp, {
    ...noHandler,
    onTimeout: () => t.fail('not stopped'),
  });
  layer.onMessage(sipRequest('INVITE'), udp);
  user.requests[0]?.reply(486);
  layer.stop();
  t.is(clock.pendingTimers, 0);
  await clock.advance(60_000);
  t.deepEqual(timeline(), ['INVITE@0', '486@0']);
  t.deepEqual(layer.counts, { clients: 0, servers: 0 });
  layer.onMessage(sipRequest('OPTIONS'), udp);
  t.is(user.requests.length, 1);
  t.throws(() => layer.sendRequest(sipRequest('OPTIONS'), udp, noHandler), { code: 'stopped' });
});

const machines: Readonly<Record<string, Machine<string, string, string>>> = {
  'INVITE client': inviteClient,
  'non-INVITE client': nonInviteClient,
  'INVITE server': inviteServer,
  'non-INVITE server': nonInviteServer,
};

for (const [name, machine] of Object.entries(machines)) {
  const transitions = Object.entries(machine).flatMap(([from, events]) =>
    Object.entries(events).map(([event, transition]) => ({ from, event, transition: transition! })),
  );

  test(`RFC 3261 §17, ${name}: every state used is reached, and the last one can be reached from it`, (t) => {
    const reached = new Set(['initial']);
    for (let before = -1; before !== reached.size; ) {
      before = reached.size;
      for (const { from, transition } of transitions) if (reached.has(from)) reached.add(transition.to);
    }
    t.true(transitions.every(({ from }) => reached.has(from)));
    const ending = new Set(['terminated']);
    for (let before = -1; before !== ending.size; ) {
      before = ending.size;
      for (const { from, transition } of transitions) if (ending.has(transition.to)) ending.add(from);
    }
    t.deepEqual(
      [...reached].filter((state) => !ending.has(state)),
      [],
    );
    t.deepEqual(machine.terminated, {});
  });

  test(`RFC 3261 §17, ${name}: every timer that is waited for is started, and every one started is waited for`, (t) => {
    // timer-cancel is started by a call of the TU.
    const waited = new Set(
      transitions.map(({ event }) => event).filter((event) => event.startsWith('timer-')),
    );
    waited.delete('timer-cancel');
    const started = new Set(
      transitions
        .flatMap(({ transition }) => transition.actions)
        .filter((action) => /^(start|slow)-/.test(action))
        .map((action) => `timer-${action.replace(/^\w+-/, '')}`),
    );
    t.deepEqual([...started].sort(), [...waited].sort());
  });
}
