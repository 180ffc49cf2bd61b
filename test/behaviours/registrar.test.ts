import { behaviour } from './behaviour.ts';
import { aliceAndBob, EDGE, Edge } from './edge.ts';
import { bindings } from './message.ts';

const DOMAIN = 'sip:example.org';

behaviour(
  'RFC 3261 §10.3 step 8: the 200 lists every binding of the user with the seconds it has left',
  async (t) => {
    const edge = await Edge.start(t);
    const desk = await edge.registered('bob');
    await edge.pass(600_000);
    const mobile = await edge.phone('bob');
    t.deepEqual(bindings(await mobile.register({ expires: 300 })), [
      `${desk.contact} 3000`,
      `${mobile.contact} 300`,
    ]);
  },
);

behaviour('RFC 3261 §10.3 step 8: the 200 tells the time', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  t.is((await bob.register()).header('Date'), 'Thu, 01 Jan 2026 00:00:00 GMT');
});

behaviour(
  'RFC 3261 §10.3 step 6: a REGISTER without Contact asks for the bindings and changes none',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.registered('bob');
    const asking = await bob.register({ headers: { Contact: undefined, Expires: undefined } });
    t.deepEqual(bindings(asking), [`${bob.contact} 3600`]);
  },
);

behaviour('RFC 3261 §10.3 step 6: Contact * with Expires 0 removes all bindings', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  await edge.registered('bob');
  t.deepEqual(bindings(await bob.register({ headers: { Contact: '*', Expires: '0' } })), []);
  alice.invite(bob);
  await alice.expect(480);
});

behaviour(
  'RFC 3261 §10.3 step 6: Contact * does not remove what the same Call-ID registered with a higher CSeq',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.phone('bob');
    await bob.register({ callId: 'one', cseq: 20 });
    const headers = { Contact: '*', Expires: '0' };
    bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>`, callId: 'one', cseq: 19, headers });
    await bob.expect(500);
    t.is(bindings(await bob.register({ headers: { Contact: undefined } })).length, 1);
  },
);

behaviour('RFC 3261 §10.2.1.1: the expires of a Contact counts before the Expires header', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  t.deepEqual(bindings(await bob.register({ params: ';expires=120', expires: 900 })), [`${bob.contact} 120`]);
});

behaviour('RFC 3261 §10.3 step 7: without any wish a binding lives for the configured default', async (t) => {
  const edge = await Edge.start(t, { expires: { min: 60, default: 1800, max: 7200 } });
  const bob = await edge.phone('bob');
  t.deepEqual(bindings(await bob.register({ headers: { Expires: undefined } })), [`${bob.contact} 1800`]);
});

behaviour('RFC 3261 §10.3 step 7: a life longer than we grant is shortened', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  t.deepEqual(bindings(await bob.register({ expires: 86_400 })), [`${bob.contact} 7200`]);
});

behaviour('RFC 3261 §20.19: a malformed Expires is as good as none', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  t.deepEqual(bindings(await bob.register({ headers: { Expires: 'tomorrow' } })), [`${bob.contact} 3600`]);
});

behaviour('RFC 3261 §20.19: an Expires beyond 2**32-1 is the longest there is, not none', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  t.deepEqual(bindings(await bob.register({ headers: { Expires: '99999999999' } })), [`${bob.contact} 7200`]);
});

behaviour('RFC 3261 §10.2.2: expires=0 removes that contact and no other', async (t) => {
  const edge = await Edge.start(t);
  const desk = await edge.registered('bob');
  const mobile = await edge.registered('bob');
  t.deepEqual(bindings(await mobile.register({ params: ';expires=0' })), [`${desk.contact} 3600`]);
});

behaviour(
  'RFC 3261 §10.2.2: whoever removes a contact that is not bound is told that all is well',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.phone('bob');
    t.deepEqual(bindings(await bob.register({ expires: 0 })), []);
  },
);

behaviour('RFC 3261 §10.3 step 7: a binding ends with its time', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  await edge.pass(3_599_000);
  alice.invite(bob);
  bob.answer(await bob.expect('INVITE'), 486);
  await alice.expect(486);
  await edge.pass(2_000);
  alice.invite(bob);
  await alice.expect(480);
});

behaviour(
  'RFC 3261 §10.3 step 7: a phone that restarted has a new Call-ID, and a lower CSeq counts',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.phone('bob');
    await bob.register({ callId: 'before', cseq: 2000 });
    t.deepEqual(bindings(await bob.register({ callId: 'after', cseq: 1, expires: 600 })), [
      `${bob.contact} 600`,
    ]);
  },
);

behaviour(
  'RFC 3261 §10.2.1: several contacts in one REGISTER are all bound, in one line or in several',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.phone('bob');
    const Contact = [
      '<sip:b1@192.0.2.91>;expires=100, "Bob, at home" <sip:b2@192.0.2.92>;expires=200',
      'sip:b3@192.0.2.93;expires=300',
    ];
    t.deepEqual(bindings(await bob.register({ headers: { Contact } })), [
      ...['sip:b1@192.0.2.91 100', 'sip:b2@192.0.2.92 200', 'sip:b3@192.0.2.93 300'],
    ]);
  },
);

behaviour('RFC 3261 §20.10: without angle brackets the parameters are the Contact header’s', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  const ok = await bob.register({ headers: { Contact: 'sip:bob@192.0.2.91;transport=udp;expires=99' } });
  t.is(ok.header('Contact'), '<sip:bob@192.0.2.91>;transport=udp;expires=99');
});

behaviour(
  'RFC 3261 §10.3 step 5: the address of record is compared unescaped, its host in any case',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.registered('bob');
    const other = await edge.phone('bob');
    const ok = await other.register({
      to: '<sip:%62ob@EXAMPLE.org;transport=udp>',
      headers: { Contact: undefined },
    });
    t.deepEqual(bindings(ok), [`${bob.contact} 3600`]);
  },
);

behaviour(
  'RFC 3261 §10.3 step 5: a phone that knows only our IP address registers in our domain',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice');
    const bob = await edge.phone('bob', { domain: EDGE });
    await bob.register();
    alice.invite('sip:bob@example.org');
    t.is((await bob.expect('INVITE')).uri, bob.contact);
  },
);

behaviour('RFC 3261 §10.3: Record-Route in a REGISTER is ignored, and is not in the answer', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  const ok = await bob.register({ headers: { 'Record-Route': '<sip:192.0.2.77;lr>' } });
  t.is(ok.header('Record-Route'), '');
  const alice = await edge.registered('alice');
  alice.invite(bob);
  t.is((await bob.expect('INVITE')).header('Route'), '');
});

behaviour('RFC 3261 §10.2.4: a refresh replaces the binding, with its new parameters', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.registered('bob', { register: { params: ';q=0.5' } });
  const ok = await bob.register({ params: ';q=0.7', expires: 900 });
  t.deepEqual(ok.list('Contact'), [`<${bob.contact}>;q=0.7;expires=900`]);
});

behaviour('RFC 3840 §6: the features of a Contact are kept and told again', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  const params = ';audio;methods="INVITE,BYE";+sip.instance="<urn:uuid:f81d4fae>"';
  t.is((await bob.register({ params })).header('Contact'), `<${bob.contact}>${params};expires=3600`);
});

behaviour('RFC 3261 §10.3: of more contacts than a user may have the oldest makes room', async (t) => {
  const edge = await Edge.start(t, { 'max-contacts': 2 });
  await edge.registered('bob');
  const second = await edge.registered('bob');
  const third = await edge.phone('bob');
  t.deepEqual(bindings(await third.register()), [`${second.contact} 3600`, `${third.contact} 3600`]);
});

behaviour(
  'RFC 3261 §17.2.2: a REGISTER that comes again gets the same answer, and is not processed again',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.phone('bob');
    const request = bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>` });
    const ok = await bob.expect(200);
    await edge.pass(500);
    bob.write(request.text);
    await bob.expectNothing();
    t.is(bob.timesOf(ok).length, 2);
  },
);

