import { behaviour } from './behaviour.ts';
import { aliceAndBob, call, EDGE, Edge } from './edge.ts';
import { parameter } from './message.ts';

behaviour('RFC 3261 §16.6 step 4: an INVITE is recorded with a loose route to us', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob);
  const routes = (await bob.expect('INVITE')).list('Record-Route');
  t.is(routes.length, 1);
  t.regex(routes[0]!, new RegExp(`^<sip:[^@]+@${EDGE}:5060;transport=udp;lr>$`));
});

behaviour('RFC 5658 §4: where the transport changes the route is recorded for each side', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const bob = await edge.registered('bob', { transport: 'TCP' });
  alice.invite(bob);
  const routes = (await bob.expect('INVITE')).list('Record-Route');
  t.deepEqual(
    routes.map((route) => parameter(route, 'transport')),
    ['tcp', 'udp'],
  );
});

behaviour(
  'RFC 3261 §16.6 step 4: SUBSCRIBE and REFER are recorded too, MESSAGE and OPTIONS make no dialog',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const recorded: string[] = [];
    for (const method of ['SUBSCRIBE', 'REFER', 'MESSAGE', 'OPTIONS']) {
      alice.send(method, bob.aor, { headers: { Event: 'dialog', 'Refer-To': '<sip:c@example.org>' } });
      if ((await bob.expect(method)).header('Record-Route') !== '') recorded.push(method);
    }
    t.deepEqual(recorded, ['SUBSCRIBE', 'REFER']);
  },
);

behaviour('RFC 3261 §16.6 step 4: Record-Routes of proxies before us stay below ours', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const before = ['<sip:p2.example;lr>', '<sip:p1.example;lr;x=1>;y="a,b"'];
  alice.invite(bob, { headers: { 'Record-Route': before.join(', ') } });
  t.deepEqual((await bob.expect('INVITE')).list('Record-Route').slice(1), before);
});

behaviour(
  'RFC 3261 §16.12: requests of both sides follow the recorded route to the other’s Contact',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const { hers, his } = await call(alice, bob);
    alice.sendIn(hers, 'INFO');
    const info = await bob.expect('INFO');
    t.deepEqual([info.uri, info.header('Route')], [bob.contact, '']);
    bob.answer(info, 200);
    await alice.expect(200);
    bob.sendIn(his, 'BYE');
    t.is((await alice.expect('BYE')).uri, alice.contact);
  },
);

behaviour('RFC 3261 §16.12: a dialog between a UDP and a TCP phone works from both sides', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const bob = await edge.registered('bob', { transport: 'TCP' });
  const { hers, his } = await call(alice, bob);
  alice.sendIn(hers, 'INFO');
  bob.answer(await bob.expect('INFO'), 200);
  await alice.expect(200);
  bob.sendIn(his, 'BYE');
  alice.answer(await alice.expect('BYE'), 200);
  t.is((await bob.expect(200)).method, 'BYE');
});

behaviour('RFC 3261 §12.2.1.2: after a re-INVITE requests reach the new Contact', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const { hers, his } = await call(alice, bob);
  const moved = await edge.phone('bob', { host: '192.0.2.77' });
  bob.sendIn(his, 'INVITE', { headers: { Contact: `<${moved.contact}>` } });
  const reinvite = await alice.expect('INVITE');
  t.is(reinvite.uriIn('Contact'), moved.contact);
  alice.answer(reinvite, 200);
  await bob.expect(200);
  alice.sendIn({ ...hers, target: moved.contact }, 'BYE');
  t.is((await moved.expect('BYE')).uri, moved.contact);
});

behaviour('RFC 3261 §16.6 step 4: a request within the dialog is not recorded again', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const { hers } = await call(alice, bob);
  alice.sendIn(hers, 'INVITE');
  t.is((await bob.expect('INVITE')).header('Record-Route'), '');
});

behaviour('RFC 3261 §16.4: Routes to us are taken off, also when several of them come first', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const Route = [`<sip:${EDGE};lr>, <sip:${EDGE}:5060;lr>`, '<sip:example.org;lr>'];
  alice.invite(bob, { headers: { Route } });
  t.is((await bob.expect('INVITE')).header('Route'), '');
});

