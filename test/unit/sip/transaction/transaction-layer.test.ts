import test from 'ava';
import { inviteClient, nonInviteClient } from '../../../../src/sip/transaction/client-machines.ts';
import type { Machine } from '../../../../src/sip/transaction/machine.ts';
import { inviteServer, nonInviteServer } from '../../../../src/sip/transaction/server-machines.ts';
import { PaperFlow, sipRequest, sipResponse, transactionBench } from '../../../support/sip-transactions.ts';

const udp = new PaperFlow('UDP');
const noHandler = { onResponse() {}, onTimeout() {}, onTransportError() {} };

test('bounds: over the limit of transactions a request gets 503 with Retry-After, an ACK nothing', (t) => {
  const { layer, user, sent, metrics } = transactionBench({ maxServerTransactions: 2, retryAfterS: 7 });
  for (const branch of ['z9hG4bK1', 'z9hG4bK2', 'z9hG4bK3'])
    layer.onMessage(sipRequest('INVITE', { branch }), udp);
  layer.onMessage(sipRequest('ACK', { branch: 'z9hG4bK4' }), udp);
  t.is(user.requests.length, 2);
  t.is(sent.length, 1);
  t.is(sent[0]?.line, '503');
  t.is(sent[0]?.message.header('Retry-After'), '7');
  t.is(metrics.value('sip_overload_refused_total'), 1);
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
