import type { ExecutionContext } from 'ava';
import { behaviour } from './behaviour.ts';
import { aliceAndBob, call, EDGE, Edge } from './edge.ts';
import { parameter } from './message.ts';
import type { Phone } from './phone.ts';

const INSTANCE = ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"';
const outbound = (regId: number) => ({
  params: `${INSTANCE};reg-id=${regId}`,
  headers: { Supported: 'path, outbound' },
});

/** Bob’s phone with two connections, the second registered last. */
async function twoFlows(edge: Edge): Promise<readonly [Phone, Phone]> {
  const first = await edge.registered('bob', { transport: 'TCP' });
  await first.register({ expires: 0 });
  await first.register(outbound(1));
  const second = await edge.phone('bob', { transport: 'TCP' });
  await edge.pass(1_000);
  await second.register(outbound(2));
  return [first, second];
}

/** Alice and Bob talk, and Bob’s connection, his one flow, is lost. */
async function cutOffInACall(t: ExecutionContext) {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const bob = await edge.phone('bob', { transport: 'TCP' });
  await bob.register(outbound(1));
  const { hers } = await call(alice, bob);
  bob.disconnect();
  return { edge, alice, bob, hers };
}

behaviour(
  'RFC 5626 §6: an outbound registration is confirmed by Require: outbound, over TCP with a Flow-Timer',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.phone('bob', { transport: 'TCP' });
    const ok = await bob.register(outbound(1));
    t.deepEqual([ok.header('Require'), ok.header('Flow-Timer')], ['outbound', '120']);
  },
);

behaviour('RFC 5626 §6: without Supported: outbound a reg-id does not count', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob', { transport: 'TCP' });
  const ok = await bob.register({ ...outbound(1), headers: {} });
  t.deepEqual([ok.header('Require'), ok.header('Flow-Timer')], ['', '']);
});

behaviour('RFC 5626 §6: instance and reg-id, not the Contact, say which binding it is', async (t) => {
  const edge = await Edge.start(t);
  const before = await edge.phone('bob', { transport: 'TCP' });
  await before.register(outbound(1));
  const after = await edge.phone('bob', { transport: 'TCP' });
  t.deepEqual((await after.register(outbound(1))).list('Contact').length, 1);
  t.is((await after.register(outbound(2))).list('Contact').length, 2);
});

behaviour('RFC 5626 §6: several contacts in one REGISTER with a reg-id are 400', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob', { transport: 'TCP' });
  const { params, headers } = outbound(1);
  const Contact = [`<${bob.contact}>${params}`, '<sip:bob@192.0.2.99>'];
  bob.send('REGISTER', 'sip:example.org', { to: `<${bob.aor}>`, headers: { ...headers, Contact } });
  await bob.expect(400);
});

behaviour('RFC 5626 §6: through a first hop that does not support outbound it is 439', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  const { params, headers } = outbound(1);
  bob.send('REGISTER', 'sip:example.org', {
    to: `<${bob.aor}>`,
    headers: { ...headers, Contact: `<${bob.contact}>${params}`, Path: '<sip:edge.example;lr>' },
  });
  await bob.expect(439);
});

behaviour('RFC 5626 §7: of several flows of one phone a call takes one, the newest', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const [first, second] = await twoFlows(edge);
  alice.invite(first);
  t.is((await second.expect('INVITE')).header('From'), `<${alice.aor}>;tag=alice`);
  await first.expectNothing();
});

behaviour('RFC 5626 §7: when that flow breaks before it answers, the call takes the other one', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const [first, second] = await twoFlows(edge);
  alice.invite(first);
  await second.expect('INVITE');
  second.disconnect();
  first.answer(await first.expect('INVITE'), 200);
  t.is((await alice.expect(200)).method, 'INVITE');
});

behaviour('RFC 5626 §7: a phone that declines over one flow is not asked again over the other', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const [first, second] = await twoFlows(edge);
  alice.invite(first);
  second.answer(await second.expect('INVITE'), 486);
  await alice.expect(486);
  await first.expectNothing();
});

behaviour('RFC 5626 §5.3.1: a request for a flow that is gone is 430', async (t) => {
  const { edge, alice, hers } = await cutOffInACall(t);
  await edge.pass(10);
  alice.sendIn(hers, 'INFO');
  t.is((await alice.expect(430, 10_000)).method, 'INFO');
});

behaviour(
  'RFC 5626 §5.3.1: once the phone has registered anew over another flow its calls go on there',
  async (t) => {
    const { alice, bob, hers } = await cutOffInACall(t);
    await bob.connect();
    await bob.register(outbound(1));
    alice.sendIn(hers, 'BYE');
    bob.answer(await bob.expect('BYE'), 200);
    t.is((await alice.expect(200)).method, 'BYE');
  },
);

behaviour(
  'RFC 5626 §4.4.1: a phone that promised to keep its flow alive and is silent has lost it after 150 s',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.phone('bob', { transport: 'TCP' });
    await bob.register(outbound(1));
    await edge.pass(100_000);
    bob.write('\r\n\r\n');
    await edge.pass(140_000);
    t.false(bob.isClosed);
    await edge.pass(15_000);
    t.true(bob.isClosed);
  },
);

