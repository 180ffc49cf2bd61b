import { behaviour } from './behaviour.ts';
import { aliceAndBob, call, Edge } from './edge.ts';

behaviour('RFC 3261 §11.2: OPTIONS to the server is answered with Allow, Accept and Supported', async (t) => {
  const { alice } = await aliceAndBob(t);
  alice.send('OPTIONS', 'sip:example.org');
  const ok = await alice.expect(200);
  t.true(ok.list('Allow').includes('REGISTER'));
  t.is(ok.header('Accept'), '*/*');
  t.deepEqual(ok.list('Supported').slice(0, 2), ['path', 'outbound']);
});

behaviour('RFC 3261 §11.1: OPTIONS to a user goes to his phone', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.send('OPTIONS', bob.aor, { headers: { Accept: 'application/sdp' } });
  bob.answer(await bob.expect('OPTIONS'), 200, { headers: { Allow: 'INVITE, X-CALL' } });
  t.is((await alice.expect(200)).header('Allow'), 'INVITE, X-CALL');
});

// Kamailio: it is forwarded.
behaviour(
  'RFC 3261 §16.3 step 5: an extension in Proxy-Require that we lack is 420 with Unsupported',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    alice.invite(bob, { headers: { 'Proxy-Require': 'frob, nicate' } });
    t.deepEqual((await alice.expect(420)).list('Unsupported'), ['frob', 'nicate']);
    await bob.expectNothing();
  },
);

behaviour('RFC 3261 §20.32: Require is the phone’s affair, not the proxy’s', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob, { headers: { Require: 'frobnicate' } });
  bob.answer(await bob.expect('INVITE'), 420, { headers: { Unsupported: 'frobnicate' } });
  t.is((await alice.expect(420)).header('Unsupported'), 'frobnicate');
});

behaviour('RFC 3261 §16.3: a method that we do not know is proxied like any other', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.send('FROB-1', bob.aor, { body: 'x' });
  const got = await bob.expect('FROB-1');
  t.is(got.body, 'x');
  bob.answer(got, 299);
  await alice.expect(299);
});

behaviour('RFC 3428 §6: a MESSAGE reaches the phone with its text, and the answer comes back', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.send('MESSAGE', bob.aor, { headers: { 'Content-Type': 'text/plain' }, body: 'Watson, come here.' });
  const message = await bob.expect('MESSAGE');
  t.deepEqual([message.header('Content-Type'), message.body], ['text/plain', 'Watson, come here.']);
  bob.answer(message, 200);
  await alice.expect(200);
});

behaviour('RFC 3428 §6: a MESSAGE to a user without a phone is 480: it is not kept', async (t) => {
  const { alice } = await aliceAndBob(t);
  alice.send('MESSAGE', 'sip:dave@example.org');
  await alice.expect(480);
});

behaviour(
  'RFC 3262 §3: reliable provisionals pass with Require and RSeq, and their PRACK takes the route of the early dialog',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const invite = alice.invite(bob, { headers: { Supported: '100rel' } });
    const incoming = await bob.expect('INVITE');
    bob.answer(incoming, 183, { headers: { Require: '100rel', RSeq: '988789' }, body: 'v=0\r\n' });
    const progress = await alice.expect(183);
    t.deepEqual([progress.header('Require'), progress.header('RSeq')], ['100rel', '988789']);
    alice.sendIn(alice.dialog(invite, progress), 'PRACK', { headers: { RAck: '988789 2 INVITE' } });
    const prack = await bob.expect('PRACK');
    t.is(prack.header('RAck'), '988789 2 INVITE');
    bob.answer(prack, 200);
    t.is((await alice.expect(200)).method, 'PRACK');
  },
);

