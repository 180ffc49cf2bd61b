import test from 'ava';
import { SystemDns, systemClock, systemRandom } from '../../../src/net/index.ts';
import { domain, nameServer, record, text } from '../../support/name-server.ts';

test('the system clock runs its timers and closes them', async (t) => {
  const before = systemClock.monotonic();
  let closedRan = false;
  systemClock
    .setTimer(1, () => {
      closedRan = true;
    })
    .close();
  const far = systemClock.setTimer(1e12, () => t.fail('a far timer fired at once'));
  await new Promise<void>((resolve) => {
    systemClock.setTimer(5, resolve);
  });
  far.close();
  t.true(systemClock.monotonic() - before >= 4);
  t.true(Math.abs(systemClock.now() - Date.now()) < 1_000);
  t.false(closedRan);
});

test('random bytes have the length asked for and are never handed out twice', (t) => {
  const seen = new Set<string>();
  const kept = systemRandom.bytes(16);
  const copy = Buffer.from(kept);
  for (let draw = 0; draw < 2_000; draw++) {
    const bytes = systemRandom.bytes(16);
    t.is(bytes.length, 16);
    seen.add(Buffer.from(bytes).toString('hex'));
  }
  t.is(seen.size, 2_000);
  t.deepEqual(Buffer.from(kept), copy);
  t.is(systemRandom.bytes(1_000).length, 1_000);
  t.is(systemRandom.bytes(0).length, 0);
  const float = systemRandom.float();
  t.true(float >= 0 && float < 1);
});

test('RFC 3263: SRV records', async (t) => {
  const data = Buffer.concat([Buffer.from([0, 10, 0, 60, 0x13, 0xc4]), domain('sip1.example.org')]);
  const { dns, close } = await nameServer({ records: record(33, data), count: 1 });
  t.like((await dns.srv('_sip._udp.example.org'))[0], {
    target: 'sip1.example.org',
    port: 5060,
    priority: 10,
    weight: 60,
  });
  close();
});

test('RFC 3263: NAPTR records', async (t) => {
  const data = Buffer.concat([
    Buffer.from([0, 50, 0, 51]),
    text('s'),
    text('SIP+D2U'),
    text(''),
    domain('_sip._udp.example.org'),
  ]);
  const { dns, close } = await nameServer({ records: record(35, data), count: 1 });
  t.like((await dns.naptr('example.org'))[0], {
    order: 50,
    preference: 51,
    flags: 's',
    service: 'SIP+D2U',
    replacement: '_sip._udp.example.org',
  });
  close();
});

test('RFC 3263: no such record is an empty list, a failing resolver an error', async (t) => {
  const missing = await nameServer({ rcode: 3 });
  t.deepEqual(await missing.dns.srv('_sip._udp.nowhere.example'), []);
  missing.close();
  const empty = await nameServer({ records: Buffer.alloc(0), count: 0 });
  t.deepEqual(await empty.dns.naptr('example.org'), []);
  empty.close();
  const broken = await nameServer({ rcode: 2 });
  await t.throwsAsync(broken.dns.srv('_sip._udp.example.org'), { code: 'dns-failed' });
  broken.close();
});

test('lookup knows the hosts file', async (t) => {
  t.true((await new SystemDns().lookup('localhost')).length > 0);
});
