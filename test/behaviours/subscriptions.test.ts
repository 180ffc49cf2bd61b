import { behaviour } from './behaviour.ts';
import { aliceAndBob } from './edge.ts';

behaviour(
  'RFC 6665 §4.1: a subscription to another user goes to his phone, recorded, and its NOTIFYs come back',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    alice.send('SUBSCRIBE', bob.aor, { headers: { Event: 'dialog', Expires: '600' } });
    const subscribe = await bob.expect('SUBSCRIBE');
    const ok = bob.answer(subscribe, 200, { headers: { Expires: '600' } });
    t.is((await alice.expect(200)).header('Expires'), '600');
    const headers = { Event: 'dialog', 'Subscription-State': 'active;expires=600' };
    bob.sendIn(bob.dialogOf(subscribe, ok), 'NOTIFY', { headers, body: '<dialog-info/>' });
    t.is((await alice.expect('NOTIFY')).body, '<dialog-info/>');
  },
);

behaviour(
  'RFC 6665 §4.1.2.4: a NOTIFY that is sent before the 200 to the SUBSCRIBE arrives all the same',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    alice.send('SUBSCRIBE', bob.aor, { headers: { Event: 'dialog' } });
    const subscribe = await bob.expect('SUBSCRIBE');
    const dialog = bob.dialogOf(subscribe, bob.answer(subscribe, 100));
    bob.sendIn({ ...dialog, local: `${dialog.local};tag=early` }, 'NOTIFY', { headers: { Event: 'dialog' } });
    alice.answer(await alice.expect('NOTIFY'), 200);
    t.is((await bob.expect(200)).method, 'NOTIFY');
  },
);

behaviour(
  'RFC 6665 §4.1.2.2: a refresh of a subscription takes the recorded route, also the last with Expires 0',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    const first = alice.send('SUBSCRIBE', bob.aor, { headers: { Event: 'dialog' } });
    bob.answer(await bob.expect('SUBSCRIBE'), 200);
    const dialog = alice.dialog(first, await alice.expect(200));
    alice.sendIn(dialog, 'SUBSCRIBE', { headers: { Event: 'dialog', Expires: '0' } });
    const last = await bob.expect('SUBSCRIBE');
    t.deepEqual([last.uri, last.header('Expires'), last.header('Record-Route')], [bob.contact, '0', '']);
  },
);

// Kamailio: 404.
behaviour(
  'RFC 6665 §4.2.1.1: a phone that asks for its own message-summary or presence is told 489, and what we have',
  async (t) => {
    const { alice } = await aliceAndBob(t);
    for (const Event of ['message-summary', 'presence;id=1']) {
      alice.send('SUBSCRIBE', alice.aor, { headers: { Event, Expires: '3600' } });
      t.is((await alice.expect(489)).header('Allow-Events'), 'reg');
    }
    await alice.expectNothing();
  },
);

behaviour('RFC 3903 §6 step 2: a PUBLISH for one’s own presence is 489', async (t) => {
  const { alice } = await aliceAndBob(t);
  alice.send('PUBLISH', alice.aor, { headers: { Event: 'presence', Expires: '3600' }, body: '<presence/>' });
  t.is((await alice.expect(489)).header('Allow-Events'), 'reg');
});

behaviour('RFC 3903 §4: a PUBLISH for another user is proxied like any request', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  alice.send('PUBLISH', bob.aor, { headers: { Event: 'presence', 'SIP-If-Match': 'dx200xyz' } });
  const publish = await bob.expect('PUBLISH');
  t.is(publish.header('SIP-If-Match'), 'dx200xyz');
  bob.answer(publish, 412);
  await alice.expect(412);
});

behaviour(
  'RFC 3680 §4: a phone that subscribes to its user’s registrations gets 200 and the state at once',
  async (t) => {
    const { alice } = await aliceAndBob(t);
    alice.send('SUBSCRIBE', alice.aor, { headers: { Event: 'reg', Expires: '600' } });
    t.is((await alice.expect(200)).header('Expires'), '600');
    const notify = await alice.expect('NOTIFY');
    t.is(notify.header('Subscription-State'), 'active;expires=600');
    t.true(notify.body.includes(`<uri>${alice.contact}</uri>`));
  },
);

behaviour('RFC 3680 §4: a second phone of the user is news for the first', async (t) => {
  const { edge, alice } = await aliceAndBob(t);
  alice.send('SUBSCRIBE', alice.aor, { headers: { Event: 'reg' } });
  await alice.expect(200);
  alice.answer(await alice.expect('NOTIFY'), 200);
  await edge.pass(10_000);
  const second = await edge.registered('alice');
  t.true((await alice.expect('NOTIFY')).body.includes(second.contact));
});

behaviour('RFC 6665 §4.2.1.1: a subscription too brief is 423 with Min-Expires', async (t) => {
  const { alice } = await aliceAndBob(t);
  alice.send('SUBSCRIBE', alice.aor, { headers: { Event: 'reg', Expires: '10' } });
  t.is((await alice.expect(423)).header('Min-Expires'), '60');
});

behaviour('RFC 6665 §3.1.3: who cannot read what we would send is told 406', async (t) => {
  const { alice } = await aliceAndBob(t);
  alice.send('SUBSCRIBE', alice.aor, { headers: { Event: 'reg', Accept: 'application/pidf+xml' } });
  t.is((await alice.expect(406)).header('Accept'), 'application/reginfo+xml');
});

behaviour(
  'RFC 3680 §4: nobody subscribes to another user’s registrations here: it goes to his phone',
  async (t) => {
    const { alice, bob } = await aliceAndBob(t);
    alice.send('SUBSCRIBE', bob.aor, { headers: { Event: 'reg' } });
    bob.answer(await bob.expect('SUBSCRIBE'), 489);
    t.is((await alice.expect(489)).header('Allow-Events'), '');
  },
);

behaviour(
  'RFC 3261 §16.5: a NOTIFY that nobody subscribed to, as of a voice mail, reaches all phones of its user',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const second = await edge.registered('bob');
    alice.send('NOTIFY', bob.aor, {
      headers: { Event: 'message-summary' },
      body: 'Messages-Waiting: yes\r\n',
    });
    for (const phone of [bob, second]) t.is((await phone.expect('NOTIFY')).body, 'Messages-Waiting: yes\r\n');
  },
);

behaviour(
  'RFC 6665 §4.3: a subscription that was forked to several phones has a dialog with each, by their NOTIFYs',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const second = await edge.registered('bob', { transport: 'TCP' });
    const first = alice.send('SUBSCRIBE', bob.aor, { headers: { Event: 'dialog' } });
    for (const phone of [bob, second]) {
      const subscribe = await phone.expect('SUBSCRIBE');
      const accepted = phone.answer(subscribe, 200);
      if (phone === bob) await alice.expect(200);
      phone.sendIn(phone.dialogOf(subscribe, accepted), 'NOTIFY', { headers: { Event: 'dialog' } });
      const notify = await alice.expect('NOTIFY');
      alice.answer(notify, 200);
      await phone.expect(200);
      // What she knows of the dialog she knows from the NOTIFY alone.
      const dialog = { ...alice.dialogOf(notify, notify), local: first.header('From') };
      alice.sendIn(dialog, 'SUBSCRIBE', { headers: { Event: 'dialog', Expires: '0' } });
      t.is((await phone.expect('SUBSCRIBE')).uri, phone.contact);
    }
  },
);
