import test from 'ava';
import fc from 'fast-check';
import { CodedError } from '../../../../src/base/index.ts';
import { decodeDns, encodeDns } from '../../../../src/reload/discovery/dns-message.ts';
import { announcementOf, answerTo, legacyAnswer } from '../../../../src/reload/discovery/responder.ts';
import {
  isConnectable,
  peersIn,
  recordsOf,
  subtypeOf,
} from '../../../../src/reload/discovery/service-records.ts';

const OVERLAY = 'example.org';
const peer = {
  overlay: OVERLAY,
  nodeId: '0a'.repeat(16),
  addresses: [
    { host: '192.0.2.7', port: 6084 },
    { host: '2001:db8::7', port: 6084 },
    { host: '192.0.2.7', port: 7000 },
  ],
};
const records = recordsOf(peer);
const ask = (name: string, type: 'PTR' | 'SRV' | 'TXT' | 'A' | 'ANY' = 'PTR') =>
  ({ id: 0, isResponse: false, questions: [{ name, type }], answers: [], additionals: [] }) as const;

test('A23: a peer, announced and read back, with an address and port each', (t) => {
  const bytes = encodeDns(announcementOf(records), ['PTR']);
  t.true(bytes.length < 1_200, `${bytes.length} bytes`);
  t.deepEqual(peersIn(decodeDns(bytes), OVERLAY), [{ nodeId: peer.nodeId, addresses: peer.addresses }]);
  t.deepEqual(peersIn(decodeDns(bytes), 'EXAMPLE.org').length, 1);
  t.deepEqual(peersIn(decodeDns(bytes), 'other.example'), []);
  const gone = decodeDns(encodeDns(announcementOf(records, true), ['PTR']));
  t.deepEqual(peersIn(gone, OVERLAY), [{ nodeId: peer.nodeId, addresses: [] }]);
});

test('A23: a browse of the service, of the overlay, and of all services finds it; other names do not', (t) => {
  const types = (name: string, type: Parameters<typeof ask>[1] = 'PTR') =>
    answerTo(ask(name, type), records)?.answers.map((answer) => answer.type);
  t.deepEqual(types('_reload-config._tcp.local'), ['PTR']);
  t.deepEqual(types(subtypeOf(OVERLAY)), ['PTR']);
  t.deepEqual(types('_services._dns-sd._udp.local'), ['PTR']);
  const instance = `${peer.nodeId}._reload-config._tcp.local`;
  t.deepEqual(types(instance, 'ANY'), ['TXT', 'SRV', 'SRV']);
  t.deepEqual(types(instance, 'SRV'), ['SRV', 'SRV']);
  t.deepEqual(types(`${peer.nodeId}-6084.local`, 'A'), ['A']);
  t.is(types(subtypeOf('other.example')), undefined);
  t.is(types('_http._tcp.local'), undefined);
  // With the pointer comes what would be asked for next.
  const whole = answerTo(ask('_reload-config._tcp.local'), records)!;
  t.is(whole.additionals.length, records.own.length);
});

test('A23: what the asker knows is not answered again (RFC 6762 §7.1), unless half of its life is over', (t) => {
  const [service] = records.pointers;
  const knowing = (ttl: number) => ({ ...ask('_reload-config._tcp.local'), answers: [{ ...service!, ttl }] });
  t.is(answerTo(knowing(4_500), records), undefined);
  t.not(answerTo(knowing(2_000), records), undefined);
});

test('A23: an ordinary resolver is answered with its id and question, and lifetimes of 10 s', (t) => {
  const query = { ...ask('_reload-config._tcp.local'), id: 77 };
  const answer = decodeDns(encodeDns(legacyAnswer(query, answerTo(query, records)!)));
  t.is(answer.id, 77);
  t.deepEqual(answer.questions, query.questions);
  t.true([...answer.answers, ...answer.additionals].every(({ ttl }) => ttl <= 10));
});

test('A23: each prefix of a message, and a message too long, fails cleanly', (t) => {
  const bytes = encodeDns(announcementOf(records), ['PTR']);
  for (let length = 0; length < bytes.length; length++) {
    const prefix = bytes.subarray(0, length);
    try {
      decodeDns(prefix);
    } catch (error) {
      t.is((error as CodedError).code, 'dns-malformed');
    }
  }
  t.throws(() => decodeDns(Buffer.alloc(5_000)), { code: 'dns-malformed' });
});

test('A23: random bytes, and messages with random changes, are read or refused, in bounded time', (t) => {
  const bytes = encodeDns(announcementOf(records), ['PTR']);
  const isHandled = (data: Uint8Array) => {
    try {
      const message = decodeDns(data);
      peersIn(message, OVERLAY);
      answerTo(message, records);
      return true;
    } catch (error) {
      return error instanceof CodedError && error.code === 'dns-malformed';
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), isHandled));
  const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
      const changed = Uint8Array.from(bytes);
      for (const [at, value] of changes) changed[at] = value;
      return isHandled(changed);
    }),
    { numRuns: 500 },
  );
  // Pointers to pointers, each one step back: the dearest a decoder can be asked for.
  const chain = Buffer.alloc(4_000);
  chain.writeUInt16BE(60, 4);
  for (let at = 14; at + 1 < chain.length; at += 2) chain.writeUInt16BE(0xc000 | (at - 2), at);
  const began = performance.now();
  t.true(isHandled(chain));
  t.true(performance.now() - began < 500);
});

test('A23: a message that names one peer, its services and addresses over and over costs little and tells of one', (t) => {
  let reads = 0;
  const name = `${peer.nodeId}._reload-config._tcp.local`;
  const address = (n: number) => ({
    ...{ name: 'x.local', ttl: 120, type: 'A' as const },
    get host() {
      reads++;
      return `10.0.0.${n}`;
    },
  });
  const message = {
    ...{ id: 0, isResponse: true, questions: [] },
    answers: Array.from({ length: 256 }, (_, n) =>
      n % 16 === 0
        ? { ...records.own[0]!, name }
        : { name, ttl: 120, type: 'SRV' as const, target: 'x.local', port: n },
    ),
    additionals: Array.from({ length: 256 }, (_, n) => address(n)),
  };
  const found = peersIn(message, OVERLAY);
  t.is(found.length, 1);
  t.is(found[0]?.addresses.length, 8);
  t.true(reads <= 8 * 256, `${reads} addresses were looked at`);
});

test('A21: addresses that mean nothing elsewhere are not connected to', (t) => {
  const own = [{ host: '192.0.2.1', port: 6084 }];
  const connectable = (host: string, ours = own) => isConnectable({ host, port: 6084 }, ours);
  t.true(connectable('192.0.2.9'));
  t.true(connectable('2001:db8::9'));
  t.true(connectable('169.254.1.2'));
  for (const host of [
    '127.0.0.1',
    '::1',
    '0.0.0.0',
    '::',
    '224.0.0.251',
    'ff02::1',
    'fe80::1',
    '::ffff:7f00:1',
  ]) {
    t.false(connectable(host), host);
  }
  t.true(connectable('127.0.0.1', [{ host: '127.0.0.1', port: 1 }]));
});
