import test from 'ava';
import { joinServers, TestServer, World } from './proxy-bench.ts';
import type { SimPhoneOptions, SimTransport } from './sim-phone.ts';

// Both phones put a GRUU into their Contacts, so that all requests within a call have one as Request-URI (RFC 5627 §4.4).

const BOB = 'sip:bob@example.org';
const NODE1 = '11111111111111111111111111111111';
const NODE3 = '33333333333333333333333333333333';

async function setup(peers: 1 | 2, options: Partial<SimPhoneOptions>) {
  const world = new World();
  const p1 = await TestServer.start(world, '192.0.2.1', { nodeHex: NODE1 });
  const p3 = peers === 1 ? p1 : await TestServer.start(world, '192.0.2.3', { nodeHex: NODE3 });
  if (peers === 2) {
    joinServers(world, p1, p3);
    p1.elsewhere = async ({ request }) => [{ kind: 'peer', peer: NODE3, uri: request.requestUri }];
    p3.elsewhere = async ({ request }) => [{ kind: 'peer', peer: NODE1, uri: request.requestUri }];
  }
  const alice = await world.registered(p1, 'alice', '192.0.2.10', { instance: 'urn:uuid:a', ...options });
  const bob = await world.registered(p3, 'bob', '192.0.2.20', { instance: 'urn:uuid:b', ...options });
  return { world, p1, p3, alice, bob };
}

for (const peers of [1, 2] as const) {
  for (const transport of ['UDP', 'TCP', 'TLS'] as SimTransport[]) {
    for (const gruu of ['pub-gruu', 'temp-gruu'] as const) {
      test(`RFC 5627 §6.1: ACK, INFO and BYE to a ${gruu}, ${transport}, on ${peers} peer(s)`, async (t) => {
        const { world, p1, p3, alice, bob } = await setup(peers, { transport, gruu });
        for (const hangsUp of ['caller', 'callee']) {
          const call = await world.run(alice.call(BOB));
          t.is(call.status, 200);
          t.is(call.dialog!.target, bob.gruu!);
          await world.clock.advance(100);
          t.is(bob.methods.at(-1), 'ACK');
          const heard = bob.answered.at(-1)!;
          t.is(heard.target, alice.gruu!);
          t.is((await world.run(bob.inDialog(heard, 'INFO'))).status, 200);
          t.is((await world.run(alice.inDialog(call.dialog!, 'INFO'))).status, 200);
          // The GRUU stands for the Contact, which takes its place.
          for (const { start } of [...alice.received, ...bob.received]) t.notRegex(start, /gr\b/);
          const bye = hangsUp === 'caller' ? alice.inDialog(call.dialog!) : bob.inDialog(heard);
          t.is((await world.run(bye)).status, 200);
        }
        await world.clock.advance(60_000);
        for (const { core } of [p1, p3]) t.deepEqual(core.transactions.counts, { clients: 0, servers: 0 });
      });
    }
  }
}

test('RFC 5627 §6.1: within a call a phone is found over the flow that stands, also after it reconnected', async (t) => {
  const { world, alice, bob } = await setup(2, { transport: 'TCP', gruu: 'pub-gruu', regId: 1 });
  const call = await world.run(alice.call(BOB));
  await world.run(bob.reconnect());
  t.is((await world.run(bob.register())).status, 200);
  t.is((await world.run(alice.inDialog(call.dialog!))).status, 200);
  t.is(bob.methods.at(-1), 'BYE');
});

test('RFC 5627 §6.1: a phone that is no longer registered is 480 within a call, a GRUU that has ended 404', async (t) => {
  for (const [gruu, status] of [
    ['pub-gruu', 480],
    ['temp-gruu', 404],
  ] as const) {
    const { world, p1, alice, bob } = await setup(1, { gruu });
    const call = await world.run(alice.call(BOB));
    await world.run(bob.register(0));
    p1.challenges = false;
    t.is((await world.run(alice.inDialog(call.dialog!, 'INFO'))).status, status);
  }
});

test('a phone registered at one peer calls through another: its GRUU is met by the flow of the call', async (t) => {
  const { world, p1, p3, alice, bob } = await setup(2, { gruu: 'pub-gruu' });
  const around = await world.phone(p3, 'alice', '192.0.2.11', { instance: 'urn:uuid:a' });
  around.gruu = alice.gruu;
  t.is(p1.store.bindings('alice@example.org').length, 1);
  const call = await world.run(around.call(BOB));
  t.is(call.status, 200);
  t.is((await world.run(bob.inDialog(bob.answered.at(-1)!))).status, 200);
  t.is(around.methods.at(-1), 'BYE');
});
