import type { ExecutionContext } from 'ava';
import { behaviour } from './behaviour.ts';
import { Edge } from './edge.ts';
import { Message } from './message.ts';
import type { Phone } from './phone.ts';

const DOMAIN = 'sip:example.org';

/** A phone that has registered with its password. */
async function registered(edge: Edge, user: string): Promise<Phone> {
  const phone = await edge.phone(user);
  const request = phone.send('REGISTER', DOMAIN, { to: `<${phone.aor}>` });
  phone.authorized(request, await phone.expect(401));
  await phone.expect(200);
  return phone;
}

async function challengedPhones(t: Parameters<typeof Edge.start>[0]) {
  const edge = await Edge.start(t, { auth: 'digest' });
  return { edge, alice: await registered(edge, 'alice'), bob: await registered(edge, 'bob') };
}

function challenge(message: Message): string {
  return message.header('WWW-Authenticate') + message.header('Proxy-Authenticate');
}

behaviour('RFC 3261 §22.2: a REGISTER without credentials is 401 with realm, nonce and qop', async (t) => {
  const edge = await Edge.start(t, { auth: 'digest' });
  const bob = await edge.phone('bob');
  bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>` });
  const { text } = await bob.expect(401);
  t.regex(text, /WWW-Authenticate: Digest realm="example\.org", nonce="[^"]{16,}".*qop="auth"/);
});

behaviour('RFC 3261 §10.3 step 3: with the right answer to the challenge the phone is bound', async (t) => {
  const { alice, bob } = await challengedPhones(t);
  const invite = alice.invite(bob);
  alice.authorized(invite, await alice.expect(407));
  t.is((await bob.expect('INVITE')).uri, bob.contact);
});

behaviour('RFC 3261 §22.3: a call of one of our users is 407, by the same realm', async (t) => {
  const { alice, bob } = await challengedPhones(t);
  alice.invite(bob);
  t.regex((await alice.expect(407)).header('Proxy-Authenticate'), /^Digest realm="example\.org", /);
  await bob.expectNothing();
});

behaviour('RFC 3261 §26.3.2.4: a 407 is not repeated by itself, and its ACK goes no further', async (t) => {
  const { edge, alice, bob } = await challengedPhones(t);
  const invite = alice.invite(bob);
  alice.ack(invite, await alice.expect(407));
  await edge.pass(32_000);
  await alice.expectNothing();
  await bob.expectNothing();
});

behaviour('RFC 3261 §8.2.7: whoever repeats a request without credentials is challenged again', async (t) => {
  const { edge, alice, bob } = await challengedPhones(t);
  const invite = alice.invite(bob);
  const first = await alice.expect(407);
  await edge.pass(500);
  alice.write(invite.text);
  const second = await alice.expect(407);
  t.is(second.header('To'), first.header('To'));
  t.not(challenge(second), challenge(first));
});

behaviour('RFC 7616 §3.3: a wrong password is challenged anew, without stale', async (t) => {
  const edge = await Edge.start(t, { auth: 'digest' });
  const bob = await edge.phone('bob');
  const request = bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>` });
  bob.authorized(request, await bob.expect(401), { password: 'guess' });
  t.notRegex(challenge(await bob.expect(401)), /stale=true/i);
});

behaviour('RFC 7616 §3.3: an unknown nonce with the right password is stale=true', async (t) => {
  const edge = await Edge.start(t, { auth: 'digest' });
  const bob = await edge.phone('bob');
  const request = bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>` });
  await bob.expect(401);
  const header = 'WWW-Authenticate: Digest realm="example.org", nonce="from-another-server", qop="auth"';
  bob.authorized(request, new Message(`SIP/2.0 401 Old\r\n${header}\r\n\r\n`));
  t.regex(challenge(await bob.expect(401)), /stale=true/i);
});

behaviour('RFC 7616 §3.4.5: credentials seen before are no second proof: stale=true', async (t) => {
  const edge = await Edge.start(t, { auth: 'digest' });
  const bob = await edge.phone('bob');
  const request = bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>` });
  const proved = bob.authorized(request, await bob.expect(401));
  await bob.expect(200);
  bob.write(proved.text.replace(/;branch=[^\r]+/, ';branch=z9hG4bK-replay').replace(/CSeq: \d+/, 'CSeq: 99'));
  t.regex(challenge(await bob.expect(401)), /stale=true/i);
});

