import test from 'ava';
import { addresses, header, methodOf } from '../../support/sip-text.ts';
import { TestServer, World } from './proxy-bench.ts';
import type { SimPhoneOptions, SimTransport } from './sim-phone.ts';

const BOB = 'sip:bob@example.org';

async function setup(options: { a?: Partial<SimPhoneOptions>; b?: Partial<SimPhoneOptions> } = {}) {
  const world = new World();
  const server = await TestServer.start(world, '192.0.2.1');
  const alice = await world.registered(server, 'alice', '192.0.2.10', options.a);
  const bob = await world.registered(server, 'bob', '192.0.2.20', options.b);
  return { world, server, alice, bob };
}

const pairs: [SimTransport, SimTransport][] = [
  ['UDP', 'UDP'],
  ['TCP', 'TCP'],
  ['UDP', 'TCP'],
  ['TCP', 'UDP'],
  ['TLS', 'UDP'],
];

for (const [a, b] of pairs) {
  test(`A11, A13: register with digest, call and BYE from either side, ${a} to ${b}`, async (t) => {
    const { world, server, alice, bob } = await setup({ a: { transport: a }, b: { transport: b } });
    for (const hangsUp of ['caller', 'callee']) {
      const call = await world.run(alice.call(BOB));
      t.is(call.status, 200);
      t.true(call.provisional.includes(180));
      await world.clock.advance(100);
      t.is(methodOf(bob.received.at(-1)!), 'ACK');
      t.is(call.dialog?.routes.length, a === b ? 1 : 2, 'one Record-Route, two where the transport changes');
      const bye = hangsUp === 'caller' ? alice.inDialog(call.dialog!) : bob.inDialog(bob.answered.at(-1)!);
      t.is((await world.run(bye)).status, 200);
      const other = hangsUp === 'caller' ? bob : alice;
      t.is(methodOf(other.received.at(-1)!), 'BYE');
    }
    await world.clock.advance(60_000);
    t.deepEqual(server.core.transactions.counts, { clients: 0, servers: 0 });
    t.is(server.core.forks, 0);
  });
}

test('§16.10: the caller cancels while it rings', async (t) => {
  const { world, alice, bob } = await setup({ b: { incoming: 'ring' } });
  const call = await world.run(alice.call(BOB, (cancel) => cancel()));
  t.is(call.status, 487);
  await world.clock.advance(1000);
  t.deepEqual(bob.methods, ['INVITE', 'CANCEL', 'ACK']);
});

test('a busy phone, and one that declines', async (t) => {
  const { world, alice, bob } = await setup();
  for (const status of [486, 603, 302]) {
    bob.incoming = status;
    t.is((await world.run(alice.call(BOB))).status, status);
  }
});

test('§16.8: no answer: timer C ends the ringing after 3 minutes', async (t) => {
  const { world, alice, bob } = await setup({ b: { incoming: 'ring' } });
  const start = world.clock.now();
  const call = await world.run(alice.call(BOB));
  t.is(call.status, 408);
  t.true(world.clock.now() - start >= 180_000 && world.clock.now() - start < 182_000);
  t.true(bob.methods.includes('CANCEL'));
});

test('architecture "Calls": a dead phone is 408 after 8 s', async (t) => {
  const { world, alice } = await setup({ b: { incoming: 'ignore' } });
  const start = world.clock.now();
  t.is((await world.run(alice.call(BOB))).status, 408);
  t.true(world.clock.now() - start < 9_000);
});

test('RFC 4320: a MESSAGE to a dead phone ends without a 408, and leaves nothing behind', async (t) => {
  const { world, server, alice } = await setup({ b: { incoming: 'ignore' } });
  server.challenges = false;
  const parts = { from: `<${alice.aor}>;tag=1`, to: `<${BOB}>`, callId: 'm1', cseq: 1, more: [] };
  await t.throwsAsync(world.run(alice.request('MESSAGE', BOB, parts)), { message: /no final response/ });
  await world.clock.advance(60_000);
  t.deepEqual(server.core.transactions.counts, { clients: 0, servers: 0 });
  t.is(server.core.forks, 0);
});

