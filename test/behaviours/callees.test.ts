import { behaviour } from './behaviour.ts';
import { aliceAndBob, call, Edge } from './edge.ts';

// Phones as they are: odd spellings, odd places, odd moments.

behaviour(
  'RFC 3261 §16.6 step 2: what may not stand in a Request-URI, headers and method, is taken off a Contact',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice');
    const bob = await edge.phone('bob');
    const Contact = `<sip:bob@${bob.sentBy};method=REGISTER;x=1?Subject=odd&Route=%3Csip:evil%3E>`;
    await bob.register({ headers: { Contact } });
    alice.invite(bob);
    t.is((await bob.expect('INVITE')).uri, `sip:bob@${bob.sentBy};x=1`);
  },
);

behaviour('RFC 3261 §16.6 step 7: a Contact with maddr is called there', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const bob = await edge.phone('bob', { host: '192.0.2.66' });
  await bob.register({ headers: { Contact: '<sip:bob@phone.invalid;maddr=192.0.2.66>' } });
  alice.invite(bob);
  t.is((await bob.expect('INVITE')).uri, 'sip:bob@phone.invalid;maddr=192.0.2.66');
});

behaviour(
  'RFC 3261 §16.6 step 7: a phone that registers over UDP for transport=tcp is called over TCP',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice');
    const bob = await edge.phone('bob');
    await bob.register({ headers: { Contact: `<sip:bob@${bob.sentBy};transport=tcp>` } });
    await bob.listen(5060);
    alice.invite(bob);
    t.regex((await bob.expect('INVITE')).header('Via'), /^SIP\/2\.0\/TCP /);
  },
);

behaviour('RFC 3261 §19.1.1: a password in the callee’s address does not change who it is', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite('sip:bob:secret@example.org');
  t.is((await bob.expect('INVITE')).uri, bob.contact);
});

behaviour('RFC 3261 §16.5: users of the same name in two of our domains are two users', async (t) => {
  const edge = await Edge.start(t, { domains: ['example.org', 'example.net'] });
  const alice = await edge.registered('alice');
  const org = await edge.registered('bob');
  const net = await edge.registered('bob', { domain: 'example.net' });
  alice.invite('sip:bob@example.net');
  await net.expect('INVITE');
  await org.expectNothing();
  alice.invite('sip:bob@EXAMPLE.ORG');
  t.is((await org.expect('INVITE')).uri, org.contact);
});

behaviour(
  'RFC 3261 §7.3.3: a phone that answers with compact names, folded lines and all Vias in one is understood',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const invite = alice.invite(bob);
    const copy = await bob.expect('INVITE');
    const vias = copy.lines('Via').join(',\r\n  ');
    bob.write(
      [
        'SIP/2.0 486 ',
        `v: ${vias}`,
        `f:${copy.header('From')}`,
        `t : ${copy.header('To')};tag=b`,
        `i: ${copy.header('Call-ID')}`,
        `CSEQ:${copy.header('CSeq')}`,
        'l: 0',
        '',
        '',
      ].join('\r\n'),
    );
    t.deepEqual((await alice.expect(486)).list('Via'), invite.list('Via'));
  },
);

behaviour('RFC 3261 §7.2: a status line without a reason is one', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob);
  const copy = await bob.expect('INVITE');
  bob.write(bob.answer(copy, 100).text.replace('100 Answer', '486 '));
  t.regex((await alice.expect(486)).start, /^SIP\/2\.0 486 $/);
});

behaviour('RFC 3261 §18.1.2: what a phone adds to our Via, received and rport, does no harm', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob);
  const copy = await bob.expect('INVITE');
  const [ours = '', ...others] = copy.list('Via');
  const marked = `${ours.replace(';rport', ';rport=5060')};received=192.0.2.1`;
  bob.answer(copy, 486, { headers: { Via: [marked, ...others] } });
  t.is((await alice.expect(486)).list('Via').length, 1);
});

behaviour('RFC 3261 §16.7 step 5: a phone that rings again and again is heard each time', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  alice.invite(bob);
  const copy = await bob.expect('INVITE');
  const ringing = bob.answer(copy, 180);
  const heard = await alice.expect(180);
  for (let minute = 1; minute <= 5; minute += 1) {
    await edge.pass(60_000);
    bob.write(ringing.text);
  }
  await edge.pass(10);
  t.is(alice.timesOf(heard).length, 6);
});

behaviour(
  'RFC 3261 §16.7 step 4: a provisional that changes the early session, 183 after 180, passes with its body',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    alice.invite(bob);
    const copy = await bob.expect('INVITE');
    bob.answer(copy, 180);
    await alice.expect(180);
    bob.answer(copy, 183, { headers: { 'Content-Type': 'application/sdp' }, body: 'v=0\r\n' });
    t.is((await alice.expect(183)).body, 'v=0\r\n');
  },
);