behaviour('RFC 3262 §3: of several early dialogs each PRACK reaches the phone it is for', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const second = await edge.registered('bob');
  const invite = alice.invite(bob);
  for (const phone of [bob, second]) phone.answer(await phone.expect('INVITE'), 183);
  const dialogs = [await alice.expect(183), await alice.expect(183)].map((early) =>
    alice.dialog(invite, early),
  );
  for (const dialog of dialogs) {
    alice.sendIn(dialog, 'PRACK');
    const phone = dialog.target === bob.contact ? bob : second;
    t.is((await phone.expect('PRACK')).uri, phone.contact);
  }
});

behaviour('RFC 3311 §5.1: an UPDATE before the call is answered passes both ways', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const invite = alice.invite(bob);
  const incoming = await bob.expect('INVITE');
  const ringing = bob.answer(incoming, 180);
  const early = await alice.expect(180);
  alice.sendIn(alice.dialog(invite, early), 'UPDATE');
  bob.answer(await bob.expect('UPDATE'), 200);
  await alice.expect(200);
  bob.sendIn(bob.dialogOf(incoming, ringing), 'UPDATE');
  t.is((await alice.expect('UPDATE')).uri, alice.contact);
});

behaviour('RFC 6086 §4: INFO passes within the dialog with its package and body', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const { hers } = await call(alice, bob);
  const headers = { 'Info-Package': 'dtmf', 'Content-Disposition': 'Info-Package' };
  alice.sendIn(hers, 'INFO', { headers, body: 'Signal=5\r\n' });
  const info = await bob.expect('INFO');
  t.deepEqual([info.header('Info-Package'), info.body], ['dtmf', 'Signal=5\r\n']);
});

behaviour('RFC 3515 §2.4: a REFER within the call is proxied, and its NOTIFYs come back', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const { hers, his } = await call(alice, bob);
  const refer = '<sip:carol@example.org?Replaces=1%3Bto-tag%3D2>';
  alice.sendIn(hers, 'REFER', { headers: { 'Refer-To': refer, 'Referred-By': `<${alice.aor}>` } });
  const request = await bob.expect('REFER');
  t.is(request.header('Refer-To'), refer);
  bob.answer(request, 202);
  await alice.expect(202);
  const headers = { Event: 'refer', 'Subscription-State': 'active', 'Content-Type': 'message/sipfrag' };
  bob.sendIn(his, 'NOTIFY', { headers, body: 'SIP/2.0 100 Trying\r\n' });
  t.is((await alice.expect('NOTIFY')).body, 'SIP/2.0 100 Trying\r\n');
});

behaviour('RFC 3515 §2.4.4: a REFER outside a call makes a dialog whose NOTIFYs come back', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.send('REFER', bob.aor, { headers: { 'Refer-To': '<sip:carol@example.org>' } });
  const request = await bob.expect('REFER');
  const accepted = bob.answer(request, 202);
  await alice.expect(202);
  bob.sendIn(bob.dialogOf(request, accepted), 'NOTIFY', { headers: { Event: 'refer' } });
  t.is((await alice.expect('NOTIFY')).uri, alice.contact);
});

behaviour('RFC 3891 §4: Replaces passes to the phone: the proxy does not judge it', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const Replaces = 'abc@pc33;to-tag=1;from-tag=2;early-only';
  alice.invite(bob, { headers: { Replaces, Require: 'replaces' } });
  t.is((await bob.expect('INVITE')).header('Replaces'), Replaces);
});

behaviour(
  'RFC 4028 §8.1: Session-Expires and Min-SE pass, and a proxy that has no wish adds none',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const headers = { 'Session-Expires': '1800;refresher=uac', 'Min-SE': '120', Supported: 'timer' };
    alice.invite(bob, { headers });
    const invite = await bob.expect('INVITE');
    for (const [name, value] of Object.entries(headers)) t.is(invite.header(name), value);
    alice.invite(bob);
    t.is((await bob.expect('INVITE')).header('Session-Expires'), '');
  },
);

