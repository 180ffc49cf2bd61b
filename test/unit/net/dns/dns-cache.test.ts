import test from 'ava';
import { CodedError } from '../../../../src/base/index.ts';
import type { DnsQuestion } from '../../../../src/net/dns/dns-message.ts';
import { addressRecord, aliasRecord, NEGATIVE_TTL, srvRecord } from '../../../support/name-server.ts';
import { simulatedDns } from '../../../support/simulated-dns.ts';

const host = (name: string): DnsQuestion => ({ name, type: 'A' });
const HOST = 'sip1.other.test';

async function dnsOf(records: Parameters<typeof simulatedDns>[0], servers?: number) {
  const dns = await simulatedDns(records, servers);
  const { clock, cache } = dns;
  /** The addresses, in virtual time. */
  const addresses = async (name: string) =>
    (await clock.runUntil(cache.resolve(host(name)))).map((record) => 'address' in record && record.address);
  return { ...dns, addresses };
}

test('RFC 1035 §3.2.1: an answer is kept for its TTL, and no longer; the smallest TTL of the set counts', async (t) => {
  const { clock, server, addresses, count } = await dnsOf([
    addressRecord(HOST, '192.0.2.7', 60),
    addressRecord(HOST, '192.0.2.8', 30),
  ]);
  t.deepEqual(await addresses(HOST), ['192.0.2.7', '192.0.2.8']);
  await clock.advance(29_900);
  t.deepEqual(await addresses(HOST), ['192.0.2.7', '192.0.2.8']);
  t.is(server.asked.length, 1);
  server.records = [addressRecord(HOST, '192.0.2.9')];
  await clock.advance(200);
  t.deepEqual(await addresses(HOST), ['192.0.2.9']);
  t.is(server.asked.length, 2);
  t.is(count('kept'), 1);
  t.is(count('records'), 2);
});

test('TTLs of no time and of years count as a second and an hour', async (t) => {
  const { clock, server, addresses } = await dnsOf([
    addressRecord('short.test', '192.0.2.7', 0),
    addressRecord('long.test', '192.0.2.8', 2 ** 31 - 1),
  ]);
  for (const name of ['short.test', 'short.test', 'long.test']) await addresses(name);
  t.is(server.asked.length, 2);
  await clock.advance(1_000);
  await addresses('short.test');
  t.is(server.asked.length, 3);
  await clock.advance(3_600_000);
  await addresses('long.test');
  t.is(server.asked.length, 4);
});

test('RFC 2308 §5: what does not exist is not asked for again for the time its SOA says', async (t) => {
  const { clock, server, addresses, count } = await dnsOf([addressRecord(HOST, '192.0.2.7')]);
  t.deepEqual(await addresses('nowhere.test'), []);
  await clock.advance((NEGATIVE_TTL - 1) * 1_000);
  t.deepEqual(await addresses('nowhere.test'), []);
  t.is(server.asked.length, 1);
  server.records = [addressRecord('nowhere.test', '192.0.2.9')];
  await clock.advance(2_000);
  t.deepEqual(await addresses('nowhere.test'), ['192.0.2.9']);
  t.is(count('none'), 1);
});

test('RFC 2308 §2.2: a name without records of that type is no error either', async (t) => {
  const { clock, cache } = await dnsOf([addressRecord(HOST, '192.0.2.7')]);
  t.deepEqual(await clock.runUntil(cache.resolve({ name: HOST, type: 'NAPTR' })), []);
});

test('equal questions share the one that is under way', async (t) => {
  const { clock, server, cache } = await dnsOf([addressRecord(HOST, '192.0.2.7')]);
  const many = Promise.all(Array.from({ length: 50 }, () => cache.resolve(host(HOST))));
  for (const records of await clock.runUntil(many)) t.is(records.length, 1);
  t.is(server.asked.length, 1);
});

test('questions on their way are bounded: further ones fail at once', async (t) => {
  const { clock, server, cache } = await dnsOf([]);
  server.fault = 'silent';
  const waiting = Promise.allSettled(
    Array.from({ length: 256 }, (_, i) => cache.resolve(host(`h${i}.test`))),
  );
  await t.throwsAsync(cache.resolve(host('more.test')), { code: 'dns-failed' });
  await clock.runUntil(waiting);
});

test('RFC 1034 §3.6.2: aliases are followed; chains that do not end are an error', async (t) => {
  const { clock, server, addresses, cache } = await dnsOf([
    aliasRecord('www.test', 'a.test'),
    aliasRecord('a.test', 'b.test'),
    addressRecord('b.test', '192.0.2.7'),
    ...Array.from({ length: 12 }, (_, i) => aliasRecord(`loop${i}.test`, `loop${(i + 1) % 12}.test`)),
  ]);
  t.deepEqual(await addresses('www.test'), ['192.0.2.7']);
  t.is(server.asked.length, 1);
  await t.throwsAsync(clock.runUntil(cache.resolve(host('loop0.test'))), { code: 'dns-failed' });
  t.true(server.asked.length < 20, `${server.asked.length} questions`);
});

test('RFC 2308 §7: servers that do not tell are left alone for 5 s', async (t) => {
  const { clock, server, cache, addresses } = await dnsOf([addressRecord(HOST, '192.0.2.7')]);
  server.fault = 'SERVFAIL';
  for (let i = 0; i < 3; i++) {
    await t.throwsAsync(clock.runUntil(cache.resolve(host(HOST))), { instanceOf: CodedError });
  }
  t.is(server.asked.length, 1);
  server.fault = 'none';
  await clock.advance(5_000);
  t.deepEqual(await addresses(HOST), ['192.0.2.7']);
});

test('RFC 8767 §5: while no server tells, what they told last still counts, for a day', async (t) => {
  const { clock, server, cache, addresses, count } = await dnsOf([addressRecord(HOST, '192.0.2.7', 60)]);
  await addresses(HOST);
  server.fault = 'silent';
  await clock.advance(3_600_000);
  t.deepEqual(await addresses(HOST), ['192.0.2.7']);
  t.is(count('stale'), 1);
  // Callers do not wait for the dead servers each time.
  const before = clock.monotonic();
  t.deepEqual(await addresses(HOST), ['192.0.2.7']);
  t.is(clock.monotonic(), before);
  await clock.advance(86_400_000);
  await t.throwsAsync(clock.runUntil(cache.resolve(host(HOST))), { code: 'dns-failed' });
});

test('names that no DNS can have are not asked for', async (t) => {
  const { server, cache } = await dnsOf([]);
  for (const name of [`${'a'.repeat(64)}.test`, 'a..test', '', 'b@c.test', `${'a.'.repeat(130)}test`]) {
    t.deepEqual(await cache.resolve(host(name)), []);
  }
  t.is(server.asked.length, 0);
});

test('of a zone with hundreds of records 32 are kept', async (t) => {
  const { clock, server, cache } = await dnsOf(
    Array.from({ length: 300 }, (_, i) => srvRecord('_sip._udp.test', `h${i}.test`, 5060)),
  );
  const records = await clock.runUntil(cache.resolve({ name: '_sip._udp.test', type: 'SRV' }));
  t.is(records.length, 32);
  t.is(server.streams, 1);
});