behaviour('RFC 7616 §3.4.5: one nonce serves again and again as long as nc counts up', async (t) => {
  const edge = await Edge.start(t, { auth: 'digest' });
  const bob = await edge.phone('bob');
  const request = bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>` });
  const asked = await bob.expect(401);
  for (const nc of ['00000001', '00000002', '00000003']) {
    bob.authorized(request, asked, { nc });
    t.is((await bob.expect(200)).status, 200);
  }
});

behaviour('RFC 3261 §22.4: a client of RFC 2069 that knows no qop is served', async (t) => {
  const edge = await Edge.start(t, { auth: 'digest' });
  const bob = await edge.phone('bob');
  const request = bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>` });
  const { text } = await bob.expect(401);
  bob.authorized(request, new Message(text.replace(/, qop="auth"/, '')));
  t.is((await bob.expect(200)).status, 200);
});

behaviour('RFC 3261 §10.3 step 4: Alice’s password does not register for Bob: 403', async (t) => {
  const edge = await Edge.start(t, { auth: 'digest' });
  const alice = await edge.phone('alice');
  const request = alice.send('REGISTER', DOMAIN, {
    to: '<sip:bob@example.org>',
    from: '<sip:bob@example.org>;tag=1',
  });
  alice.authorized(request, await alice.expect(401));
  await alice.expect(403);
});

behaviour('RFC 3261 §22.3: Alice’s password does not call in Bob’s name: 403', async (t) => {
  const { alice, bob } = await challengedPhones(t);
  const invite = alice.invite('sip:carol@example.org', { from: `<${bob.aor}>;tag=1` });
  alice.authorized(invite, await alice.expect(407));
  await alice.expect(403);
});

behaviour('RFC 3261 §22.1: a user who does not exist is challenged like one who does', async (t) => {
  const edge = await Edge.start(t, { auth: 'digest' });
  const nobody = await edge.phone('nobody');
  nobody.send('REGISTER', DOMAIN, { to: `<${nobody.aor}>` });
  await nobody.expect(401);
  nobody.invite('sip:alice@example.org');
  await nobody.expect(407);
});

behaviour('RFC 3261 §22.1: CANCEL is never challenged', async (t) => {
  const { alice, bob } = await challengedPhones(t);
  const first = alice.invite(bob);
  const invite = alice.authorized(first, await alice.expect(407));
  bob.answer(await bob.expect('INVITE'), 180);
  await alice.expect(180);
  alice.cancel(invite);
  await alice.expect(200);
  await bob.expect('CANCEL');
});

behaviour(
  'RFC 3261 §22.1: ACK is never challenged, and nothing within a dialog that we let begin',
  async (t) => {
    const { alice, bob } = await challengedPhones(t);
    const first = alice.invite(bob);
    const invite = alice.authorized(first, await alice.expect(407));
    const incoming = await bob.expect('INVITE');
    const answer = bob.answer(incoming, 200);
    const ok = await alice.expect(200);
    alice.ack(invite, ok);
    await bob.expect('ACK');
    alice.sendIn(alice.dialog(invite, ok), 'INFO');
    bob.answer(await bob.expect('INFO'), 200);
    await alice.expect(200);
    bob.sendIn(bob.dialogOf(incoming, answer), 'BYE');
    await alice.expect('BYE');
  },
);

behaviour('RFC 3261 §22.3: credentials for our realm go no further, those for others do', async (t) => {
  const { alice, bob } = await challengedPhones(t);
  const other = 'Digest realm="other.example", username="a", nonce="n", uri="sip:x", response="0"';
  const invite = alice.invite(bob, { headers: { 'Proxy-Authorization': other } });
  alice.authorized(invite, await alice.expect(407));
  t.deepEqual((await bob.expect('INVITE')).lines('Proxy-Authorization'), [other]);
});