behaviour('RFC 4028 §8.2: a 422 reaches the caller with its Min-SE', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob, { headers: { 'Session-Expires': '90' } });
  bob.answer(await bob.expect('INVITE'), 422, { headers: { 'Min-SE': '3600' } });
  t.is((await alice.expect(422)).header('Min-SE'), '3600');
});

behaviour(
  'RFC 4028 §10: a session refresh, by UPDATE or re-INVITE, passes in either direction',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const { hers, his } = await call(alice, bob);
    await edge.pass(900_000);
    alice.sendIn(hers, 'UPDATE', { headers: { 'Session-Expires': '1800' } });
    bob.answer(await bob.expect('UPDATE'), 200, { headers: { 'Session-Expires': '1800;refresher=uac' } });
    t.is((await alice.expect(200)).header('Session-Expires'), '1800;refresher=uac');
    const reinvite = bob.sendIn(his, 'INVITE');
    alice.answer(await alice.expect('INVITE'), 200);
    bob.ack(reinvite, await bob.expect(200));
    await alice.expect('ACK');
  },
);

behaviour('RFC 3261 §14.1: a 491 to a re-INVITE reaches its sender, and the dialog goes on', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const { hers } = await call(alice, bob);
  const reinvite = alice.sendIn(hers, 'INVITE');
  bob.answer(await bob.expect('INVITE'), 491);
  await bob.expect('ACK');
  alice.ack(reinvite, await alice.expect(491));
  alice.sendIn(hers, 'BYE');
  t.is((await bob.expect('BYE')).uri, bob.contact);
});

behaviour('RFC 3326 §2: the Reason of a BYE passes', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const { hers } = await call(alice, bob);
  alice.sendIn(hers, 'BYE', { headers: { Reason: 'Q.850;cause=16;text="Terminated"' } });
  t.is((await bob.expect('BYE')).header('Reason'), 'Q.850;cause=16;text="Terminated"');
});

behaviour(
  'RFC 3261 §15.1.1: a BYE for a call whose phone has unregistered in the meantime still reaches it',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const { hers } = await call(alice, bob);
    await bob.register({ expires: 0 });
    alice.sendIn(hers, 'BYE');
    bob.answer(await bob.expect('BYE'), 200);
    await alice.expect(200);
  },
);

behaviour('RFC 3261 §15.1.2: a 481 to a BYE reaches its sender', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const { hers } = await call(alice, bob);
  alice.sendIn(hers, 'BYE');
  bob.answer(await bob.expect('BYE'), 481);
  t.is((await alice.expect(481)).method, 'BYE');
});

behaviour(
  'RFC 3261 §13.2.2.4: an INVITE without an offer has its answer in the ACK, which arrives with its body',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const invite = alice.invite(bob, { body: '', headers: { 'Content-Type': undefined } });
    bob.answer(await bob.expect('INVITE'), 200, {
      headers: { 'Content-Type': 'application/sdp' },
      body: 'v=0\r\n',
    });
    const ok = await alice.expect(200);
    t.is(ok.body, 'v=0\r\n');
    const { target, routes } = alice.dialog(invite, ok);
    const headers = { Route: routes, 'Content-Type': 'application/sdp' };
    alice.send('ACK', target, {
      callId: invite.header('Call-ID'),
      cseq: invite.cseq,
      to: ok.header('To'),
      headers,
      body: 'v=0\r\na=x\r\n',
    });
    t.is((await bob.expect('ACK')).body, 'v=0\r\na=x\r\n');
  },
);

behaviour(
  'RFC 3261 §8.2.3: a phone that cannot take a body says 415 with Accept, and its sender hears it',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    alice.invite(bob, {
      headers: { 'Content-Type': 'text/x-odd', 'Content-Disposition': 'render;handling=required' },
    });
    bob.answer(await bob.expect('INVITE'), 415, { headers: { Accept: 'application/sdp' } });
    t.is((await alice.expect(415)).header('Accept'), 'application/sdp');
  },
);