test('§16.10: the caller cancels while the callee is still looked up', async (t) => {
  const { world, server, alice, bob } = await setup();
  let aborted = false;
  server.challenges = false;
  server.beforeDeciding = (context) =>
    new Promise((resolve) => {
      context.cancelled.addEventListener('abort', () => {
        aborted = true;
        resolve();
      });
    });
  const branch = 'z9hG4bKlookup';
  const parts = { from: `<${alice.aor}>;tag=1`, to: `<${BOB}>`, callId: 'c1', cseq: 1, branch };
  const calling = alice.request('INVITE', BOB, { ...parts, more: [['Contact', alice.contact]] });
  await world.clock.advance(1000);
  t.is((await world.run(alice.request('CANCEL', BOB, { ...parts, more: [] }))).status, 200);
  t.is((await world.run(calling)).status, 487);
  t.true(aborted);
  await world.clock.advance(1000);
  t.deepEqual(bob.methods, []);
});

test('a handler that throws, or forgets a request, is 500 to the caller', async (t) => {
  const { world, server, alice } = await setup();
  server.beforeDeciding = () => Promise.reject(new Error('a fault'));
  t.is((await world.run(alice.call(BOB))).status, 500);
});

test('nobody registered is the status the handler asks for', async (t) => {
  const { world, alice } = await setup();
  t.is((await world.run(alice.call('sip:carol@example.org'))).status, 480);
});

test('§16.7: two phones of one user ring; the first to answer gets the call, the other a CANCEL', async (t) => {
  const { world, server, alice, bob } = await setup({ b: { incoming: 'ring' } });
  const second = await world.registered(server, 'bob', '192.0.2.21');
  const call = await world.run(alice.call(BOB));
  t.is(call.status, 200);
  await world.clock.advance(1000);
  t.deepEqual(bob.methods, ['INVITE', 'CANCEL', 'ACK']);
  t.is((await world.run(alice.inDialog(call.dialog!))).status, 200);
  t.deepEqual(second.methods, ['INVITE', 'ACK', 'BYE']);
});

test('architecture "Calls": a dead binding does not hide the busy phone beside it', async (t) => {
  const { world, server, alice } = await setup({ b: { incoming: 486 } });
  await world.registered(server, 'bob', '192.0.2.21', { incoming: 'ignore' });
  const start = world.clock.now();
  t.is((await world.run(alice.call(BOB))).status, 486);
  t.true(world.clock.now() - start < 9_000);
});

test('§16.7: a decline at one phone ends the ringing of the others', async (t) => {
  const { world, server, alice, bob } = await setup({ b: { incoming: 'ring' } });
  await world.registered(server, 'bob', '192.0.2.21', { incoming: 603 });
  t.is((await world.run(alice.call(BOB))).status, 603);
  t.true(bob.methods.includes('CANCEL'));
});

test('§16.6: phones of a lower q are tried after those of a higher one', async (t) => {
  const { world, server, alice } = await setup({ b: { incoming: 486, q: 1 } });
  const second = await world.registered(server, 'bob', '192.0.2.21', { q: 0.5 });
  t.is((await world.run(alice.call(BOB))).status, 200);
  t.deepEqual(second.methods.slice(0, 1), ['INVITE']);
});

test('§16.6: ringing does not hold up the phones of the next q for ever', async (t) => {
  const { world, server, alice, bob } = await setup({ b: { incoming: 'ring', q: 1 } });
  const second = await world.registered(server, 'bob', '192.0.2.21', { q: 0.5 });
  const start = world.clock.now();
  t.is((await world.run(alice.call(BOB))).status, 200);
  t.is(Math.round((world.clock.now() - start) / 1000), 20);
  t.deepEqual(bob.methods, ['INVITE', 'CANCEL', 'ACK']);
  t.is(second.methods[0], 'INVITE');
});

test('RFC 5393 §5.3.3: with Max-Breadth 1 phones are tried one after the other', async (t) => {
  const { world, server, alice, bob } = await setup({
    a: { headers: [['Max-Breadth', '1']] },
    b: { incoming: 486 },
  });
  const second = await world.registered(server, 'bob', '192.0.2.21', { incoming: 480 });
  t.is((await world.run(alice.call(BOB))).status, 486);
  for (const phone of [bob, second]) {
    t.deepEqual(phone.methods, ['INVITE', 'ACK']);
    t.is(header(phone.received[0]!, 'max-breadth'), '1');
  }
  second.incoming = 'ignore';
  bob.incoming = 'ignore';
  t.is((await world.run(alice.call(BOB))).status, 408, 'silence uses the breadth up, and ends all the same');
});

