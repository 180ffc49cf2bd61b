import test from 'ava';
import { orderSrv, type SrvRecord } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { parseUri } from '../../../../src/sip/message/uri.ts';
import type { DnsPort, NaptrRecord } from '../../../../src/sip/resolve/dns-port.ts';
import { literalTarget, resolveTarget } from '../../../../src/sip/resolve/resolve-target.ts';
import type { TransportName } from '../../../../src/sip/transport/flow.ts';

interface Zone {
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
  readonly srv?: Readonly<Record<string, readonly SrvRecord[]>>;
  readonly naptr?: Readonly<Record<string, readonly NaptrRecord[]>>;
}

/** A name server that knows one zone and counts what it is asked. */
function zone(records: Zone) {
  const asked: string[] = [];
  const answer =
    <T>(kind: string, table: Readonly<Record<string, readonly T[]>> = {}) =>
    async (name: string) => {
      asked.push(`${kind} ${name}`);
      return table[name] ?? [];
    };
  const dns: DnsPort = {
    lookup: answer('A', records.addresses),
    srv: answer('SRV', records.srv),
    naptr: answer('NAPTR', records.naptr),
  };
  return { dns, asked };
}

const all: readonly TransportName[] = ['UDP', 'TCP', 'TLS'];

async function resolved(uri: string, records: Zone): Promise<[targets: string[], asked: string[]]> {
  const { dns, asked } = zone(records);
  const targets = await resolveTarget(
    parseUri(uri),
    { dns, random: new SeededRandom(1) },
    { supported: all },
  );
  return [targets.map(({ transport, address }) => `${transport} ${address.host} ${address.port}`), asked];
}

const srv = (target: string, port: number, priority = 0, weight = 0): SrvRecord => ({
  priority,
  weight,
  port,
  target,
});
const naptr = (order: number, service: string, replacement: string): NaptrRecord => ({
  order,
  preference: 0,
  flags: 's',
  service,
  replacement,
});
const addresses = {
  'example.com': ['192.0.2.1', '2001:db8::1'],
  'a.example.com': ['192.0.2.7'],
  'b.example.com': ['192.0.2.8'],
};

test('RFC 3263 §4.1, §4.2: an IP literal needs no lookup', (t) => {
  const literal = (uri: string) => {
    const target = literalTarget(parseUri(uri));
    return target && `${target.transport} ${target.address.host} ${target.address.port}`;
  };
  t.is(literal('sip:a@192.0.2.4'), 'UDP 192.0.2.4 5060');
  t.is(literal('sip:a@192.0.2.4:5070;transport=tcp'), 'TCP 192.0.2.4 5070');
  t.is(literal('sips:a@[2001:db8::1]'), 'TLS 2001:db8::1 5061');
  t.is(literal('sip:a@192.0.2.4;transport=tls'), 'TLS 192.0.2.4 5061');
  t.is(literal('sip:a@example.com;maddr=192.0.2.9'), 'UDP 192.0.2.9 5060');
  t.is(literal('sip:a@example.com'), undefined);
  t.throws(() => literal('sip:a@192.0.2.4;transport=sctp'), { code: 'unsupported-transport' });
  t.throws(() => literal('sips:a@192.0.2.4;transport=udp'), { code: 'unsupported-transport' });
  t.throws(() => literal('tel:+123'), { code: 'unsupported-scheme' });
});

test('RFC 3263 §4.2: an explicit port means an address lookup alone', async (t) => {
  t.deepEqual(await resolved('sip:a@example.com:5070', { addresses }), [
    ['UDP 192.0.2.1 5070', 'UDP 2001:db8::1 5070'],
    ['A example.com'],
  ]);
});

test('RFC 3263 §4.1: NAPTR in order, supported transports only, then SRV', async (t) => {
  const [targets, asked] = await resolved('sip:a@example.com', {
    addresses,
    naptr: {
      'example.com': [
        naptr(90, 'SIP+D2U', '_sip._udp.example.com'),
        naptr(50, 'SIP+D2T', '_sip._tcp.example.com'),
        naptr(10, 'SIP+D2S', '_sip._sctp.example.com'),
        naptr(20, 'E2U+sip', 'other'),
      ],
    },
    srv: {
      '_sip._tcp.example.com': [srv('a.example.com', 5062)],
      '_sip._udp.example.com': [srv('b.example.com', 5063)],
    },
  });
  t.deepEqual(targets, ['TCP 192.0.2.7 5062', 'UDP 192.0.2.8 5063']);
  t.false(asked.includes('SRV _sip._sctp.example.com'));
});

test('RFC 3263 §4.1: sips never ends on an insecure transport', async (t) => {
  const [targets] = await resolved('sips:a@example.com', {
    addresses,
    naptr: {
      'example.com': [
        naptr(1, 'SIP+D2U', '_sip._udp.example.com'),
        naptr(2, 'SIPS+D2T', '_sips._tcp.example.com'),
      ],
    },
    srv: {
      '_sips._tcp.example.com': [srv('a.example.com', 5061)],
      '_sip._udp.example.com': [srv('b.example.com', 5060)],
    },
  });
  t.deepEqual(targets, ['TLS 192.0.2.7 5061']);
});