// Kamailio: 483.
behaviour(
  'RFC 3261 §16.3 step 3: Max-Forwards 0 does not keep a REGISTER from the registrar it has reached',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.phone('bob');
    t.is((await bob.register({ headers: { 'Max-Forwards': '0' } })).status, 200);
  },
);

behaviour('RFC 3261 §10.2.1: one REGISTER may remove a contact and add another', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.registered('bob');
  const Contact = [`<${bob.contact}>;expires=0`, '<sip:bob@192.0.2.91>;expires=300'];
  t.deepEqual(bindings(await bob.register({ headers: { Contact } })), ['sip:bob@192.0.2.91 300']);
});

behaviour(
  'RFC 3261 §10.3 step 7: of a contact that stands twice in one REGISTER the last word counts',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.phone('bob');
    const Contact = '<sip:bob@192.0.2.91>;expires=300, <sip:bob@192.0.2.91>;expires=600';
    t.deepEqual(bindings(await bob.register({ headers: { Contact } })), ['sip:bob@192.0.2.91 600']);
  },
);

behaviour('RFC 3261 §10.2: a To tag in a REGISTER, which makes no dialog, does no harm', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  const ok = await bob.register({ to: `<${bob.aor}>;tag=odd` });
  t.deepEqual([bindings(ok).length, ok.toTag], [1, 'odd']);
});

behaviour(
  'RFC 3261 §10.2: a user part in the Request-URI of a REGISTER, as some phones write it, is borne',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.phone('bob');
    bob.send('REGISTER', bob.aor);
    t.is(bindings(await bob.expect(200)).length, 1);
  },
);

behaviour(
  'RFC 3261 §10.3: a refresh does not cost another contact its place, however many there are',
  async (t) => {
    const edge = await Edge.start(t, { 'max-contacts': 2 });
    const first = await edge.registered('bob');
    const second = await edge.registered('bob');
    await first.register();
    const ok = await second.register();
    t.deepEqual(bindings(ok).toSorted(), [`${first.contact} 3600`, `${second.contact} 3600`]);
  },
);