behaviour(
  'RFC 3581 §4: a phone behind a NAT is reached where its REGISTER came from, and its Contact stays as it is',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice');
    const bob = await edge.registered('bob', { believes: '10.0.0.7', port: 40_000 });
    alice.invite(bob);
    t.is((await bob.expect('INVITE')).uri, 'sip:bob@10.0.0.7:40000');
  },
);

behaviour(
  'RFC 3581 §4: two phones with the same private address behind different NATs are two bindings',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice');
    const phones = [
      await edge.registered('bob', { believes: '10.0.0.7' }),
      await edge.registered('bob', { believes: '10.0.0.7', host: '192.0.2.88' }),
    ];
    alice.invite('sip:bob@example.org');
    for (const phone of phones) t.is((await phone.expect('INVITE')).uri, 'sip:bob@10.0.0.7:5060');
  },
);

behaviour('RFC 3327 §5.3: Path is kept with the binding and told in the 200', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  const Path = ['<sip:p2.example;lr>, <sip:p1.example;lr>', '<sip:p0.example;lr;x="a,b">'];
  const ok = await bob.register({ headers: { Path, Supported: 'path' } });
  t.deepEqual(ok.list('Path'), ['<sip:p2.example;lr>', '<sip:p1.example;lr>', '<sip:p0.example;lr;x="a,b">']);
});

behaviour(
  'RFC 3327 §5.4: requests to the phone take its Path as their Route, the topmost first',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice');
    const proxy = await edge.phone('proxy', { host: '198.51.100.4' });
    const bob = await edge.phone('bob');
    const Path = ['<sip:198.51.100.4;lr>', '<sip:p1.example;lr>'];
    await bob.register({ headers: { Path, Supported: 'path' } });
    alice.invite(bob);
    const invite = await proxy.expect('INVITE');
    t.deepEqual([invite.uri, ...invite.list('Route')], [bob.contact, ...Path]);
  },
);

behaviour('RFC 3327 §5.3: a Path counts although the phone did not say that it knows of it', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.phone('bob');
  t.is(
    (await bob.register({ headers: { Path: '<sip:p1.example;lr>' } })).header('Path'),
    '<sip:p1.example;lr>',
  );
});

behaviour('RFC 3327 §5.3: a refresh without Path takes the Path away', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const bob = await edge.phone('bob');
  await bob.register({ headers: { Path: '<sip:198.51.100.4;lr>' } });
  await bob.register();
  alice.invite(bob);
  t.is((await bob.expect('INVITE')).header('Route'), '');
});

behaviour(
  'RFC 3608 §6.3: where it is configured the 200 to a REGISTER has a Service-Route that leads to us',
  async (t) => {
    const edge = await Edge.start(t, { 'service-route': true });
    const [alice, bob] = [await edge.phone('alice'), await edge.registered('bob')];
    const route = (await alice.register()).header('Service-Route');
    t.is(route, `<sip:${EDGE}:5060;transport=udp;lr>`);
    alice.invite(bob, { headers: { Route: route } });
    t.is((await bob.expect('INVITE')).header('Route'), '');
  },
);

behaviour('RFC 3608 §6.3: else there is no Service-Route', async (t) => {
  const edge = await Edge.start(t);
  t.is((await (await edge.phone('bob')).register()).header('Service-Route'), '');
});

behaviour('RFC 5626 §5.2: the user part of our Record-Route cannot be made by anybody else', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const { hers } = await call(alice, bob);
  const eve = await edge.phone('eve', { domain: 'elsewhere.example' });
  const forged = hers.routes[0]!.replace(/(sip:.{8})./, '$1_');
  for (const headers of [{ Route: forged }, { Route: hers.routes[0] }]) {
    eve.send('BYE', bob.contact, { to: `<${bob.aor}>;tag=x`, headers });
    await eve.expect(403);
  }
  await bob.expectNothing();
});

behaviour(
  'RFC 5626 §5.3: a Contact with ob, of a phone not registered here, is reached over the flow that it came by',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.registered('bob');
    const alice = await edge.phone('alice', { transport: 'TCP' });
    const Contact = '<sip:alice@10.0.0.7:5060;transport=tcp;ob>';
    const invite = alice.invite(bob, { headers: { Contact } });
    const incoming = await bob.expect('INVITE');
    const answer = bob.answer(incoming, 200);
    alice.ack(invite, await alice.expect(200));
    await bob.expect('ACK');
    bob.sendIn(bob.dialogOf(incoming, answer), 'BYE');
    t.is(parameter((await alice.expect('BYE')).uri, 'ob'), '');
  },
);

behaviour(
  'RFC 3581 §4: a phone whose NAT gave it another port is reached there after its next REGISTER',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice');
    const behind = { believes: '10.0.0.7', host: '192.0.2.88' };
    const rport = (phone: Phone) => `SIP/2.0/UDP 10.0.0.7:5060;rport;branch=z9hG4bK${phone.port}`;
    const before = await edge.phone('bob', { ...behind, port: 40_000 });
    const contact = { Contact: '<sip:bob@10.0.0.7:5060>' };
    await before.register({ headers: { ...contact, Via: rport(before) } });
    const after = await edge.phone('bob', { ...behind, port: 40_001 });
    const ok = await after.register({ headers: { ...contact, Via: rport(after) } });
    t.is(ok.list('Contact').length, 1);
    alice.invite(after);
    t.is((await after.expect('INVITE')).uri, 'sip:bob@10.0.0.7:5060');
    await before.expectNothing();
  },
);
