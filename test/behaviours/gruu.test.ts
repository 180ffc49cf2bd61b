import { behaviour } from './behaviour.ts';
import { call, Edge } from './edge.ts';
import type { Message } from './message.ts';
import type { Phone } from './phone.ts';

const URN = 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6';
const SUPPORTED = { Supported: 'gruu, path' };
const params = `;+sip.instance="<${URN}>"`;

/** The GRUUs that a 200 to a REGISTER gives for this phone. */
function gruusOf(ok: Message, phone: Phone): readonly (string | undefined)[] {
  const contact = ok.list('Contact').find((one) => one.startsWith(`<${phone.contact}>`)) ?? '';
  return ['pub-gruu', 'temp-gruu'].map((name) => new RegExp(`;${name}="(.*?)"`).exec(contact)?.[1]);
}

/** Bob has a phone that asks for GRUUs, and another one. */
async function start(...args: Parameters<typeof Edge.start>) {
  const edge = await Edge.start(...args);
  const alice = await edge.registered('alice');
  const [bob, other] = [await edge.phone('bob'), await edge.registered('bob')];
  const [lasting, temporary] = gruusOf(await bob.register({ params, headers: SUPPORTED }), bob);
  return { edge, alice, bob, other, lasting, temporary };
}

// Kamailio: its temporary GRUU is the name of the record, the same with each refresh.
behaviour('RFC 5627 §5.2: a phone with an instance that supports GRUUs is given two', async (t) => {
  const { lasting, temporary } = await start(t);
  t.is(lasting, `sip:bob@example.org;gr=${URN}`);
  t.regex(temporary!, /^sip:tgruu\.[\w-]+@example\.org;gr$/);
});

behaviour(
  'RFC 5627 §6.1: a redirect server gives none, since requests to them are not redirected',
  async (t) => {
    for (const sip of [{ mode: 'redirect' }, { gruu: false }]) {
      const { lasting, temporary } = await start(t, sip);
      t.deepEqual([lasting, temporary], [undefined, undefined]);
    }
  },
);

behaviour('RFC 5627 §6.1: a request to a GRUU goes to its phone alone, at its Contact', async (t) => {
  const { alice, bob, other, lasting, temporary } = await start(t);
  for (const gruu of [lasting!, temporary!]) {
    alice.invite(gruu);
    t.is((await bob.expect('INVITE')).uri, bob.contact);
    await other.expectNothing();
  }
});

behaviour(
  'RFC 5627 §6.1: a GRUU without a phone is 480, one of nobody and one that has ended 404',
  async (t) => {
    const { alice, bob, temporary } = await start(t);
    await bob.register({ params, headers: SUPPORTED, expires: 0 });
    for (const [uri, status] of [
      [`sip:bob@example.org;gr=${URN}`, 480],
      [`sip:nobody@example.org;gr=${URN}`, 404],
      [temporary!, 404],
      ['sip:tgruu.invented@example.org;gr', 404],
    ] as const) {
      alice.invite(uri);
      await alice.expect(status);
    }
  },
);

behaviour('RFC 5627 §5.1: another Call-ID ends the temporary GRUUs given before', async (t) => {
  const { alice, bob, temporary } = await start(t);
  const again = await bob.register({ params, headers: SUPPORTED, callId: 'another' });
  alice.invite(temporary!);
  await alice.expect(404);
  alice.invite(gruusOf(again, bob)[1]!);
  await bob.expect('INVITE');
});

behaviour('RFC 5627 §A.2: GRUUs outlive a restart', async (t) => {
  const { edge, alice, bob, lasting, temporary } = await start(t);
  await edge.restart();
  for (const gruu of [lasting!, temporary!]) {
    alice.invite(gruu);
    await bob.expect('INVITE');
  }
});

behaviour('RFC 5627 §6.1: within a dialog too a GRUU is replaced by the Contact of its phone', async (t) => {
  const { alice, bob, lasting } = await start(t);
  const { hers } = await call(alice, bob);
  alice.sendIn({ ...hers, target: lasting! }, 'INFO');
  const info = await bob.expect('INFO');
  t.deepEqual([info.uri, info.header('Route')], [bob.contact, '']);
});

behaviour('RFC 5627 §6.1: within a dialog a Path gives way to the Route that is left', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const [bob, proxy] = [await edge.phone('bob'), await edge.phone('proxy')];
  const Path = `<sip:${proxy.sentBy};lr>`;
  const [gruu] = gruusOf(await bob.register({ params, headers: { ...SUPPORTED, Path } }), bob);
  const invite = alice.invite(bob);
  const incoming = await proxy.expect('INVITE');
  t.deepEqual([incoming.uri, incoming.header('Route')], [bob.contact, Path]);
  const recorded = `<sip:recorded@${proxy.sentBy};lr>`;
  const routes = [recorded, ...incoming.list('Record-Route')];
  proxy.answer(incoming, 200, { headers: { Contact: `<${gruu}>`, 'Record-Route': routes } });
  alice.sendIn(alice.dialog(invite, await alice.expect(200)), 'INFO');
  const info = await proxy.expect('INFO');
  t.deepEqual([info.uri, info.list('Route')], [bob.contact, [recorded]]);
});

behaviour('RFC 5627 §5.1: a phone cannot register its own GRUU, nor propose one', async (t) => {
  const { bob, lasting, temporary } = await start(t);
  for (const contact of [lasting, temporary, bob.aor]) {
    bob.send('REGISTER', 'sip:example.org', {
      to: `<${bob.aor}>`,
      headers: { ...SUPPORTED, Contact: `<${contact}>${params}` },
    });
    await bob.expect(403);
  }
  const proposed = `${params};pub-gruu="sip:alice@example.org;gr=x"`;
  t.is(gruusOf(await bob.register({ params: proposed, headers: SUPPORTED }), bob)[0], lasting);
});
