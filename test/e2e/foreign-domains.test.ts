import dgram from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { openNameServer, Stranger, startDomain } from '../support/foreign-domains.ts';
import { addressRecord, naptrRecord, srvRecord } from '../support/name-server.ts';
import { header, methodOf, parseSip, statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';

// One after the other: each starts several peers.

/** A server that hears and says nothing; retransmissions count once. */
async function silentServer(t: ExecutionContext) {
  const heard = new Set<string>();
  const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.on('message', (data) => {
    const request = parseSip(data.toString('latin1'));
    heard.add(`${methodOf(request)} ${header(request, 'call-id')}`);
  });
  t.teardown(() => socket.close());
  return { heard, port: (socket.address() as AddressInfo).port };
}

/** What a domain publishes: two servers, the second for when the first does not answer. */
const published = (domain: string, first: number, second: number) => [
  naptrRecord(domain, 50, 'SIP+D2U', `_sip._udp.${domain}`),
  srvRecord(`_sip._udp.${domain}`, `sip1.${domain}`, first, { priority: 10 }),
  srvRecord(`_sip._udp.${domain}`, `sip2.${domain}`, second, { priority: 20 }),
  addressRecord(`sip1.${domain}`, '127.0.0.1'),
  addressRecord(`sip2.${domain}`, '127.0.0.1'),
];

/** Two overlays that know of each other only by DNS; the first server of b.test is dead. */
async function twoOverlays(t: ExecutionContext) {
  const names = await openNameServer(t);
  const [a, b] = await Promise.all(
    ['a.test', 'b.test'].map((domain) => startDomain(t, domain, { dns: names.toString() })),
  );
  if (a === undefined || b === undefined) throw new Error('no gateways');
  const dead = await silentServer(t);
  names.records = [
    ...published('b.test', dead.port, b.sipPort('udp')),
    srvRecord('_sip._udp.a.test', 'gw.a.test', a.sipPort('udp')),
    addressRecord('gw.a.test', '127.0.0.1'),
  ];
  const phone = async (domain: string, port: number, user: string) => {
    const opened = await TestPhone.open(t, { domain, port });
    t.is(statusOf(await opened.register(user)), 200);
    return opened;
  };
  return {
    ...{ a, b, names, dead },
    alice: await phone('a.test', a.sipPort('udp'), 'alice'),
    bob: await phone('b.test', b.sipPort('udp'), 'bob'),
  };
}

test.serial(
  'A40, RFC 3263 §4, RFC 7904 §4.1: a call from one overlay to another by NAPTR, SRV and A, past a dead server',
  async (t) => {
    const { alice, bob, names, dead } = await twoOverlays(t);
    const call = await alice.call('alice', 'bob@b.test');
    t.is(call.status, 200);
    t.true(call.rang);
    t.true(dead.heard.has(`INVITE ${call.dialog?.callId}`));
    t.deepEqual(names.asked.slice(0, 2), ['NAPTR b.test', 'SRV _sip._udp.b.test']);
    t.true(names.asked.includes('A sip2.b.test'));
    if (call.dialog === undefined) return t.fail('no dialog');

    // In the dialog both ways, by the route set alone.
    const asked = names.asked.length;
    t.is(statusOf(await alice.reinvite(call.dialog)), 200);
    t.is(statusOf(await bob.reinvite(bob.answered[0]!)), 200);
    t.is(await alice.bye(call.dialog), 200);
    t.deepEqual(bob.hungUp, [call.dialog.callId]);
    t.is(names.asked.length, asked);

    // The dead one is left out now, and nothing is asked for again before its TTL has passed.
    const second = await alice.call('alice', 'bob@b.test');
    t.is(second.status, 200);
    t.is(dead.heard.size, 1);
    t.is(names.asked.length, asked);
    if (second.dialog === undefined) return t.fail('no dialog');
    t.is(await bob.bye(bob.answered[1]!), 200);
    t.deepEqual(alice.hungUp, [second.dialog.callId]);
  },
);

test.serial('A40: back again: a domain without NAPTR is found by SRV, and its user rings', async (t) => {
  const { alice, bob } = await twoOverlays(t);
  const call = await bob.call('bob', 'alice@a.test');
  t.is(call.status, 200);
  t.true(call.rang);
  const invite = alice.received.find((request) => methodOf(request) === 'INVITE');
  t.regex(header(invite!, 'from'), /sip:bob@b\.test/);
  // RFC 3325 §5: what another domain's server asserts goes no further.
  t.is(invite!.headers.get('p-asserted-identity'), undefined);
  t.is(await bob.bye(call.dialog!), 200);
});

test.serial(
  'RFC 3261 §26.3.2.1: no open relay: strangers reach our users and nobody else through us',
  async (t) => {
    const { a, alice, names } = await twoOverlays(t);
    const stranger = await Stranger.open(t, '127.0.91.1');
    const ask = (from: string, uri: string) => stranger.ask(a.sipPort('udp'), { from, uri });
    t.is(await ask('sip:eve@evil.test', 'sip:alice@a.test'), 200);
    t.is(methodOf(alice.received.at(-1)!), 'MESSAGE');
    const asked = names.asked.length;
    t.is(await ask('sip:eve@evil.test', 'sip:bob@b.test'), 403);
    // Who says he is one of ours has to prove it, wherever he wants to go.
    t.is(await ask('sip:alice@a.test', 'sip:bob@b.test'), 407);
    t.is(await ask('sip:alice@a.test', 'sip:bob@a.test'), 407);
    t.is(names.asked.length, asked, 'strangers make us ask for no name');
  },
);

test.serial(
  'RFC 3261 §21.4.5, §21.5.5: a domain that does not exist: 404; name servers that do not tell: 504',
  async (t) => {
    const { alice, names } = await twoOverlays(t);
    t.is((await alice.call('alice', 'bob@nowhere.test')).status, 404);
    names.fault = 'SERVFAIL';
    t.is((await alice.call('alice', 'bob@unknown.test')).status, 504);
    names.fault = 'silent';
    t.is((await alice.call('alice', 'bob@silent.test')).status, 504);
  },
);

test.serial(
  'A6, RFC 3263: a tel: number goes out by a trunk that is found by name, and past its dead server',
  async (t) => {
    const names = await openNameServer(t);
    const dead = await silentServer(t);
    const carrier = await startDomain(t, 'carrier.test', { dns: names.toString(), auth: 'none' });
    names.records = published('carrier.test', dead.port, carrier.sipPort('udp'));
    const far = await TestPhone.open(t, { domain: 'carrier.test', port: carrier.sipPort('udp') });
    t.is(statusOf(await far.register('+4930123')), 200);
    const gateway = await startDomain(t, 'a.test', {
      dns: names.toString(),
      trunks: [{ match: '^\\+49', to: 'sip:carrier.test' }],
    });
    const phone = await TestPhone.open(t, { domain: 'a.test', port: gateway.sipPort('udp') });
    const call = await phone.call('alice', 'tel:+49-30-123');
    t.is(call.status, 200);
    t.true(dead.heard.has(`INVITE ${call.dialog?.callId}`));
    if (call.dialog === undefined) return t.fail('no dialog');
    t.is(await phone.bye(call.dialog), 200);
    t.deepEqual(far.hungUp, [call.dialog.callId]);
    t.is((await phone.call('alice', 'tel:+1-202-555-0100')).status, 404);
  },
);