test('calls survive 20% loss of datagrams, every BYE and ACK arrives', async (t) => {
  const seed = 4711;
  const world = new World({ loss: 0.2, latencyMs: [1, 30], seed });
  const server = await TestServer.start(world, '192.0.2.1');
  const alice = await world.registered(server, 'alice', '192.0.2.10');
  const bob = await world.phone(server, 'bob', '192.0.2.20');
  t.is((await world.run(bob.register(7200))).status, 200);
  for (let index = 0; index < 40; index += 1) {
    const call = await world.run(alice.call(BOB));
    t.is(call.status, 200, `call ${index}, seed ${seed}`);
    await world.clock.advance(40_000);
    const bye = index % 2 === 0 ? alice.inDialog(call.dialog!) : bob.inDialog(bob.answered.at(-1)!);
    t.is((await world.run(bye)).status, 200, `BYE ${index}, seed ${seed}`);
  }
  t.is(bob.methods.filter((method) => method === 'INVITE').length, 40, 'no INVITE was seen twice');
  t.is(bob.methods.filter((method) => method === 'ACK').length, 40);
  await world.clock.advance(60_000);
  t.deepEqual(server.core.transactions.counts, { clients: 0, servers: 0 });
});

test('architecture "Flows": a phone behind a NAT is reached over its flow, in the dialog too', async (t) => {
  const { world, alice, bob } = await setup({ b: { believes: { host: '192.168.1.10', port: 5060 } } });
  const call = await world.run(alice.call(BOB));
  t.is(call.status, 200);
  t.is(call.dialog?.target, 'sip:bob@192.168.1.10:5060', 'the Contact is not rewritten');
  t.is((await world.run(alice.inDialog(call.dialog!, 'INFO'))).status, 200);
  t.is((await world.run(bob.inDialog(bob.answered[0]!))).status, 200);
  t.deepEqual(bob.methods, ['INVITE', 'ACK', 'INFO']);
});

test('RFC 5626 §5.3.1: a call goes on over the newer flow of the same binding; with none at all it is 430', async (t) => {
  const { world, alice, bob } = await setup({ b: { transport: 'TCP', instance: 'urn:uuid:1' } });
  const call = await world.run(alice.call(BOB));
  await world.run(bob.reconnect());
  t.is((await world.run(alice.inDialog(call.dialog!, 'INFO'))).status, 430);
  await world.run(bob.register());
  t.is((await world.run(alice.inDialog(call.dialog!))).status, 200);
  t.is(bob.methods.at(-1), 'BYE');
});

test('§16.3: too many hops, unknown extensions, breadth used up', async (t) => {
  const { world, server, alice } = await setup();
  const send = (uri: string, more: [string, string][], method = 'MESSAGE') =>
    world.run(
      alice.request(method, uri, {
        from: `<${alice.aor}>;tag=1`,
        to: `<${uri}>`,
        callId: `x${more}`,
        cseq: 1,
        more,
      }),
    );
  const before = server.handled.length;
  const extension = await send(BOB, [['Proxy-Require', 'frobnicate']]);
  t.is(extension.status, 420);
  t.is(header(extension.final, 'unsupported'), 'frobnicate');
  t.is((await send(BOB, [['Max-Breadth', '0']])).status, 440);
  t.is((await send(BOB, [['Route', '<sip:']])).status, 400);
  t.is(server.handled.length, before, 'none of them reached the handler');
});

test('§11.2: OPTIONS to the server itself is answered', async (t) => {
  const { world, alice } = await setup();
  for (const uri of ['sip:example.org', 'sip:192.0.2.1:5060']) {
    const parts = { from: `<${alice.aor}>;tag=1`, to: `<${uri}>`, callId: uri, cseq: 1, more: [] };
    const { status, final } = await world.run(alice.request('OPTIONS', uri, parts));
    t.is(status, 200);
    t.regex(header(final, 'allow'), /INVITE/);
  }
});

