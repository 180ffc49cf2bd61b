import { createSocket } from 'node:dgram';
import test from 'ava';
import { SystemDns, systemClock, systemRandom } from '../../../src/net/index.ts';

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

/** A name server that answers every question with this DNS answer section, or with an error code. */
async function nameServer(answer: { records: Buffer; count: number } | { rcode: number }) {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const response = Buffer.from(query.subarray(0, questionEnd(query)));
    response[2] = 0x84;
    response[3] = 'rcode' in answer ? answer.rcode : 0;
    response.writeUInt16BE('count' in answer ? answer.count : 0, 6);
    response.writeUInt32BE(0, 8);
    socket.send(Buffer.concat([response, 'records' in answer ? answer.records : Buffer.alloc(0)]), from.port);
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  const dns = new SystemDns({ servers: [`127.0.0.1:${socket.address().port}`], timeoutMs: 500, tries: 1 });
  return { dns, close: () => socket.close() };
}

function questionEnd(query: Buffer): number {
  let offset = 12;
  while (query[offset] !== 0) offset += (query[offset] ?? 0) + 1;
  return offset + 5;
}

const label = (name: string) =>
  Buffer.concat([...name.split('.').map((part) => Buffer.from(`\x00${part}`)), Buffer.alloc(1)]);
const domain = (name: string) => {
  const bytes = label(name);
  let offset = 0;
  for (const part of name.split('.')) {
    bytes[offset] = part.length;
    offset += part.length + 1;
  }
  return bytes;
};
const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, 0]);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

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
