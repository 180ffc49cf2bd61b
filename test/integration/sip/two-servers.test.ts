import test from 'ava';
import { addresses, header } from '../../support/sip-text.ts';
import { joinServers, TestServer, World } from './proxy-bench.ts';
import type { SimPhoneOptions, SimTransport } from './sim-phone.ts';

const BOB = 'sip:bob@example.org';
const NODE1 = '11111111111111111111111111111111';
const NODE3 = '33333333333333333333333333333333';

async function setup(options: { a?: Partial<SimPhoneOptions>; b?: Partial<SimPhoneOptions> } = {}) {
  const world = new World();
  const p1 = await TestServer.start(world, '192.0.2.1', { nodeHex: NODE1 });
  const p3 = await TestServer.start(world, '192.0.2.3', { nodeHex: NODE3 });
  joinServers(world, p1, p3);
  p1.elsewhere = async () => [{ kind: 'peer', peer: NODE3, uri: BOB }];
  const alice = await world.registered(p1, 'alice', '192.0.2.10', options.a);
  const bob = await world.registered(p3, 'bob', '192.0.2.20', options.b);
  return { world, p1, p3, alice, bob };
}

for (const [a, b] of [
  ['UDP', 'UDP'],
  ['TCP', 'UDP'],
  ['UDP', 'TLS'],
] as [SimTransport, SimTransport][]) {
  test(`A7, A30: a call between phones of two peers, BYE from either side, ${a} to ${b}`, async (t) => {
    const { world, p1, p3, alice, bob } = await setup({ a: { transport: a }, b: { transport: b } });
    for (const hangsUp of ['caller', 'callee']) {
      const call = await world.run(alice.call(BOB));
      t.is(call.status, 200);
      await world.clock.advance(100);
      t.is(bob.methods.at(-1), 'ACK');
      t.is((await world.run(bob.inDialog(bob.answered.at(-1)!, 'INFO'))).status, 200);
      const bye = hangsUp === 'caller' ? alice.inDialog(call.dialog!) : bob.inDialog(bob.answered.at(-1)!);
      t.is((await world.run(bye)).status, 200);
    }
    await world.clock.advance(60_000);
    for (const { core } of [p1, p3]) t.deepEqual(core.transactions.counts, { clients: 0, servers: 0 });
  });
}

test('architecture "In-dialog routing": two Record-Routes at each peer, and a Via that needs no DNS', async (t) => {
  const { world, alice, bob } = await setup({ b: { incoming: 'ring' } });
  await world.run(alice.call(BOB, (cancel) => cancel()));
  const [invite] = bob.received;
  const routes = addresses(invite!, 'record-route');
  t.is(routes.length, 4);
  t.regex(routes[0]!, /^<sip:c-[^@]+@192\.0\.2\.3:5060;transport=udp;lr>/);
  t.is(routes[1], `<sip:${NODE3}@example.org;transport=tls;lr>`);
  t.is(routes[2], `<sip:${NODE1}@example.org;transport=tls;lr>`);
  t.regex(routes[3]!, /^<sip:c-[^@]+@192\.0\.2\.1:5060;transport=udp;lr>/);
  const vias = invite!.headers.get('via') ?? [];
  t.is(vias.length, 3);
  t.regex(vias[1]!, new RegExp(`^SIP/2\\.0/TLS ${NODE1}\\.invalid;branch=z9hG4bK[^;]+$`));
});

test('§16.10: CANCEL, busy and silence cross the overlay', async (t) => {
  const { world, alice, bob } = await setup({ b: { incoming: 'ring' } });
  t.is((await world.run(alice.call(BOB, (cancel) => cancel()))).status, 487);
  bob.incoming = 486;
  t.is((await world.run(alice.call(BOB))).status, 486);
  bob.incoming = 'ignore';
  t.is((await world.run(alice.call(BOB))).status, 408);
});

test('§16.8: no answer: the peer of the callee gives up first, its 408 reaches the caller', async (t) => {
  const { world, alice } = await setup({ b: { incoming: 'ring' } });
  const start = world.clock.now();
  t.is((await world.run(alice.call(BOB))).status, 408);
  t.true(world.clock.now() - start < 185_000);
});

test('a phone here and one at another peer ring together; the first to answer gets the call', async (t) => {
  const { world, p1, alice, bob } = await setup();
  const here = await world.registered(p1, 'bob', '192.0.2.11', { incoming: 'ring' });
  t.is((await world.run(alice.call(BOB))).status, 200);
  await world.clock.advance(1000);
  t.deepEqual(here.methods, ['INVITE', 'CANCEL', 'ACK']);
  t.deepEqual(bob.methods, ['INVITE', 'ACK']);
});

test('RFC 5393 §5: Max-Breadth is divided between phones here and peers still being looked up', async (t) => {
  const { world, p1, alice, bob } = await setup({ b: { incoming: 'ring' } });
  const here = await world.registered(p1, 'bob', '192.0.2.11', { incoming: 'ring' });
  await world.run(alice.call(BOB, (cancel) => cancel()));
  t.is(header(here.received[0]!, 'max-breadth'), '30');
  t.is(header(bob.received[0]!, 'max-breadth'), '30');
});