behaviour('RFC 3261 §21.4.16: a 421 reaches the caller with what the callee requires', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob);
  bob.answer(await bob.expect('INVITE'), 421, { headers: { Require: '100rel' } });
  t.is((await alice.expect(421)).header('Require'), '100rel');
});

behaviour('RFC 3261 §21.4.26: a 488 reaches the caller with its Warning', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob);
  bob.answer(await bob.expect('INVITE'), 488, { headers: { Warning: '304 phone "no video"' } });
  t.is((await alice.expect(488)).header('Warning'), '304 phone "no video"');
});

behaviour(
  'RFC 3261 §8.1.3.4: a redirect by the phone goes to the caller, who decides; we do not follow it',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const carol = await edge.registered('carol');
    alice.invite(bob);
    const Contact = [`<${carol.aor}>;q=0.7`, '<mailto:bob@example.org>'];
    bob.answer(await bob.expect('INVITE'), 302, { headers: { Contact } });
    t.deepEqual((await alice.expect(302)).list('Contact'), Contact);
    await carol.expectNothing();
  },
);

behaviour(
  'RFC 3261 §20.4: Alert-Info, Call-Info, Priority and what else is between phones passes',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const headers = {
      'Alert-Info': '<http://x/y>;info=ring',
      'Call-Info': '<http://x>',
      Priority: 'urgent',
      Diversion: '<sip:z@example.org>;reason=no-answer',
      'History-Info': '<sip:a@example.org>;index=1',
    };
    alice.invite(bob, { headers });
    const invite = await bob.expect('INVITE');
    for (const [name, value] of Object.entries(headers)) t.is(invite.header(name), value);
  },
);

behaviour('RFC 3261 §12.2.2: requests of a call go on after the edge was started anew', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const { hers } = await call(alice, bob);
  await edge.restart();
  alice.sendIn(hers, 'BYE');
  t.is((await bob.expect('BYE')).uri, bob.contact);
});

behaviour(
  'RFC 3261 §15: a caller may end an early dialog by BYE, and the INVITE by the callee’s 487',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const invite = alice.invite(bob);
    const incoming = await bob.expect('INVITE');
    bob.answer(incoming, 180);
    alice.sendIn(alice.dialog(invite, await alice.expect(180)), 'BYE');
    bob.answer(await bob.expect('BYE'), 200);
    await alice.expect(200);
    bob.answer(incoming, 487);
    t.is((await alice.expect(487)).method, 'INVITE');
  },
);

behaviour(
  'RFC 3261 §12.2.1.2: a BYE to a phone that is gone gets no answer of ours: its sender ends the call anyway',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const { hers } = await call(alice, bob);
    alice.sendIn(hers, 'BYE');
    await bob.expect('BYE');
    await alice.expectNothing(60_000);
    t.is(
      alice.arrivals.filter(({ message }) => message.method === 'BYE' && message.status !== 100).length,
      0,
    );
  },
);

behaviour('RFC 3261 §14.1: a re-INVITE to a phone that is gone is 408 after 8 s', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const { hers } = await call(alice, bob);
  const sent = edge.now();
  alice.sendIn(hers, 'INVITE');
  await bob.expect('INVITE');
  await alice.expect(408, 40_000);
  t.is(Math.round((edge.now() - sent) / 1000), 8);
});

behaviour(
  'RFC 3261 §8.1.1.8: an INVITE without a Contact goes on as it is; over TCP its sender is still reached',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice', { transport: 'TCP' });
    const bob = await edge.registered('bob');
    alice.invite(bob, { headers: { Contact: undefined } });
    const incoming = await bob.expect('INVITE');
    const answer = bob.answer(incoming, 200);
    await alice.expect(200);
    bob.sendIn({ ...bob.dialogOf(incoming, answer), target: alice.contact }, 'BYE');
    t.is((await alice.expect('BYE')).uri, alice.contact);
  },
);
