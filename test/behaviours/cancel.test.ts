import { behaviour } from './behaviour.ts';
import { aliceAndBob, call, Edge } from './edge.ts';
import type { Phone } from './phone.ts';

/** Alice's call rings at Bob's. */
async function ringing(alice: Phone, bob: Phone) {
  const invite = alice.invite(bob);
  const incoming = await bob.expect('INVITE');
  bob.answer(incoming, 180);
  await alice.expect(180);
  return { invite, incoming };
}

behaviour('RFC 3261 §9.2: a CANCEL is answered 200 at once, before the callee has said a word', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const { invite } = await ringing(alice, bob);
  const cancel = alice.cancel(invite);
  const ok = await alice.expect(200);
  t.deepEqual([ok.method, ok.branch], ['CANCEL', cancel.branch]);
});

behaviour('RFC 3261 §16.10: a CANCEL reaches every phone that rings, and the caller gets 487', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const second = await edge.registered('bob');
  const { invite, incoming } = await ringing(alice, bob);
  const other = await second.expect('INVITE');
  second.answer(other, 180);
  await alice.expect(180);
  alice.cancel(invite);
  await alice.expect(200);
  for (const [phone, request] of [
    [bob, incoming],
    [second, other],
  ] as const) {
    phone.answer(await phone.expect('CANCEL'), 200);
    phone.answer(request, 487);
    await phone.expect('ACK');
  }
  t.is((await alice.expect(487)).method, 'INVITE');
});

behaviour(
  'RFC 3261 §9.1: our CANCEL has Request-URI, Call-ID, From, To, CSeq number and the one Via of our INVITE',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const { invite, incoming } = await ringing(alice, bob);
    alice.cancel(invite);
    const cancel = await bob.expect('CANCEL');
    t.deepEqual(cancel.list('Via'), [incoming.list('Via')[0]]);
    t.deepEqual([cancel.uri, cancel.header('CSeq')], [incoming.uri, `${incoming.cseq} CANCEL`]);
    for (const name of ['Call-ID', 'From', 'To']) t.is(cancel.header(name), incoming.header(name));
  },
);

behaviour('RFC 3261 §9.1: our CANCEL asks for no extension, whatever the INVITE asked for', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const invite = alice.invite(bob, { headers: { Require: '100rel', 'Content-Type': 'application/sdp' } });
  bob.answer(await bob.expect('INVITE'), 180);
  await alice.expect(180);
  alice.cancel(invite);
  const cancel = await bob.expect('CANCEL');
  t.deepEqual([cancel.header('Require'), cancel.header('Content-Type'), cancel.body], ['', '', '']);
});

behaviour('RFC 3261 §9.1: a CANCEL waits until the phone has said something', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const invite = alice.invite(bob);
  const incoming = await bob.expect('INVITE');
  alice.cancel(invite);
  await alice.expect(200);
  await bob.expectNothing(300);
  bob.answer(incoming, 100);
  t.is((await bob.expect('CANCEL')).branch, incoming.branch);
});

// Kamailio: silence.
behaviour('RFC 3261 §9.2: a CANCEL that belongs to nothing is 481', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.send('CANCEL', bob.aor);
  await alice.expect(481);
  await bob.expectNothing();
});

behaviour('RFC 3261 §9.2: a CANCEL with another branch than its INVITE belongs to nothing', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const { invite } = await ringing(alice, bob);
  const cancel = alice.request('CANCEL', invite.uri, {
    callId: invite.header('Call-ID'),
    cseq: invite.cseq,
  });
  alice.write(cancel.text);
  await alice.expect(481);
  await bob.expectNothing();
});

behaviour('RFC 3261 §9.2: a CANCEL that comes after the final answer changes nothing', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const invite = alice.invite(bob);
  bob.answer(await bob.expect('INVITE'), 200);
  const ok = await alice.expect(200);
  alice.cancel(invite);
  t.is((await alice.expect(200)).method, 'CANCEL');
  await bob.expectNothing();
  alice.ack(invite, ok);
  await bob.expect('ACK');
});

behaviour('RFC 3261 §9.1: CANCEL and 200 cross on their way: the call stands', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const { invite, incoming } = await ringing(alice, bob);
  bob.answer(incoming, 200);
  alice.cancel(invite);
  t.is((await alice.expect(200)).method, 'INVITE');
  t.is((await alice.expect(200)).method, 'CANCEL');
  await bob.expectNothing();
  await alice.expectNothing();
});

behaviour(
  'RFC 3261 §16.7 step 5: the callee answers 200 although it got the CANCEL: the 200 reaches the caller',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const { invite, incoming } = await ringing(alice, bob);
    alice.cancel(invite);
    await alice.expect(200);
    bob.answer(await bob.expect('CANCEL'), 481);
    bob.answer(incoming, 200);
    t.is((await alice.expect(200)).method, 'INVITE');
    await alice.expectNothing(40_000);
  },
);

// Kamailio: no answer within 40 s.
behaviour(
  'RFC 3261 §9.1: a phone that does not end a cancelled call within 32 s is given up: 487',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const { invite } = await ringing(alice, bob);
    alice.cancel(invite);
    await alice.expect(200);
    bob.answer(await bob.expect('CANCEL'), 200);
    const cancelled = edge.now();
    await alice.expect(487, 40_000);
    t.is(Math.round((edge.now() - cancelled) / 1000), 32);
  },
);

behaviour(
  'RFC 3261 §16.10: nobody has said anything when the caller gives up: he has his 487 after 8 s of silence',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const sent = edge.now();
    const invite = alice.invite(bob);
    await bob.expect('INVITE');
    alice.cancel(invite);
    await alice.expect(200);
    await alice.expect(487, 10_000);
    t.is(Math.round((edge.now() - sent) / 1000), 8);
  },
);

