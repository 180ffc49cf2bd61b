import test from 'ava';
import { header } from '../../support/sip-text.ts';
import { TestServer, World } from './proxy-bench.ts';
import type { Incoming } from './sim-phone.ts';

const CAROL = 'sip:carol@other.test';

/** A server of ours with a phone, and two of another domain, found by name in this order. */
async function setup(incoming: readonly [Incoming, Incoming]) {
  const world = new World();
  const server = await TestServer.start(world, '192.0.2.1');
  const alice = await world.registered(server, 'alice', '192.0.2.10');
  const servers = ['198.51.100.1', '198.51.100.2'];
  const open = (host: string, i: number) =>
    world.phone(server, 'carol', host, { port: 5060, incoming: incoming[i]! });
  const first = await open(servers[0]!, 0);
  const second = await open(servers[1]!, 1);
  for (const [i, host] of servers.entries()) world.zone.addresses.set(`sip${i + 1}.other.test`, [host]);
  world.zone.srv.set(
    '_sip._udp.other.test',
    servers.map((_, i) => ({ target: `sip${i + 1}.other.test`, port: 5060, priority: 10 * i, weight: 0 })),
  );
  /** How a call to Carol ends, and after what time. */
  const call = async () => {
    const begin = world.clock.monotonic();
    const outcome = await world.run(alice.call(CAROL));
    return { ...outcome, tookMs: world.clock.monotonic() - begin };
  };
  return { world, server, alice, first, second, call };
}

test('RFC 3263 §4.3: a silent server is followed by the next after 4 s; calls do not wait for it again for 30 s', async (t) => {
  const { world, first, second, call } = await setup(['ignore', 'answer']);
  const one = await call();
  t.is(one.status, 200);
  t.true(one.tookMs >= 4_000 && one.tookMs < 4_200, `${one.tookMs} ms`);
  // §16.6 step 7: each attempt is a branch of its own.
  const branch = (index: number, who: typeof first) =>
    /branch=([^;,]+)/.exec(header(who.received[index]!, 'via'));
  t.not(branch(0, first)?.[1], branch(0, second)?.[1]);

  const two = await call();
  t.is(two.status, 200);
  t.true(two.tookMs < 200, `${two.tookMs} ms`);
  t.is(first.methods.filter((method) => method === 'INVITE').length, 1);

  await world.clock.advance(30_000);
  first.incoming = 'answer';
  const three = await call();
  t.is(three.status, 200);
  t.is(first.methods.filter((method) => method === 'INVITE').length, 2);
});

test('RFC 3263 §4.3: a call goes on to its end with the server that answered', async (t) => {
  const { world, alice, second, call } = await setup(['ignore', 'answer']);
  const { dialog } = await call();
  await world.clock.advance(100);
  t.is((await world.run(second.inDialog(second.answered.at(-1)!, 'INFO'))).status, 200);
  t.is(alice.methods.at(-1), 'INFO');
  t.is((await world.run(alice.inDialog(dialog!))).status, 200);
  t.is(second.methods.at(-1), 'BYE');
});

test('RFC 3263 §4.3: a server that refuses connections is followed by the next at once', async (t) => {
  const { world, first, call } = await setup(['answer', 'answer']);
  const [one, two] = world.zone.srv.get('_sip._udp.other.test')!;
  world.zone.srv.set('_sip._tcp.other.test', [one!]).set('_sip._udp.other.test', [two!]);
  world.zone.naptr.set(
    'other.test',
    ['tcp', 'udp'].map((transport, order) => ({
      ...{ order, preference: 0, flags: 's', service: `SIP+D2${transport[0]}` },
      replacement: `_sip._${transport}.other.test`,
    })),
  );
  const { status, tookMs } = await call();
  t.is(status, 200);
  t.true(tookMs < 200, `${tookMs} ms`);
  t.deepEqual(first.methods, []);
});

test('RFC 3261 §21.5.4: a 503 goes to the next server; for its Retry-After others are asked, without it only this once', async (t) => {
  const { world, first, second, call } = await setup([503, 'answer']);
  t.is((await call()).status, 200);
  t.is((await call()).status, 200);
  t.deepEqual([first.methods.filter(isInvite).length, second.methods.filter(isInvite).length], [2, 2]);
  first.refusal = [['Retry-After', '120 (maintenance)']];
  t.is((await call()).status, 200);
  t.is((await call()).status, 200);
  t.deepEqual([first.methods.filter(isInvite).length, second.methods.filter(isInvite).length], [3, 4]);
  await world.clock.advance(120_000);
  first.incoming = 'answer';
  t.is((await call()).status, 200);
  t.is(first.methods.filter(isInvite).length, 4);
});

test('RFC 3261 §16.7: when all servers say 503 the caller gets 500', async (t) => {
  const { call } = await setup([503, 503]);
  t.is((await call()).status, 500);
});

test('a final answer other than 503 is no failure of the server', async (t) => {
  const { second, call } = await setup([486, 'answer']);
  t.is((await call()).status, 486);
  t.deepEqual(second.methods, []);
});

test('when all servers are dead they are tried nevertheless, and the caller learns it', async (t) => {
  const { first, second, call } = await setup(['ignore', 'ignore']);
  const one = await call();
  t.is(one.status, 408);
  t.true(one.tookMs >= 12_000 && one.tookMs < 12_500, `${one.tookMs} ms`);
  first.incoming = 'answer';
  t.is((await call()).status, 200);
  t.is(second.methods.filter(isInvite).length, 1);
});

test('RFC 3261 §9.1: a server that rings after all, when the call is elsewhere, is told to stop', async (t) => {
  const { world, first, second, alice } = await setup(['ignore', 'ring']);
  const calling = alice.call(CAROL);
  await world.clock.advance(5_000);
  t.deepEqual([first.methods, second.methods], [['INVITE'], ['INVITE']]);
  first.ringLate();
  await world.clock.advance(100);
  t.deepEqual(first.methods, ['INVITE', 'CANCEL', 'ACK']);
  second.pickUp();
  t.is((await world.run(calling)).status, 200);
});

test('RFC 4320 §4.1: other requests than INVITE wait for twice as long, since a server may say nothing for 3.5 s', async (t) => {
  const { world, server, second, alice } = await setup(['ignore', 'answer']);
  server.challenges = false;
  const begin = world.clock.monotonic();
  const parts = { from: `<${alice.aor}>;tag=1`, to: `<${CAROL}>`, callId: 'm1', cseq: 1, more: [] };
  t.is((await world.run(alice.request('MESSAGE', CAROL, parts))).status, 200);
  const tookMs = world.clock.monotonic() - begin;
  t.true(tookMs >= 8_000 && tookMs < 8_200, `${tookMs} ms`);
  t.deepEqual(second.methods, ['MESSAGE']);
});

test('RFC 3261 §21.4.5, §21.5.5: a domain that does not exist is 404, name servers that do not tell are 504 within 5 s', async (t) => {
  const { world, call } = await setup(['answer', 'answer']);
  world.zone.srv.clear();
  t.is((await call()).status, 404);
  world.dns.lookup = () => new Promise(() => {});
  const { status, tookMs } = await call();
  t.is(status, 504);
  t.true(tookMs <= 5_100, `${tookMs} ms`);
});

const isInvite = (method: string) => method === 'INVITE';