behaviour(
  'RFC 3261 §22.3: a caller of a foreign domain is not asked for a password we could not check',
  async (t) => {
    const { edge, bob } = await challengedPhones(t);
    const stranger = await edge.phone('eve', { domain: 'elsewhere.example' });
    stranger.invite(bob);
    t.is((await bob.expect('INVITE')).header('From'), '<sip:eve@elsewhere.example>;tag=eve');
  },
);

behaviour('RFC 3261 §16.3 step 6: a stranger reaches nobody but our users through us: 403', async (t) => {
  const { edge } = await challengedPhones(t);
  const stranger = await edge.phone('eve', { domain: 'elsewhere.example' });
  const victim = await edge.phone('victim', { host: '198.51.100.4' });
  stranger.invite('sip:victim@198.51.100.4:5060');
  await stranger.expect(403);
  await victim.expectNothing();
});

behaviour(
  'RFC 8760 §2.3: with SHA-256 configured each algorithm has its challenge, and MD5 still serves',
  async (t) => {
    const edge = await Edge.start(t, { auth: 'digest', digest: ['sha-256', 'md5'] });
    const bob = await edge.phone('bob');
    const request = bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>` });
    const asked = await bob.expect(401);
    t.deepEqual(
      asked.lines('WWW-Authenticate').map((line) => /algorithm=([\w-]+)/.exec(line)?.[1]),
      ['SHA-256', 'MD5'],
    );
    bob.authorized(request, asked);
    await bob.expect(200);
  },
);

behaviour(
  'RFC 3261 §20.7: credentials of a scheme or an algorithm we do not know are as good as none',
  async (t) => {
    const edge = await Edge.start(t, { auth: 'digest' });
    const bob = await edge.phone('bob');
    for (const Authorization of [
      'Bearer abc',
      'Digest realm="example.org", algorithm=AKAv1-MD5, username="bob"',
    ]) {
      bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>`, headers: { Authorization } });
      t.notRegex(challenge(await bob.expect(401)), /stale=true/i);
    }
  },
);

behaviour(
  'RFC 3261 §16.7 step 7: the challenges of all branches reach the caller in one answer',
  async (t) => {
    const { edge, alice, bob } = await challengedPhones(t);
    const second = await registered(edge, 'bob');
    const invite = alice.invite(bob);
    alice.authorized(invite, await alice.expect(407));
    const [one, two] = ['Digest realm="one", nonce="1"', 'Digest realm="two", nonce="2"'];
    bob.answer(await bob.expect('INVITE'), 407, { headers: { 'Proxy-Authenticate': one } });
    second.answer(await second.expect('INVITE'), 401, { headers: { 'WWW-Authenticate': two } });
    const final = await alice.expect(407);
    t.deepEqual([...final.lines('Proxy-Authenticate'), ...final.lines('WWW-Authenticate')], [one, two]);
  },
);

behaviour(
  'RFC 3261 §16.3 step 6: a route set that we did not make opens no way: 403 without credentials of ours',
  async (t) => {
    const { edge, alice, bob } = await challengedPhones(t);
    const eve = await edge.phone('eve', { domain: 'elsewhere.example' });
    eve.send('BYE', bob.contact, {
      to: `<${bob.aor}>;tag=bob`,
      headers: { Route: '<sip:192.0.2.1;lr>' },
    });
    await eve.expect(403);
    await alice.expectNothing();
    await bob.expectNothing();
  },
);

