import test, { type ExecutionContext } from 'ava';
import { RegistererState } from 'sip.js';
import { type LookupAnswer, startOverlay } from '../support/overlay.ts';
import type { SipJsCall } from '../support/sip-js-call.ts';
import { SipJsPhone } from '../support/sip-js-phone.ts';
import { eventually } from '../support/wait.ts';

// sip.js as it comes from npm: alice over UDP at one peer, bob over TCP at the other.

test('A11: two sip.js user agents register with digest at two peers and reach each other both ways', async (t) => {
  t.timeout(60_000);
  const [peer1, peer2] = await startOverlay(t, ['proxy', 'proxy']);
  if (peer1 === undefined || peer2 === undefined) return t.fail();
  const at1 = { transport: 'udp', port: peer1.sipPort('udp') } as const;
  const at2 = { transport: 'tcp', port: peer2.sipPort('tcp') } as const;

  const stranger = await SipJsPhone.open(t, { ...at1, user: 'alice', password: 'wrong' });
  t.is(await stranger.register(), 401);
  t.is(stranger.registerer.state, RegistererState.Unregistered);

  const alice = await SipJsPhone.open(t, { ...at1, user: 'alice' });
  const bob = await SipJsPhone.open(t, { ...at2, user: 'bob' });
  for (const phone of [alice, bob]) {
    t.is(await phone.register(), 200);
    t.is(phone.registerer.state, RegistererState.Registered);
  }
  await eventually('each entry at the other peer', 5000, async () => {
    const found1 = await peer2.admin<LookupAnswer>('/lookup/alice@example.org');
    const found2 = await peer1.admin<LookupAnswer>('/lookup/bob@example.org');
    return found1.entries[0]?.node === peer1.nodeId && found2.entries[0]?.node === peer2.nodeId;
  });

  for (const [caller, callee] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    await talk(t, caller, callee, 'caller');
    await talk(t, caller, callee, 'callee');
    await refused(t, caller, callee);
    await cancelled(t, caller, callee);
    await message(t, caller, callee);
  }

  for (const phone of [alice, bob]) {
    t.is(await phone.unregister(), 200);
    t.is(phone.registerer.state, RegistererState.Unregistered);
    t.deepEqual(phone.complaints, []);
  }
});

async function ring(caller: SipJsPhone, callee: SipJsPhone) {
  const [incoming, outgoing] = await Promise.all([callee.nextCall(), caller.call(callee.user)]);
  await outgoing.until('180');
  return { incoming, outgoing };
}

/** A whole call: offers in both directions, INFO in both directions, BYE from one side. */
async function talk(
  t: ExecutionContext,
  caller: SipJsPhone,
  callee: SipJsPhone,
  hangsUp: 'caller' | 'callee',
): Promise<void> {
  const { incoming, outgoing } = await ring(caller, callee);
  await incoming.session.accept();
  await Promise.all([outgoing.until('200'), incoming.until('ACK')]);

  const sides: [SipJsCall, SipJsCall] = [outgoing, incoming];
  for (const [one, other] of [sides, [incoming, outgoing]] as const) {
    t.is(await one.info('ping'), 200);
    t.is(await one.reinvite(), 200);
    await other.until('ACK');
  }
  t.is(outgoing.media.sent.length, 3, 'two offers and one answer');
  t.deepEqual(outgoing.media.received, incoming.media.sent);
  t.deepEqual(incoming.media.received, outgoing.media.sent);

  t.is(await (hangsUp === 'caller' ? outgoing : incoming).bye(), 200);
  await Promise.all([outgoing.until('Terminated'), incoming.until('Terminated')]);
  const hungUp = ['Terminated'];
  const wasLeft = ['BYE', 'Terminated'];
  t.deepEqual(outgoing.log, [
    ...['Establishing', '180', 'Established', '200', 'INFO ping', 'INVITE', 'ACK'],
    ...(hangsUp === 'caller' ? hungUp : wasLeft),
  ]);
  t.deepEqual(incoming.log, [
    ...['Establishing', 'Established', 'ACK', 'INFO ping', 'INVITE', 'ACK'],
    ...(hangsUp === 'caller' ? wasLeft : hungUp),
  ]);
}

async function refused(t: ExecutionContext, caller: SipJsPhone, callee: SipJsPhone): Promise<void> {
  const { incoming, outgoing } = await ring(caller, callee);
  await incoming.session.reject({ statusCode: 486 });
  await outgoing.until('486');
  t.deepEqual(outgoing.log, ['Establishing', '180', 'Terminated', '486']);
  t.deepEqual(incoming.log, ['Terminated']);
}

async function cancelled(t: ExecutionContext, caller: SipJsPhone, callee: SipJsPhone): Promise<void> {
  const { incoming, outgoing } = await ring(caller, callee);
  await outgoing.session.cancel();
  await Promise.all([outgoing.until('487'), incoming.until('Terminated')]);
  t.deepEqual(outgoing.log, ['Establishing', '180', 'Terminating', 'Terminated', '487']);
  t.deepEqual(incoming.log, ['CANCEL', 'Terminated']);
}

async function message(t: ExecutionContext, caller: SipJsPhone, callee: SipJsPhone): Promise<void> {
  const [received, status] = await Promise.all([
    callee.nextMessage(),
    caller.message(callee.user, `hello ${callee.user}`),
  ]);
  t.is(status, 200);
  t.is(received.request.body, `hello ${callee.user}`);
  t.is(received.request.from.uri.toString(), `sip:${caller.user}@example.org`);
}
