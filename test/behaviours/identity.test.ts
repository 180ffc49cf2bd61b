import type { ExecutionContext } from 'ava';
import { behaviour } from './behaviour.ts';
import { Edge } from './edge.ts';
import type { Headers } from './message.ts';
import type { Phone } from './phone.ts';

const TRUNK = '198.51.100.9';
const sip = { auth: 'digest', trunks: [{ match: '^\\+', to: `sip:${TRUNK}`, from: [TRUNK] }] };

/** Phones with passwords, and the telephone network at a trunk. */
async function start(t: ExecutionContext, options: object = sip) {
  const edge = await Edge.start(t, options);
  const [alice, bob] = [await edge.phone('alice'), await edge.phone('bob')];
  const trunk = await edge.phone('+15550000', { host: TRUNK, domain: TRUNK });
  for (const phone of [alice, bob]) {
    const request = phone.send('REGISTER', 'sip:example.org', { to: `<${phone.aor}>` });
    phone.authorized(request, await phone.expect(401));
    await phone.expect(200);
  }
  return { edge, alice, bob, trunk };
}

async function callWithPassword(caller: Phone, uri: string, headers: Headers = {}): Promise<void> {
  const invite = caller.invite(uri, { headers });
  caller.authorized(invite, await caller.expect(407));
}

behaviour('RFC 3325 §5: a caller who showed his password is asserted to the phone he calls', async (t) => {
  const { alice, bob } = await start(t);
  await callWithPassword(alice, bob.aor);
  t.is((await bob.expect('INVITE')).header('P-Asserted-Identity'), `<${alice.aor}>`);
});

behaviour(
  'RFC 3325 §5: an identity that a phone asserts itself, or would prefer, goes no further',
  async (t) => {
    const { alice, bob } = await start(t);
    const identity = '<sip:ceo@example.org>';
    await callWithPassword(alice, bob.aor, {
      'P-Asserted-Identity': identity,
      'P-Preferred-Identity': identity,
    });
    t.false((await bob.expect('INVITE')).text.includes('ceo'));
  },
);

behaviour('RFC 3325 §5: an identity that a stranger asserts goes no further', async (t) => {
  const { edge, bob } = await start(t);
  const eve = await edge.phone('eve', { domain: 'elsewhere.example' });
  eve.invite(bob, { headers: { 'P-Asserted-Identity': '<sip:alice@example.org>' } });
  t.is((await bob.expect('INVITE')).header('P-Asserted-Identity'), '');
});

behaviour('RFC 3325 §7: with Privacy: id a phone is not told who calls', async (t) => {
  const { alice, bob } = await start(t);
  await callWithPassword(alice, bob.aor, { Privacy: 'id' });
  const invite = await bob.expect('INVITE');
  t.deepEqual([invite.header('P-Asserted-Identity'), invite.header('Privacy')], ['', 'id']);
});

behaviour('RFC 3325 §7: a trunk, which we trust, is told even then', async (t) => {
  const { alice, trunk } = await start(t);
  await callWithPassword(alice, 'sip:+15551234@example.org', { Privacy: 'id' });
  const invite = await trunk.expect('INVITE');
  t.deepEqual([invite.header('P-Asserted-Identity'), invite.header('Privacy')], [`<${alice.aor}>`, 'id']);
});

behaviour('RFC 3325 §5: who answers may be said by a trunk, not by a phone', async (t) => {
  const { alice, bob, trunk } = await start(t);
  const headers = { 'P-Asserted-Identity': '<sip:somebody@example.org>' };
  await callWithPassword(alice, bob.aor);
  bob.answer(await bob.expect('INVITE'), 180, { headers });
  t.is((await alice.expect(180)).header('P-Asserted-Identity'), '');
  await callWithPassword(alice, 'sip:+15551234@example.org');
  trunk.answer(await trunk.expect('INVITE'), 180, { headers });
  t.is((await alice.expect(180)).header('P-Asserted-Identity'), headers['P-Asserted-Identity']);
});

behaviour(
  'RFC 3325 §5: requests within the dialog assert nobody: there nobody is asked for a password',
  async (t) => {
    const { alice, bob } = await start(t);
    const invite = alice.invite(bob);
    const again = alice.authorized(invite, await alice.expect(407));
    bob.answer(await bob.expect('INVITE'), 200);
    const ok = await alice.expect(200);
    alice.ack(again, ok);
    await bob.expect('ACK');
    const headers = { 'P-Asserted-Identity': '<sip:ceo@example.org>' };
    alice.sendIn(alice.dialog(again, ok), 'INFO', { headers });
    t.is((await bob.expect('INFO')).header('P-Asserted-Identity'), '');
  },
);

behaviour('RFC 3261 §16.5: a number that is nobody’s here goes to the trunk', async (t) => {
  const { alice, trunk } = await start(t);
  for (const uri of ['tel:+1-555-1234', 'sip:+15551234@example.org']) {
    await callWithPassword(alice, uri);
    t.regex((await trunk.expect('INVITE')).uri, /^sip:\+15551234@198\.51\.100\.9/);
  }
});