test('§16.3, RFC 5393: a contact that leads back to us is a loop', async (t) => {
  const { world, server, alice } = await setup();
  const carol = await world.phone(server, 'carol', '192.0.2.30', { believes: server.address('UDP') });
  t.is((await world.run(carol.register())).status, 200);
  const [binding] = server.store.bindings('carol@example.org');
  // As if it were reached at its Contact, which says our own address.
  await server.store.replace('carol@example.org', [{ ...binding!, byFlow: false }]);
  server.challenges = false;
  const before = server.handled.length;
  t.is((await world.run(alice.call('sip:carol@example.org'))).status, 482);
  t.is(server.handled.length - before, 2, 'once as it came, once as a spiral with another Request-URI');
});

test('phones preload Route: <sip:us;lr>, and know only our address: both are ours', async (t) => {
  const { world, alice, bob } = await setup({ a: { headers: [['Route', '<sip:192.0.2.1;lr>']] } });
  t.is((await world.run(alice.call('sip:bob@192.0.2.1'))).status, 200);
  t.is(header(bob.received[0]!, 'route'), '');
});

test('after a 302, an authenticated caller reaches a foreign Contact through us', async (t) => {
  const { world, server, alice } = await setup();
  const dave = await world.phone(server, 'dave', '198.51.100.4', { port: 5060 });
  const call = await world.run(alice.call('sip:dave@198.51.100.4:5060'));
  t.is(call.status, 200);
  t.is(header(dave.received[0]!, 'proxy-authorization'), '', 'credentials for us go no further');
  t.is((await world.run(alice.inDialog(call.dialog!))).status, 200);
});

test('§18.1.1: a large request to a URI goes by TCP, and by UDP where nobody listens on TCP', async (t) => {
  const { world, server, alice, bob } = await setup({ a: { body: `v=0\r\n${'a=x\r\n'.repeat(300)}` } });
  const dave = await world.phone(server, 'dave', '198.51.100.4', { port: 5060 });
  t.is((await world.run(alice.call('sip:dave@198.51.100.4:5060'))).status, 200);
  t.deepEqual(dave.methods.slice(0, 1), ['INVITE']);
  const { connections } = world.network.totals;
  t.is((await world.run(alice.call(BOB))).status, 200);
  t.is(bob.methods[0], 'INVITE');
  t.is(world.network.totals.connections, connections, 'a phone registered over UDP gets it over UDP');
  const listening = await TestServer.start(world, '198.51.100.9', { nodeHex: 'f'.repeat(32) });
  listening.challenges = false;
  t.is((await world.run(alice.call('sip:nobody@198.51.100.9:5060'))).status, 480);
  t.is(world.network.totals.connections, connections + 1);
});

test('architecture "In-dialog routing": no open relay for requests that look as if in a dialog', async (t) => {
  const { world, server, alice } = await setup();
  const victim = await world.phone(server, 'dave', '198.51.100.4', { port: 5060 });
  const uri = 'sip:dave@198.51.100.4:5060';
  const call = await world.run(alice.call(BOB));
  const stolen = call.dialog!.routes[0]!;
  for (const route of [stolen, '<sip:192.0.2.1;lr>']) {
    const parts = {
      from: '<sip:x@elsewhere.example>;tag=1',
      to: `<${uri}>;tag=2`,
      callId: 'forged',
      cseq: 1,
    };
    const { status } = await world.run(alice.request('BYE', uri, { ...parts, more: [['Route', route]] }));
    t.is(status, 403);
  }
  t.deepEqual(victim.methods, []);
});

test('a CANCEL for nothing is 481', async (t) => {
  const { world, alice } = await setup();
  const parts = { from: `<${alice.aor}>;tag=1`, to: `<${BOB}>`, callId: 'none', cseq: 1, more: [] };
  t.is((await world.run(alice.request('CANCEL', BOB, parts))).status, 481);
});

test('a server on a wildcard address names itself as each phone sees it', async (t) => {
  const world = new World();
  const server = await TestServer.start(world, '192.0.2.1', { wildcard: true });
  const alice = await world.registered(server, 'alice', '192.0.2.10');
  const bob = await world.registered(server, 'bob', '192.0.2.20');
  t.is((await world.run(alice.call(BOB))).status, 200);
  t.regex(header(bob.received[0]!, 'via'), /^SIP\/2\.0\/UDP 192\.0\.2\.1:5060;/);
  t.regex(
    addresses(bob.received[0]!, 'record-route')[0]!,
    /^<sip:c-[^@]+@192\.0\.2\.1:5060;transport=udp;lr>$/,
  );
});
