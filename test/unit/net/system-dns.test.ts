import test, { type ExecutionContext } from 'ava';
import type { Answer } from 'dns-packet';
import { noMetrics } from '../../../src/base/index.ts';
import { nameServer } from '../../../src/net/dns/name-server.ts';
import { SystemDns, SystemNetwork, systemClock, systemRandom } from '../../../src/net/index.ts';
import { addressRecord, NameServer, naptrRecord, srvRecord } from '../../support/name-server.ts';

const network = new SystemNetwork();
const deps = { network, clock: systemClock, random: systemRandom, metrics: noMetrics };

async function dnsOf(t: ExecutionContext, records: Answer[]) {
  const server = await NameServer.open(network, '127.0.0.1', records);
  t.teardown(() => server.close());
  return { server, dns: new SystemDns(deps, { servers: [server.address] }) };
}

test('RFC 3263: SRV, NAPTR and addresses of a server on this machine, over UDP and TCP', async (t) => {
  const many = Array.from({ length: 20 }, (_, i) => addressRecord('farm.other.test', `192.0.2.${i + 1}`));
  const { server, dns } = await dnsOf(t, [
    naptrRecord('other.test', 50, 'SIP+D2U', '_sip._udp.other.test'),
    srvRecord('_sip._udp.other.test', 'SIP1.other.test', 5060),
    addressRecord('sip1.other.test', '192.0.2.7'),
    addressRecord('sip1.other.test', '2001:db8::7'),
    ...many,
  ]);
  t.like((await dns.naptr('Other.test.'))[0], { service: 'SIP+D2U', replacement: '_sip._udp.other.test' });
  t.deepEqual(await dns.srv('_sip._udp.other.test'), [
    { priority: 10, weight: 60, port: 5060, target: 'sip1.other.test' },
  ]);
  t.deepEqual((await dns.lookup('sip1.other.test')).toSorted(), ['192.0.2.7', '2001:db8::7']);
  t.deepEqual(await dns.srv('_sip._tcp.other.test'), []);
  server.datagramBytes = 100;
  t.is((await dns.lookup('farm.other.test')).length, 20);
  t.is(server.streams, 1);
});

test('one family that fails does not hide the other; both together are an error', async (t) => {
  const { server, dns } = await dnsOf(t, [addressRecord('sip1.other.test', '192.0.2.7')]);
  t.deepEqual(await dns.lookup('sip1.other.test'), ['192.0.2.7']);
  server.fault = 'REFUSED';
  await t.throwsAsync(dns.lookup('sip2.other.test'), { code: 'dns-failed' });
});

test('names of this machine and addresses need no name server', async (t) => {
  const dns = new SystemDns(deps, { servers: [] });
  t.true((await dns.lookup('localhost')).length > 0);
  t.deepEqual(await dns.lookup('192.0.2.7'), ['192.0.2.7']);
  t.deepEqual(await dns.lookup('2001:db8::7'), ['2001:db8::7']);
});

test('addresses of name servers, with and without a port', (t) => {
  t.deepEqual(nameServer('192.0.2.53'), { host: '192.0.2.53', port: 53 });
  t.deepEqual(nameServer('127.0.0.1:5353'), { host: '127.0.0.1', port: 5353 });
  t.deepEqual(nameServer('2001:DB8:0::53'), { host: '2001:db8::53', port: 53 });
  t.deepEqual(nameServer('[::1]:5353'), { host: '::1', port: 5353 });
  for (const wrong of [
    '',
    'ns.example.org',
    '192.0.2.53:0',
    '192.0.2.53:70000',
    '[192.0.2.53',
    '300.1.1.1',
  ]) {
    t.throws(() => nameServer(wrong), { code: 'bad-address' }, wrong);
  }
});