behaviour('RFC 3261 §16.8: a phone that takes the call while timer C ends it has the call', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob);
  const copy = await bob.expect('INVITE');
  bob.answer(copy, 180);
  await alice.expect(180);
  await bob.expect('CANCEL', 200_000);
  bob.answer(copy, 200);
  t.is((await alice.expect(200)).uriIn('Contact'), bob.contact);
});

behaviour('RFC 3261 §16.8: a phone that does not end even then is given up 32 s later: 408', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  alice.invite(bob);
  bob.answer(await bob.expect('INVITE'), 180);
  await alice.expect(180);
  await bob.expect('CANCEL', 200_000);
  const ended = edge.now();
  await alice.expect(408, 40_000);
  t.is(Math.round((edge.now() - ended) / 1000), 32);
});

behaviour('RFC 3261 §12.2.2: a caller behind a NAT hears of the callee’s BYE', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.registered('bob');
  const alice = await edge.registered('alice', { believes: '10.0.0.7' });
  const { his } = await call(alice, bob);
  t.is(his.target, 'sip:alice@10.0.0.7:5060');
  bob.sendIn(his, 'BYE');
  alice.answer(await alice.expect('BYE'), 200);
  t.is((await bob.expect(200)).method, 'BYE');
});

behaviour(
  'RFC 3261 §12.2.2: a caller who is registered nowhere, behind a NAT, hears of it too',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.registered('bob');
    const alice = await edge.phone('alice', { believes: '10.0.0.7' });
    const { his } = await call(alice, bob);
    bob.sendIn(his, 'BYE');
    t.is((await alice.expect('BYE')).uri, 'sip:alice@10.0.0.7:5060');
  },
);

behaviour(
  'RFC 3261 §10.2.4: a phone that moved during a call and registered anew is reached there in that call',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice');
    const instance = ';+sip.instance="<urn:uuid:1>"';
    const before = await edge.registered('bob', { transport: 'TCP', register: { params: instance } });
    const { hers } = await call(alice, before);
    before.disconnect();
    const after = await edge.registered('bob', { transport: 'TCP', register: { params: instance } });
    alice.sendIn(hers, 'BYE');
    t.is((await after.expect('BYE')).header('Call-ID'), hers.callId);
  },
);

behaviour('RFC 3261 §10.3: bindings outlive a new start of the edge', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  await edge.restart();
  alice.invite(bob);
  t.is((await bob.expect('INVITE')).uri, bob.contact);
});

behaviour(
  'RFC 3261 §16.5: a phone that registers while the call is ringing elsewhere is not rung as well',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    alice.invite(bob);
    bob.answer(await bob.expect('INVITE'), 180);
    await alice.expect(180);
    const late = await edge.registered('bob');
    await late.expectNothing(10_000);
    t.is(late.arrivals.length, 1);
  },
);

behaviour('RFC 3261 §9.1: a phone that unregistered while it rang still gets the CANCEL', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const invite = alice.invite(bob);
  bob.answer(await bob.expect('INVITE'), 180);
  await alice.expect(180);
  await bob.register({ expires: 0 });
  alice.cancel(invite);
  await alice.expect(200);
  t.is((await bob.expect('CANCEL')).uri, bob.contact);
});

behaviour('RFC 3261 §16.5: who calls himself rings all his phones, the calling one too', async (t) => {
  const { edge, alice } = await aliceAndBob(t);
  const other = await edge.registered('alice');
  alice.invite(alice.aor);
  const copy = await other.expect('INVITE');
  t.is((await alice.expect('INVITE')).header('Call-ID'), copy.header('Call-ID'));
});

behaviour(
  'RFC 3261 §20.42: a request that has passed 60 proxies is proxied all the same, and its answer finds back',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const { text } = alice.request('INVITE', bob.aor);
    const vias = Array.from(
      { length: 60 },
      (_, hop) => `Via: SIP/2.0/UDP p${hop}.example;branch=z9hG4bKp${hop}\r\n`,
    );
    alice.write(text.replace('Max-Forwards', `${vias.join('')}Max-Forwards`));
    bob.answer(await bob.expect('INVITE'), 486);
    t.is((await alice.expect(486)).list('Via').length, 61);
  },
);

behaviour(
  'RFC 3261 §21.5.5: no phone here, and the overlay does not answer: 504, not a 503 that would drive phones away',
  async (t) => {
    const { edge, alice } = await aliceAndBob(t);
    edge.cutOff();
    alice.invite('sip:dave@example.org');
    t.is((await alice.expect(504, 10_000)).header('Retry-After'), '');
  },
);

behaviour('RFC 3261 §16.5: phones here ring although the overlay does not answer', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  edge.cutOff();
  alice.invite(bob);
  bob.answer(await bob.expect('INVITE'), 200);
  t.is((await alice.expect(200)).uriIn('Contact'), bob.contact);
});
