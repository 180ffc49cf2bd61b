import { behaviour } from './behaviour.ts';
import { aliceAndBob, Edge } from './edge.ts';

const redirect = { mode: 'redirect' };

behaviour('RFC 3261 §8.3: a redirect server answers a call with 302 and the callee’s contacts', async (t) => {
  const { alice, bob } = await aliceAndBob(t, redirect);
  alice.invite(bob);
  const moved = await alice.expect(302);
  t.deepEqual(
    moved.list('Contact').map((contact) => /<(.*)>/.exec(contact)?.[1]),
    [bob.contact],
  );
  await bob.expectNothing();
});

behaviour('RFC 3261 §20.10: the contacts of a 302 come with their q', async (t) => {
  const edge = await Edge.start(t, redirect);
  const alice = await edge.registered('alice');
  const low = await edge.registered('bob', { register: { params: ';q=0.25' } });
  const high = await edge.registered('bob', { register: { params: ';q=0.9' } });
  alice.invite(low);
  t.deepEqual((await alice.expect(302)).list('Contact').toSorted(), [
    `<${low.contact}>;q=0.25`,
    `<${high.contact}>;q=0.9`,
  ]);
});

behaviour(
  'RFC 3261 §8.3: a redirect server has a final answer for a user without a phone, 480, and for nobody, 404',
  async (t) => {
    const { alice } = await aliceAndBob(t, redirect);
    alice.invite('sip:dave@example.org');
    await alice.expect(480);
    alice.invite('sip:nobody@example.org');
    await alice.expect(404);
  },
);

behaviour('RFC 3261 §8.3: a redirect server redirects other requests too', async (t) => {
  const { alice, bob } = await aliceAndBob(t, redirect);
  for (const method of ['MESSAGE', 'SUBSCRIBE', 'OPTIONS', 'FROB']) {
    alice.send(method, bob.aor, { headers: { Event: 'dialog' } });
    t.true((await alice.expect(302)).header('Contact').includes(bob.contact), method);
  }
});

behaviour('RFC 3261 §8.3: a redirect server is a registrar as well', async (t) => {
  const edge = await Edge.start(t, redirect);
  const bob = await edge.phone('bob');
  t.true((await bob.register()).header('Contact').startsWith(`<${bob.contact}>`));
});

behaviour('RFC 3261 §17.2.1: a 302 goes again until its ACK comes', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t, redirect);
  const invite = alice.invite(bob);
  const moved = await alice.expect(302);
  await edge.pass(1_600);
  alice.ack(invite, moved);
  await edge.pass(30_000);
  t.deepEqual(alice.timesOf(moved), [0, 500, 1500]);
});

behaviour(
  'RFC 3261 §8.3: a CANCEL for a call that was redirected is answered 200, and changes nothing',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t, redirect);
    const invite = alice.invite(bob);
    await alice.expect(302);
    alice.cancel(invite);
    t.is((await alice.expect(200)).method, 'CANCEL');
  },
);

behaviour('RFC 3261 §8.3: a redirect server records no route, whatever it is told', async (t) => {
  const { alice, bob } = await aliceAndBob(t, redirect);
  alice.invite(bob, { headers: { 'Record-Route': '<sip:p1.example;lr>' } });
  t.is((await alice.expect(302)).header('Record-Route'), '');
});

behaviour('RFC 3841 §7.2.4: a redirect server leaves out the contacts that the caller rejects', async (t) => {
  const edge = await Edge.start(t, redirect);
  const alice = await edge.registered('alice');
  await edge.registered('bob', { register: { params: ';actor="msg-taker"' } });
  const phone = await edge.registered('bob', { register: { params: ';audio' } });
  alice.invite(phone, { headers: { 'Reject-Contact': '*;actor="msg-taker"' } });
  t.is((await alice.expect(302)).list('Contact').length, 1);
});

behaviour(
  'RFC 3261 §22.3: a redirect server asks our users for their password as a proxy does',
  async (t) => {
    const edge = await Edge.start(t, { ...redirect, auth: 'digest' });
    const alice = await edge.phone('alice');
    const invite = alice.invite('sip:bob@example.org');
    alice.authorized(invite, await alice.expect(407));
    await alice.expect(480);
  },
);