behaviour(
  'RFC 3261 §16.6 step 6: with a Route left the request goes to it, whatever its Request-URI',
  async (t) => {
    const { edge, alice } = await aliceAndBob(t);
    const next = await edge.phone('next', { host: '198.51.100.7' });
    const Route = `<sip:${EDGE};lr>, <sip:198.51.100.7;lr>`;
    alice.invite('sip:bob@example.org', { headers: { Route } });
    const invite = await next.expect('INVITE');
    t.deepEqual([invite.uri, invite.header('Route')], ['sip:bob@example.org', '<sip:198.51.100.7;lr>']);
  },
);

behaviour(
  'RFC 3261 §16.6 step 6: a strict router finds itself in the Request-URI, and the target in the last Route',
  async (t) => {
    const { edge, alice } = await aliceAndBob(t);
    const strict = await edge.phone('strict', { host: '198.51.100.7' });
    const Route = '<sip:198.51.100.7>, <sip:p9.example;lr>';
    alice.invite('sip:dave@elsewhere.example', { headers: { Route } });
    const invite = await strict.expect('INVITE');
    t.is(invite.uri, 'sip:198.51.100.7');
    t.deepEqual(invite.list('Route'), ['<sip:p9.example;lr>', '<sip:dave@elsewhere.example>']);
  },
);

behaviour(
  'RFC 3261 §16.4: a request that a strict router sent us, with our route in its Request-URI, is put right',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const { hers } = await call(alice, bob);
    const ours = /<(.*)>/.exec(hers.routes[0]!)![1]!;
    alice.sendIn({ ...hers, target: ours }, 'BYE', { headers: { Route: `<${bob.contact}>` } });
    const bye = await bob.expect('BYE');
    t.deepEqual([bye.uri, bye.header('Route')], [bob.contact, '']);
  },
);

behaviour('RFC 3261 §16.3 step 1: a malformed Route is 400', async (t) => {
  const { alice } = await aliceAndBob(t);
  alice.invite('sip:bob@example.org', { headers: { Route: '<sip:' } });
  await alice.expect(400);
});

// Kamailio: 404.
behaviour(
  'RFC 3261 §12.2.2: a request within a dialog that we never saw begin finds its user, or 481 where there is none',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    alice.send('BYE', bob.aor, { to: `<${bob.aor}>;tag=lost` });
    bob.answer(await bob.expect('BYE'), 481);
    await alice.expect(481);
    alice.send('BYE', 'sip:example.org', { to: '<sip:example.org>;tag=lost' });
    await alice.expect(481);
  },
);

behaviour('RFC 3261 §16.5: our IP address in the Request-URI stands for our domain', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  for (const host of [EDGE, `${EDGE}:5060`]) {
    alice.invite(`sip:bob@${host}`);
    t.is((await bob.expect('INVITE')).uri, bob.contact);
  }
});

behaviour(
  'RFC 3261 §16.5: our IP address with a port that is none of ours is a foreign server',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const other = await edge.phone('other', { host: EDGE, port: 5099 });
    alice.invite(`sip:bob@${EDGE}:5099`);
    t.is((await other.expect('INVITE')).uri, `sip:bob@${EDGE}:5099`);
    await bob.expectNothing();
  },
);

// Kamailio: 484.
behaviour('RFC 3261 §16.5: a Request-URI without a user is nobody’s: 404', async (t) => {
  const { alice } = await aliceAndBob(t);
  alice.invite('sip:example.org');
  await alice.expect(404);
});

// Kamailio: the user part has no case either, as configured.
behaviour(
  'RFC 3261 §19.1.4: escapes and the host’s case do not matter in the callee’s address, the user’s case does',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    alice.invite('sip:b%6Fb@Example.ORG');
    t.is((await bob.expect('INVITE')).uri, bob.contact);
    alice.invite('sip:Bob@example.org');
    await alice.expect(404);
  },
);