/** Bob's answer to the first challenge, its Authorization rewritten: what the edge says to it. */
async function answered(t: ExecutionContext, rewrite: (authorization: string) => string): Promise<Message> {
  const edge = await Edge.start(t, { auth: 'digest' });
  const bob = await edge.phone('bob');
  const request = bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>` });
  bob.authorized(request, await bob.expect(401), { rewrite });
  await edge.pass(100);
  return bob.arrivals.at(-1)!.message;
}

behaviour(
  'RFC 3261 §20.7: commas of credentials need no space, names and values no case or quotes where none is due',
  async (t) => {
    const odd = (text: string) =>
      text
        .replaceAll(', ', ',')
        .replace('algorithm=MD5', 'ALGORITHM="md5"')
        .replace('qop=auth', 'QOP="auth"')
        .replace('Digest ', 'dIGEST  ');
    t.is((await answered(t, odd)).status, 200);
  },
);

behaviour('RFC 3261 §7.3.1: credentials may be folded over lines', async (t) => {
  t.is((await answered(t, (text) => text.replaceAll(', ', ',\r\n    '))).status, 200);
});

behaviour('RFC 7616 §3.4: credentials without a nonce, an nc or a cnonce prove nothing', async (t) => {
  for (const part of [/ nonce="[^"]*",/, / nc=\d+,/, /, cnonce="[^"]*"/])
    t.is((await answered(t, (text) => text.replace(part, ''))).status, 401, String(part));
});

behaviour('RFC 7616 §3.4.6: credentials whose uri names another server prove nothing', async (t) => {
  const edge = await Edge.start(t, { auth: 'digest' });
  const bob = await edge.phone('bob');
  const request = bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>` });
  bob.authorized(request, await bob.expect(401), { uri: 'sip:elsewhere.example' });
  await bob.expect(401);
});

behaviour(
  'RFC 3261 §22.4: the uri of credentials may be our domain or address in any of the ways that phones write it',
  async (t) => {
    for (const uri of [
      'sip:example.org;transport=udp',
      'example.org',
      'sip:bob@example.org',
      'sip:192.0.2.1:5060',
    ]) {
      const edge = await Edge.start(t, { auth: 'digest' });
      const bob = await edge.phone('bob');
      const request = bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>` });
      bob.authorized(request, await bob.expect(401), { uri });
      t.is((await bob.expect(200)).status, 200, uri);
    }
  },
);

behaviour('RFC 7616 §3.4: a right answer made for another method proves nothing', async (t) => {
  const edge = await Edge.start(t, { auth: 'digest' });
  const bob = await edge.phone('bob');
  const request = bob.send('REGISTER', DOMAIN, { to: `<${bob.aor}>` });
  bob.authorized(request, await bob.expect(401), { method: 'INVITE' });
  await bob.expect(401);
});

behaviour('RFC 3261 §22.3: of credentials for several realms those for ours are looked at', async (t) => {
  const other = 'Digest realm="other.example", username="bob", nonce="n", uri="sip:x", response="0"';
  t.is((await answered(t, (text) => `${other}\r\nAuthorization: ${text}`)).status, 200);
});

behaviour('RFC 3261 §22.2: a re-INVITE and a BYE are not challenged, whoever sends them', async (t) => {
  const { alice, bob } = await challengedPhones(t);
  const first = alice.invite(bob);
  const invite = alice.authorized(first, await alice.expect(407));
  const incoming = await bob.expect('INVITE');
  const answer = bob.answer(incoming, 200);
  alice.ack(invite, await alice.expect(200));
  await bob.expect('ACK');
  bob.sendIn(bob.dialogOf(incoming, answer), 'INVITE');
  t.is((await alice.expect('INVITE')).uri, alice.contact);
});

behaviour(
  'RFC 7616 §5.7: after 20 wrong passwords a source is met with silence, its neighbours are not',
  async (t) => {
    const edge = await Edge.start(t, { auth: 'digest' });
    const eve = await edge.phone('bob');
    const bob = await registered(edge, 'bob');
    let refused = 0;
    for (; refused < 30; refused += 1) {
      const request = eve.send('REGISTER', DOMAIN, { to: `<${eve.aor}>` });
      await edge.pass(100);
      const last = eve.arrivals.at(-1)!.message;
      if (last.branch !== request.branch) break;
      eve.authorized(request, last, { password: `guess${refused}` });
      await edge.pass(100);
    }
    t.true(refused <= 20, `${refused}`);
    bob.send('OPTIONS', DOMAIN);
    await bob.expect(200);
  },
);