behaviour(
  'RFC 3261 §16.7 step 10: a phone that first rings when the caller is gone is cancelled then',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const invite = alice.invite(bob);
    const incoming = await bob.expect('INVITE');
    alice.ack(invite, await alice.expect(408, 10_000));
    bob.answer(incoming, 180);
    await bob.expect('CANCEL');
    await alice.expectNothing();
  },
);

behaviour('RFC 3261 §9.2: a CANCEL that comes again gets the same 200, and goes no further', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const { invite } = await ringing(alice, bob);
  const cancel = alice.cancel(invite);
  const ok = await alice.expect(200);
  bob.answer(await bob.expect('CANCEL'), 200);
  await edge.pass(500);
  alice.write(cancel.text);
  await bob.expectNothing();
  t.is(alice.timesOf(ok).length, 2);
});

behaviour('RFC 3261 §17.1.2: our CANCEL goes again until the phone answers it', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const { invite } = await ringing(alice, bob);
  alice.cancel(invite);
  const cancel = await bob.expect('CANCEL');
  await edge.pass(1_600);
  bob.answer(cancel, 200);
  await edge.pass(20_000);
  t.deepEqual(bob.timesOf(cancel), [0, 500, 1500]);
});

behaviour('RFC 3261 §16.10: a cancelled call is not offered to the phones of the next lower q', async (t) => {
  const { edge, alice } = await aliceAndBob(t);
  const desk = await edge.registered('carol', { register: { params: ';q=1' } });
  const mobile = await edge.registered('carol', { register: { params: ';q=0.5' } });
  const { invite, incoming } = await ringing(alice, desk);
  alice.cancel(invite);
  await alice.expect(200);
  await desk.expect('CANCEL');
  desk.answer(incoming, 487);
  await alice.expect(487);
  await mobile.expectNothing(60_000);
});

behaviour(
  'RFC 3261 §16.7 step 6: the caller who cancelled is told 487, even if one of the phones was busy',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const second = await edge.registered('bob');
    const { invite, incoming } = await ringing(alice, bob);
    second.answer(await second.expect('INVITE'), 486);
    await second.expect('ACK');
    alice.cancel(invite);
    await alice.expect(200);
    await bob.expect('CANCEL');
    bob.answer(incoming, 487);
    t.is((await alice.expect(487)).method, 'INVITE');
  },
);

behaviour('RFC 3261 §9.2: the 200 to the CANCEL has the To tag of the 487 that we make', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const invite = alice.invite(bob);
  await bob.expect('INVITE');
  alice.cancel(invite);
  const ok = await alice.expect(200);
  t.is((await alice.expect(487, 10_000)).toTag, ok.toTag);
});

behaviour('RFC 3326 §2: the Reason of a CANCEL goes along to the phones', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const { invite } = await ringing(alice, bob);
  const reasons = ['SIP;cause=600;text="Busy, everywhere"', 'Q.850;cause=16'];
  alice.cancel(invite, { Reason: reasons });
  t.deepEqual((await bob.expect('CANCEL')).list('Reason'), reasons);
});

behaviour(
  'RFC 3326 §3.1: the phones that did not get the call are told that it was taken elsewhere',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const second = await edge.registered('bob');
    await ringing(alice, bob);
    second.answer(await second.expect('INVITE'), 200);
    await alice.expect(200);
    t.is((await bob.expect('CANCEL')).header('Reason'), 'SIP;cause=200;text="Call completed elsewhere"');
  },
);

behaviour(
  'RFC 3326 §2: the phones that ring when another declines for all are told why they stop',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const second = await edge.registered('bob');
    await ringing(alice, bob);
    second.answer(await second.expect('INVITE'), 603);
    t.is((await bob.expect('CANCEL')).header('Reason'), 'SIP;cause=603;text="Decline"');
  },
);

behaviour('RFC 3261 §9.2: CANCEL works over TCP as well', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice', { transport: 'TCP' });
  const bob = await edge.registered('bob', { transport: 'TCP' });
  const { invite, incoming } = await ringing(alice, bob);
  alice.cancel(invite);
  await alice.expect(200);
  bob.answer(await bob.expect('CANCEL'), 200);
  bob.answer(incoming, 487);
  await bob.expect('ACK');
  t.is((await alice.expect(487)).method, 'INVITE');
});

behaviour(
  'RFC 3261 §9.2: a CANCEL for a request other than INVITE is 200, and changes nothing',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const message = alice.send('MESSAGE', bob.aor);
    const incoming = await bob.expect('MESSAGE');
    alice.cancel(message);
    t.is((await alice.expect(200)).method, 'CANCEL');
    bob.answer(incoming, 200);
    t.is((await alice.expect(200)).method, 'MESSAGE');
  },
);

behaviour('RFC 3261 §14.1: a re-INVITE that rings can be cancelled, and the dialog goes on', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const { hers } = await call(alice, bob);
  const reinvite = alice.sendIn(hers, 'INVITE');
  const incoming = await bob.expect('INVITE');
  bob.answer(incoming, 180);
  await alice.expect(180);
  alice.cancel(reinvite);
  await alice.expect(200);
  bob.answer(await bob.expect('CANCEL'), 200);
  bob.answer(incoming, 487);
  await bob.expect('ACK');
  alice.ack(reinvite, await alice.expect(487));
  alice.sendIn(hers, 'BYE');
  t.is((await bob.expect('BYE')).uri, bob.contact);
});
