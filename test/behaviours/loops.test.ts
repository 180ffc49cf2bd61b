import { behaviour } from './behaviour.ts';
import { aliceAndBob, call, EDGE, Edge } from './edge.ts';

behaviour('RFC 3261 §16.3 step 3: Max-Forwards 0 is 483', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob, { headers: { 'Max-Forwards': '0' } });
  await alice.expect(483);
  await bob.expectNothing();
});

behaviour('RFC 3261 §16.3 step 3: Max-Forwards 0 within a dialog is 483 as well', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const { hers } = await call(alice, bob);
  alice.sendIn(hers, 'INFO', { headers: { 'Max-Forwards': '0' } });
  await alice.expect(483);
  await bob.expectNothing();
});

behaviour('RFC 3261 §16.3 step 3: an ACK with Max-Forwards 0 ends here', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const invite = alice.invite(bob);
  bob.answer(await bob.expect('INVITE'), 200);
  const { routes, target } = alice.dialog(invite, await alice.expect(200));
  const headers = { 'Max-Forwards': '0', Route: routes };
  alice.send('ACK', target, { callId: invite.header('Call-ID'), cseq: invite.cseq, headers });
  await bob.expectNothing();
  await alice.expectNothing();
});

// Kamailio: 483: the script looks at the hops first.
behaviour('RFC 3261 §11.2: OPTIONS with Max-Forwards 0 to us is answered like any OPTIONS', async (t) => {
  const { alice } = await aliceAndBob(t);
  alice.send('OPTIONS', 'sip:example.org', { headers: { 'Max-Forwards': '0' } });
  t.regex((await alice.expect(200)).header('Allow'), /INVITE/);
});

behaviour(
  'RFC 3261 §16.3 step 3: OPTIONS to a user with Max-Forwards 0 is 483: we do not answer for the phone',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    alice.send('OPTIONS', bob.aor, { headers: { 'Max-Forwards': '0' } });
    await alice.expect(483);
    await bob.expectNothing();
  },
);

behaviour('RFC 3261 §16.6 step 3: Max-Forwards is forwarded less one', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob, { headers: { 'Max-Forwards': '1' } });
  t.is((await bob.expect('INVITE')).header('Max-Forwards'), '0');
});

behaviour('RFC 3261 §16.6 step 3: a request without Max-Forwards gets 70', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob, { headers: { 'Max-Forwards': undefined } });
  t.is((await bob.expect('INVITE')).header('Max-Forwards'), '70');
});

behaviour('RFC 3261 §20.22: a Max-Forwards that is no number up to 255 is 400', async (t) => {
  const { alice } = await aliceAndBob(t);
  for (const value of ['256', '-1', 'many']) {
    alice.invite('sip:bob@example.org', { headers: { 'Max-Forwards': value } });
    await alice.expect(400);
  }
});

behaviour('RFC 5393 §4.2.2: a request that comes back as we sent it is a loop: 482', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const bob = await edge.registered('bob');
  alice.invite(bob);
  const copy = await bob.expect('INVITE');
  // Sent on by a proxy that put the first Request-URI back.
  const via = `Via: SIP/2.0/UDP ${bob.sentBy};branch=z9hG4bKback\r\n`;
  bob.write(
    copy.text
      .replace(copy.uri, bob.aor)
      .replace('Via: ', `${via}Via: `)
      .replace(/Record-Route: .*\r\n/, ''),
  );
  t.is((await bob.expect(482)).header('Call-ID'), copy.header('Call-ID'));
});

behaviour(
  'RFC 5393 §4.2.2: a request that comes back for somebody else is a spiral, and goes on',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const carol = await edge.registered('carol');
    alice.invite(bob);
    const copy = await bob.expect('INVITE');
    const via = `Via: SIP/2.0/UDP ${bob.sentBy};branch=z9hG4bKback\r\n`;
    bob.write(copy.text.replace(copy.uri, carol.aor).replace('Via: ', `${via}Via: `));
    t.is((await carol.expect('INVITE')).list('Via').length, 4);
  },
);

// Kamailio: 483, when all hops are used up.
behaviour(
  'RFC 5393 §4.2: a contact that leads back to ourselves is found out, and not for ever',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice');
    const bob = await edge.phone('bob');
    await bob.register({ headers: { Contact: `<sip:bob@${EDGE}:5060>` } });
    alice.invite(bob);
    t.is((await alice.expect(482)).method, 'INVITE');
  },
);

behaviour(
  'RFC 5393 §5.3.3: a request without Max-Breadth has 60, divided among the phones here and the peers still being looked up',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const second = await edge.registered('bob');
    alice.invite(bob);
    for (const phone of [bob, second]) t.is((await phone.expect('INVITE')).header('Max-Breadth'), '20');
  },
);

behaviour('RFC 5393 §5.3.3: with Max-Breadth 1 two phones are tried one after the other', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const second = await edge.registered('bob');
  alice.invite(bob, { headers: { 'Max-Breadth': '1' } });
  const first = await bob.expect('INVITE');
  t.is(first.header('Max-Breadth'), '1');
  await second.expectNothing(300);
  bob.answer(first, 486);
  t.is((await second.expect('INVITE')).header('Max-Breadth'), '1');
});

// Kamailio: Max-Breadth is not looked at.
behaviour('RFC 5393 §5.3.3: Max-Breadth 0 is 440', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob, { headers: { 'Max-Breadth': '0' } });
  await alice.expect(440);
  await bob.expectNothing();
});

behaviour('RFC 5393 §5.3.3: a Max-Breadth beyond what we allow is lowered', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.invite(bob, { headers: { 'Max-Breadth': '1000000' } });
  t.is((await bob.expect('INVITE')).header('Max-Breadth'), '30');
});
