import type { ExecutionContext } from 'ava';
import { behaviour } from './behaviour.ts';
import { Edge } from './edge.ts';
import type { Headers } from './message.ts';
import type { Phone } from './phone.ts';

const TRUNK = '198.51.100.9';
const sip = { auth: 'digest', trunks: [{ match: '^\\+', to: `sip:${TRUNK}`, from: [TRUNK] }] };

/** Phones with passwords, and the telephone network at a trunk. */
async function start(t: ExecutionContext) {
  const edge = await Edge.start(t, sip);
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

behaviour('RFC 3323 §4.1: a From of sip:anonymous@anonymous.invalid is a stranger’s', async (t) => {
  const { edge, bob } = await start(t);
  const anonymous = await edge.phone('x');
  const from = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1';
  anonymous.invite(bob, { from });
  t.is((await bob.expect('INVITE')).header('From'), from);
  anonymous.invite('sip:+15551234@example.org', { from });
  await anonymous.expect(404);
});