test('no way to the peer: 480', async (t) => {
  const { world, p1, alice } = await setup();
  p1.dial = () => Promise.reject(new Error('unreachable'));
  t.is((await world.run(alice.call(BOB))).status, 480);
});

test('the connection between the peers breaks while it rings: the call is answered all the same', async (t) => {
  const { world, p1, p3, alice, bob } = await setup({ b: { incoming: 'ring' } });
  const calling = alice.call(BOB, () => {
    p1.breakPeers();
  });
  await world.clock.advance(5000);
  t.true(p1.cached(NODE3)?.open, 'another connection was opened');
  t.is(p3.cached(NODE1)?.open, true);
  bob.pickUp();
  const call = await world.run(calling);
  t.is(call.status, 200);
  await world.clock.advance(1000);
  t.deepEqual(bob.methods, ['INVITE', 'ACK']);
  t.is((await world.run(bob.inDialog(bob.answered[0]!))).status, 200);
});

test('the connection breaks with the 200 in flight: it comes again over the next one', async (t) => {
  const { world, p3, alice, bob } = await setup({ b: { incoming: 'ring' } });
  let rang = false;
  const calling = alice.call(BOB, () => {
    rang = true;
  });
  await world.clock.advance(1000);
  t.true(rang);
  const start = world.clock.now();
  bob.pickUp();
  // 2 ms to the callee's peer, 2 ms from there.
  await world.clock.advance(3);
  p3.breakPeers();
  t.is((await world.run(calling)).status, 200);
  t.true(world.clock.now() - start < 400, "before the phone's own retransmission");
});

test('two connections at a time, as after a glare: when one breaks the other serves', async (t) => {
  const { world, p1, p3, alice, bob } = await setup({ b: { incoming: 'ring' } });
  await world.run(p3.dial(NODE1));
  await world.run(p1.dial(NODE3));
  let dials = 0;
  const calling = alice.call(BOB, () => {
    const { dial } = p1;
    p1.dial = (peer) => {
      dials += 1;
      return dial(peer);
    };
    p1.breakPeers(1);
    bob.pickUp();
  });
  t.is((await world.run(calling)).status, 200);
  t.is(dials, 0);
});

test('the connection between the peers breaks in a call: BYE from either phone still arrives', async (t) => {
  for (const hangsUp of ['caller', 'callee']) {
    const { world, p1, p3, alice, bob } = await setup();
    const call = await world.run(alice.call(BOB));
    await world.clock.advance(1000);
    p1.breakPeers();
    await world.clock.advance(1000);
    t.not(p1.cached(NODE3)?.open, true);
    t.not(p3.cached(NODE1)?.open, true);
    const bye = hangsUp === 'caller' ? alice.inDialog(call.dialog!) : bob.inDialog(bob.answered[0]!);
    t.is((await world.run(bye)).status, 200, hangsUp);
  }
});

test("the callee's peer dies while it rings: the caller is told at once", async (t) => {
  const { world, p1, alice } = await setup({ b: { incoming: 'ring' } });
  const calling = alice.call(BOB, () => {
    p1.dial = () => Promise.reject(new Error('unreachable'));
    p1.breakPeers();
  });
  const start = world.clock.now();
  t.is((await world.run(calling)).status, 480);
  t.true(world.clock.now() - start < 2000);
});

test('a dialog survives the restart of a peer: its tokens are still good', async (t) => {
  const { world, p1, p3, alice, bob } = await setup();
  const call = await world.run(alice.call(BOB));
  await world.clock.advance(1000);
  await p1.stop();
  const restarted = await TestServer.start(world, '192.0.2.1', { nodeHex: NODE1 });
  joinServers(world, restarted, p3);
  t.is((await world.run(alice.inDialog(call.dialog!, 'INFO'))).status, 200);
  t.is((await world.run(bob.inDialog(bob.answered[0]!))).status, 200);
});

test('architecture "In-dialog routing": a peer that sends no valid token is not relayed for', async (t) => {
  const { world, p1, p3, alice, bob } = await setup();
  await world.run(alice.call(BOB));
  await world.clock.advance(1000);
  const before = bob.received.length;
  const uri = 'sip:bob@192.0.2.20:5060';
  const parts = { from: '<sip:alice@example.org>;tag=1', to: `<${BOB}>;tag=2`, callId: 'forged', cseq: 1 };
  // Alice's own token is good at P1 for her call alone, so the request must carry her credentials there.
  p1.challenges = false;
  const forged = {
    ...parts,
    more: [['Route', `<sip:${NODE3}@example.org;transport=tls;lr>`]] as [string, string][],
  };
  t.not((await world.run(alice.request('BYE', uri, forged))).status, 200);
  t.is(bob.received.length, before);
  t.is(p3.core.forks, 0);
});