behaviour('RFC 3261 §16.3 step 6: strangers do not call through the trunk', async (t) => {
  const { edge, trunk } = await start(t);
  const eve = await edge.phone('eve', { domain: 'elsewhere.example' });
  eve.invite('sip:+15551234@example.org');
  await eve.expect(404);
  await trunk.expectNothing();
});

behaviour(
  'RFC 3261 §16.3 step 6: the trunk reaches our users without a password, and nobody else through us',
  async (t) => {
    const { alice, bob, trunk } = await start(t);
    trunk.invite(bob, { from: `<${alice.aor}>;tag=1` });
    t.is((await bob.expect('INVITE')).header('P-Asserted-Identity'), '');
    trunk.invite('sip:dave@203.0.113.5');
    await trunk.expect(403);
  },
);

const ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1';

behaviour(
  'RFC 3325 §5: an anonymous caller with a password is asserted to the trunk, and not to the phone he calls',
  async (t) => {
    const { alice, bob, trunk } = await start(t);
    const invite = alice.invite('sip:+15551234@example.org', { from: ANONYMOUS });
    alice.authorized(invite, await alice.expect(407));
    t.is((await trunk.expect('INVITE')).header('P-Asserted-Identity'), `<${alice.aor}>`);
    const headers = { 'P-Preferred-Identity': `<${alice.aor}>` };
    const call = alice.invite(bob, { from: ANONYMOUS, headers });
    alice.authorized(call, await alice.expect(407));
    t.is((await bob.expect('INVITE')).header('P-Asserted-Identity'), '');
  },
);

behaviour('RFC 3325 §7: with Privacy: none an anonymous caller is named', async (t) => {
  const { alice, bob } = await start(t);
  const headers = { 'P-Preferred-Identity': `<${alice.aor}>`, Privacy: 'none' };
  const invite = alice.invite(bob, { from: ANONYMOUS, headers });
  alice.authorized(invite, await alice.expect(407));
  t.is((await bob.expect('INVITE')).header('P-Asserted-Identity'), `<${alice.aor}>`);
});

behaviour('RFC 3325 §5: an anonymous caller who shows nothing reaches our users, unnamed', async (t) => {
  const { alice, bob } = await start(t);
  alice.invite(bob, { from: ANONYMOUS });
  t.is((await bob.expect('INVITE')).header('P-Asserted-Identity'), '');
});

behaviour('RFC 3261 §22.3: an anonymous caller who wants more is asked for a password', async (t) => {
  const { alice } = await start(t);
  for (const uri of ['sip:+15551234@example.org', 'sip:dave@203.0.113.5']) {
    alice.invite(uri, { from: ANONYMOUS });
    await alice.expect(407);
  }
});

behaviour(
  'RFC 3325 §6: a caller chooses among the identities that are his, not among those of others',
  async (t) => {
    const { alice, bob } = await start(t);
    const asserted = async (preferred: string) => {
      await callWithPassword(alice, bob.aor, { 'P-Preferred-Identity': preferred });
      return (await bob.expect('INVITE')).header('P-Asserted-Identity');
    };
    const named = `"Alice in Sales" <${alice.aor}>`;
    t.is(await asserted(named), named);
    for (const other of [
      `"CEO" <${bob.aor}>`,
      '<tel:+15551234>',
      'rubbish',
      `${named}, ${named}, ${named}`,
    ]) {
      t.is(await asserted(other), `<${alice.aor}>`, other);
    }
  },
);

behaviour('RFC 3325 §7: who asks for privacy of himself or his headers is not named either', async (t) => {
  const { alice, bob } = await start(t);
  for (const [Privacy, isNamed] of [
    ['user', false],
    ['header;session', false],
    ['session', true],
    ['none', true],
  ] as const) {
    await callWithPassword(alice, bob.aor, { Privacy });
    const invite = await bob.expect('INVITE');
    t.is(invite.header('P-Asserted-Identity') !== '', isNamed, Privacy);
    t.is(invite.header('Privacy'), Privacy);
  }
});

behaviour('RFC 3323 §5: privacy that we cannot give is refused with 500 where it is critical', async (t) => {
  const { alice, bob } = await start(t);
  await callWithPassword(alice, bob.aor, { Privacy: 'header;id;critical' });
  t.regex((await alice.expect(500)).start, /header$/);
  await callWithPassword(alice, bob.aor, { Privacy: 'id;critical' });
  t.is((await bob.expect('INVITE')).header('P-Asserted-Identity'), '');
});

behaviour('RFC 3325 §5: a trunk that we trust says who calls, unless he wants privacy', async (t) => {
  const [one] = sip.trunks;
  const { bob, trunk } = await start(t, { ...sip, trunks: [{ ...one!, identity: 'trusted' }] });
  const identity = '"Their Name" <tel:+15557777>';
  const heard = async (headers: Headers) => {
    trunk.invite(bob, { headers });
    return (await bob.expect('INVITE')).header('P-Asserted-Identity');
  };
  t.is(await heard({ 'P-Asserted-Identity': identity }), identity);
  t.is(await heard({ 'P-Asserted-Identity': identity, Privacy: 'id' }), '');
  t.is(await heard({ 'P-Asserted-Identity': 'rubbish' }), '');
});