behaviour(
  'RFC 3261 §16.5: parameters and port of the callee’s address do not change who it is',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    alice.invite('sip:bob@example.org:5060;transport=udp;x=y');
    t.is((await bob.expect('INVITE')).uri, bob.contact);
  },
);

behaviour(
  'RFC 3261 §16.6 step 2: the Request-URI becomes the Contact as it was registered, parameters and all',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice');
    const bob = await edge.phone('bob');
    const contact = `sip:bob;x=1@${bob.sentBy};line=2;ob-x`;
    await bob.register({ headers: { Contact: `"Bob" <${contact}>;q=0.8` } });
    alice.invite(bob);
    t.is((await bob.expect('INVITE')).uri, contact);
  },
);

behaviour(
  'RFC 3261 §16.6 step 1: headers that we do not know, their order and their spelling, and the body go on untouched',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const headers = {
      'X-cRazy': 'a;b="c,d", e',
      subject: '  spaced   out  ',
      Allow: ['INVITE, ACK', 'BYE'],
      'Content-Type': 'multipart/mixed; boundary="-"',
    };
    const sent = alice.invite(bob, { headers, body: 'v=0\r\n\0\xff\r\n' });
    const got = await bob.expect('INVITE');
    t.is(got.body, sent.body);
    const theirs = (text: string) =>
      text.slice(text.indexOf('From: '), text.indexOf('\r\n\r\n')).replace(/\r\nMax-Breadth: \d+/, '');
    t.is(theirs(got.text), theirs(sent.text));
  },
);

behaviour('RFC 3261 §16.6 step 1: the caller’s Contact goes on as it is', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const Contact = '"A. Lice" <sip:alice@10.0.0.7:5062;ob>;+sip.instance="<urn:uuid:1>"';
  alice.invite(bob, { headers: { Contact } });
  t.is((await bob.expect('INVITE')).header('Contact'), Contact);
});

behaviour(
  'RFC 3261 §19.1.6: a tel URI, with or without separators, is the user of that number',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice');
    const phone = await edge.registered('+15551234');
    for (const uri of ['tel:+15551234', 'tel:+1-555-1234', 'sip:+1(555)1234@example.org;user=phone']) {
      alice.invite(uri);
      t.is((await phone.expect('INVITE')).uri, phone.contact, uri);
    }
  },
);

// Kamailio: 400.
behaviour('RFC 3261 §16.3 step 2: a Request-URI of a scheme we do not know is 416', async (t) => {
  const { alice } = await aliceAndBob(t);
  alice.invite('mailto:bob@example.org');
  await alice.expect(416);
});

// Kamailio: it is forwarded.
behaviour('RFC 3261 §19.1.1: a Request-URI has no headers: 400', async (t) => {
  const { alice } = await aliceAndBob(t);
  alice.invite('sip:bob@example.org?Subject=x');
  await alice.expect(400);
});

behaviour(
  'RFC 3261 §16.5: our users reach servers elsewhere through us, and have a route back',
  async (t) => {
    const { edge, alice } = await aliceAndBob(t);
    const dave = await edge.phone('dave', { host: '198.51.100.4', domain: 'elsewhere.example' });
    alice.invite('sip:dave@198.51.100.4');
    const invite = await dave.expect('INVITE');
    const answer = dave.answer(invite, 200);
    await alice.expect(200);
    dave.sendIn(dave.dialogOf(invite, answer), 'BYE');
    t.is((await alice.expect('BYE')).uri, alice.contact);
  },
);

behaviour(
  'RFC 3261 §16.9: a server elsewhere that cannot be reached by TCP is 500: our 503 would be taken for overload',
  async (t) => {
    const { alice } = await aliceAndBob(t);
    alice.invite('sip:dave@198.51.100.4;transport=tcp');
    t.is((await alice.expect(500, 10_000)).header('Retry-After'), '');
  },
);

behaviour('RFC 3261 §8.1.1.8: a Request-URI that names one of our phones’ Contacts reaches it', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob.contact);
  t.is((await bob.expect('INVITE')).uri, bob.contact);
});