test('RFC 3263 §4.1: no NAPTR: SRV for each transport we support; RFC 3263 §4.3: all targets, in order', async (t) => {
  const [targets] = await resolved('sip:a@example.com', {
    addresses,
    srv: {
      '_sip._udp.example.com': [
        srv('b.example.com', 5060, 20),
        srv('a.example.com', 5060, 10),
        srv('.', 0, 5),
      ],
      '_sip._tcp.example.com': [srv('a.example.com', 5064)],
    },
  });
  t.deepEqual(targets, ['UDP 192.0.2.7 5060', 'UDP 192.0.2.8 5060', 'TCP 192.0.2.7 5064']);
});

test('RFC 3263 §4.2: a transport parameter is asked for by SRV; without SRV the addresses and the default port', async (t) => {
  t.deepEqual(await resolved('sip:a@example.com;transport=tcp', { addresses }), [
    ['TCP 192.0.2.1 5060', 'TCP 2001:db8::1 5060'],
    ['SRV _sip._tcp.example.com', 'A example.com'],
  ]);
  const [targets] = await resolved('sip:a@example.com', { addresses });
  t.deepEqual(targets, ['UDP 192.0.2.1 5060', 'UDP 2001:db8::1 5060']);
});

test('RFC 3263: names without addresses, and servers that fail, give an error with a code', async (t) => {
  await t.throwsAsync(resolved('sip:a@nowhere.example', { addresses }), { code: 'unresolvable' });
  const failing = async () => {
    throw new Error('SERVFAIL');
  };
  const deps = { dns: { lookup: failing, srv: failing, naptr: failing }, random: new SeededRandom(1) };
  await t.throwsAsync(resolveTarget(parseUri('sip:a@example.com'), deps), { code: 'no-answer' });
});

test('RFC 3263: a zone with endless records is cut', async (t) => {
  const many = Array.from({ length: 500 }, (_, index) => srv(`h${index}.example.com`, 5060, index));
  const hosts = Object.fromEntries(many.map(({ target }) => [target, ['192.0.2.1', '192.0.2.2']]));
  const [targets] = await resolved('sip:a@example.com', {
    addresses: hosts,
    srv: { '_sip._udp.example.com': many },
  });
  t.true(targets.length <= 16);
});

test('RFC 2782: within a priority the weight is the share', (t) => {
  const random = new SeededRandom(7);
  const records = [srv('light', 1, 0, 10), srv('heavy', 2, 0, 90), srv('last', 3, 1, 1000)];
  const first = { light: 0, heavy: 0, last: 0 };
  for (let index = 0; index < 1_000; index += 1) {
    const ordered = orderSrv(records, random);
    t.is(ordered[2]?.target, 'last');
    first[ordered[0]!.target as keyof typeof first] += 1;
  }
  t.true(first.heavy > 850 && first.heavy < 950, `heavy came first ${first.heavy} of 1000 times`);
  t.is(orderSrv([srv('a', 1), srv('b', 2)], random).length, 2);
});

test('RFC 3263 §4.2: where there are SRV records the domain’s own addresses do not count', async (t) => {
  const records = { addresses, srv: { '_sip._udp.example.com': [srv('gone.example.com', 5060)] } };
  await t.throwsAsync(resolved('sip:a@example.com', records), { code: 'unresolvable' });
});

test('RFC 2782: a target of "." says that the service is not offered', async (t) => {
  const srvRecords = { '_sip._udp.example.com': [srv('.', 0)], '_sip._tcp.example.com': [srv('.', 0)] };
  await t.throwsAsync(resolved('sip:a@example.com', { addresses, srv: srvRecords }), {
    code: 'unresolvable',
  });
});

test('RFC 3263 §4.2: a transport chosen by NAPTR whose SRV records are missing is used with its default port', async (t) => {
  const [targets] = await resolved('sip:a@example.com', {
    addresses,
    naptr: { 'example.com': [naptr(1, 'SIPS+D2T', '_sips._tcp.example.com')] },
  });
  t.deepEqual(targets, ['TLS 192.0.2.1 5061', 'TLS 2001:db8::1 5061']);
});

test('RFC 3263 §4: maddr is the target, whatever host the URI names', async (t) => {
  const [targets, asked] = await resolved('sip:a@nowhere.example;maddr=example.com', { addresses });
  t.deepEqual(targets, ['UDP 192.0.2.1 5060', 'UDP 2001:db8::1 5060']);
  t.true(asked.every((question) => !question.includes('nowhere')));
});

test('RFC 2782: three servers of weights 1, 2 and 7 come first in these shares, and each comes in turn', (t) => {
  const random = new SeededRandom(11);
  const records = [srv('a', 1, 0, 1), srv('b', 2, 0, 2), srv('c', 3, 0, 7)];
  const first = new Map<string, number>();
  for (let i = 0; i < 10_000; i++) {
    const ordered = orderSrv(records, random);
    t.is(new Set(ordered).size, 3);
    const { target } = ordered[0]!;
    first.set(target, (first.get(target) ?? 0) + 1);
  }
  const share = (target: string) => (first.get(target) ?? 0) / 10_000;
  for (const [target, expected] of Object.entries({ a: 0.1, b: 0.2, c: 0.7 })) {
    t.true(Math.abs(share(target) - expected) < 0.02, `${target}: ${share(target)}`);
  }
});
