import test from 'ava';
import { addresses } from '../../support/sip-text.ts';
import { joinServers, TestServer, World } from './proxy-bench.ts';
import type { SimPhoneOptions } from './sim-phone.ts';

const BOB = 'sips:bob@example.org';
const NODE1 = '11111111111111111111111111111111';
const NODE3 = '33333333333333333333333333333333';
const SIPS: Partial<SimPhoneOptions> = { transport: 'TLS', sips: true };

async function setup(peers: 1 | 2, callee: Partial<SimPhoneOptions> = SIPS) {
  const world = new World();
  const p1 = await TestServer.start(world, '192.0.2.1', { nodeHex: NODE1 });
  const p3 = peers === 1 ? p1 : await TestServer.start(world, '192.0.2.3', { nodeHex: NODE3 });
  if (peers === 2) {
    joinServers(world, p1, p3);
    p1.elsewhere = async ({ request }) => [{ kind: 'peer', peer: NODE3, uri: request.requestUri }];
  }
  const alice = await world.registered(p1, 'alice', '192.0.2.10', SIPS);
  const bob = await world.registered(p3, 'bob', '192.0.2.20', callee);
  return { world, p1, p3, alice, bob };
}

for (const peers of [1, 2] as const) {
  test(`RFC 5630 §5.3: a SIPS call is SIPS as far as the phone, on ${peers} peer(s), and within its dialog`, async (t) => {
    const { world, alice, bob } = await setup(peers);
    const call = await world.run(alice.call(BOB));
    t.is(call.status, 200);
    const [invite] = bob.received;
    t.regex(invite!.start, /^INVITE sips:bob@192\.0\.2\.20:\d+ /);
    const routes = addresses(invite!, 'record-route');
    t.is(routes.length, peers === 1 ? 1 : 4);
    // RFC 3261 §16.6 step 4, RFC 5630 §3.1.4
    for (const route of routes) t.regex(route, /^<sips:[^;]+;lr>/);
    t.is((await world.run(bob.inDialog(bob.answered.at(-1)!, 'INFO'))).status, 200);
    t.is((await world.run(alice.inDialog(call.dialog!))).status, 200);
  });
}

test('RFC 5630 §5.3: a SIP call rings a phone with a SIPS Contact by the SIP version of it, over TLS', async (t) => {
  const { world, p1, bob } = await setup(1);
  const carol = await world.registered(p1, 'carol', '192.0.2.30');
  const call = await world.run(carol.call('sip:bob@example.org'));
  t.is(call.status, 200);
  t.regex(bob.received[0]!.start, /^INVITE sip:bob@192\.0\.2\.20:\d+ /);
  for (const route of addresses(bob.received[0]!, 'record-route')) t.regex(route, /^<sip:/);
  // Bob's phone gives a SIPS Contact all the same (§5.1.2): carol's BYE is not to suffer for it.
  t.regex(call.dialog!.target, /^sips:/);
  t.is((await world.run(carol.inDialog(call.dialog!))).status, 200);
});

for (const transport of ['UDP', 'TLS'] as const) {
  test(`RFC 5630 §5.3: a SIPS call does not reach a phone that registered a SIP Contact, over ${transport}`, async (t) => {
    const { world, alice, bob } = await setup(2, { transport });
    t.is((await world.run(alice.call(BOB))).status, 480);
    t.is(bob.received.length, 0);
    t.is((await world.run(alice.call('sip:bob@example.org'))).status, 200);
  });
}

test('RFC 3261 §26.2.2: a SIPS request that came over no TLS is refused', async (t) => {
  const { world, p1, bob } = await setup(1);
  const carol = await world.registered(p1, 'carol', '192.0.2.30');
  t.is((await world.run(carol.call(BOB))).status, 400);
  t.is(bob.received.length, 0);
});
