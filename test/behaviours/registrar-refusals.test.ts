import type { ExecutionContext } from 'ava';
import { behaviour } from './behaviour.ts';
import { Edge } from './edge.ts';
import { bindings, type Headers } from './message.ts';

const DOMAIN = 'sip:example.org';

/** A REGISTER with Contact * that is not as §10.3 step 6 wants it: 400, and all bindings stay. */
async function assertRefused(t: ExecutionContext, headers: Headers): Promise<void> {
  const edge = await Edge.start(t);
  const bob = await edge.registered('bob');
  bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>`, headers });
  await bob.expect(400);
  t.deepEqual(bindings(await bob.register({ headers: { Contact: undefined } })), [`${bob.contact} 3600`]);
}

behaviour('RFC 3261 §10.3 step 6: Contact * beside another contact is refused with 400', (t) =>
  assertRefused(t, { Contact: ['*', '<sip:bob@192.0.2.99>'], Expires: '0' }),
);

behaviour('RFC 3261 §10.3 step 6: Contact * with another Expires than 0 is refused with 400', (t) =>
  assertRefused(t, { Contact: '*', Expires: '60' }),
);

behaviour('RFC 3261 §10.3 step 6: Contact * without Expires is refused with 400', (t) =>
  assertRefused(t, { Contact: '*' }),
);

// Kamailio: it is raised to the least that is granted, and answered 200.
behaviour(
  'RFC 3261 §10.2.8: a life too brief is refused with 423, Min-Expires, and nothing is bound',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.phone('bob');
    bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>`, headers: { Expires: '59' } });
    t.is((await bob.expect(423)).header('Min-Expires'), '60');
    t.deepEqual(bindings(await bob.register({ headers: { Contact: undefined } })), []);
  },
);

// Kamailio: 400.
behaviour(
  'RFC 3261 §10.3 step 7: CSeq going back within one Call-ID is refused, and nothing changes',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.phone('bob');
    await bob.register({ callId: 'one', cseq: 20, expires: 900 });
    for (const cseq of [19, 20]) {
      bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>`, callId: 'one', cseq, headers: { Expires: '0' } });
      await bob.expect(500);
    }
    t.deepEqual(bindings(await bob.register({ headers: { Contact: undefined } })), [`${bob.contact} 900`]);
  },
);

behaviour('RFC 3261 §10.3 step 7: of two contacts one is refused: neither is bound', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  const Contact = `<${bob.contact}>, <sip:bob@192.0.2.99>;expires=10`;
  bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>`, headers: { Contact } });
  await bob.expect(423);
  t.deepEqual(bindings(await bob.register({ headers: { Contact: undefined } })), []);
});

// Kamailio: it is bound, and calls are forked to it.
behaviour('RFC 3261 §10.2.1: a contact that no SIP request can be sent to is refused with 400', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>`, headers: { Contact: '<mailto:bob@example.org>' } });
  t.is((await bob.expect(400)).start, 'SIP/2.0 400 Contact Is No SIP URI');
});

behaviour('RFC 3261 §10.3 step 1: a REGISTER for a domain that is not ours is 404', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  bob.send('REGISTER', 'sip:elsewhere.example', {
    to: '<sip:bob@elsewhere.example>',
    from: '<sip:bob@elsewhere.example>;tag=1',
  });
  await bob.expect(404);
});

behaviour('RFC 3261 §10.3 step 5: an address of record in a foreign domain is 404', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  bob.send('REGISTER', DOMAIN, { to: '<sip:bob@elsewhere.example>' });
  await bob.expect(404);
});

behaviour('RFC 3261 §10.3 step 5: an address of record is a SIP URI, or 400', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  bob.send('REGISTER', DOMAIN, { to: '<tel:+15551234>' });
  await bob.expect(400);
});

// Kamailio: it is not looked at: 200.
behaviour(
  'RFC 3261 §10.3 step 2: an extension in Require that we lack is 420 with Unsupported',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.phone('bob');
    bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>`, headers: { Require: 'path, frob, nicate' } });
    t.deepEqual((await bob.expect(420)).list('Unsupported'), ['frob', 'nicate']);
  },
);

// Kamailio: 200, unless the script compares From and To.
behaviour('RFC 3261 §10.3 step 4: nobody registers for somebody else', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.phone('alice');
  alice.send('REGISTER', DOMAIN, { to: '<sip:bob@example.org>' });
  await alice.expect(403);
});

behaviour(
  'RFC 3261 §21.5.4: when all bindings together are too many a new one is 503 with Retry-After, a refresh is taken',
  async (t) => {
    const edge = await Edge.start(t, { 'max-bindings': 1 });
    const bob = await edge.registered('bob');
    const alice = await edge.phone('alice');
    alice.send('REGISTER', DOMAIN, { to: `<${alice.aor}>` });
    t.is((await alice.expect(503)).header('Retry-After'), '60');
    t.is(bindings(await bob.register()).length, 1);
  },
);

// Kamailio: save() binds it.
behaviour('RFC 5630 §5.2: a sips Contact in a REGISTER to a sip URI is refused with 400', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  bob.send('REGISTER', DOMAIN, {
    to: `<${bob.aor}>`,
    headers: { Contact: '<sips:bob@192.0.2.90>', Expires: '600' },
  });
  await bob.expect(400);
  t.deepEqual(bindings(await bob.register({ headers: { Contact: undefined } })), []);
});

behaviour('RFC 3261 §20.10: a malformed Contact is 400, and the bindings stay', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.registered('bob');
  for (const Contact of ['<sip:', '"Bob <sip:bob@192.0.2.9>', 'bob', '*;q=1']) {
    bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>`, headers: { Contact, Expires: '0' } });
    await bob.expect(400);
  }
  t.is(bindings(await bob.register({ headers: { Contact: undefined } })).length, 1);
});
