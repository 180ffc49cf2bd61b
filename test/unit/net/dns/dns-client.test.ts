import test from 'ava';
import { type Answer, decode, encode, RECURSION_DESIRED } from 'dns-packet';
import { type DnsQuestion, decodeReply } from '../../../../src/net/dns/dns-message.ts';
import { addressRecord, naptrRecord, srvRecord } from '../../../support/name-server.ts';
import { simulatedDns } from '../../../support/simulated-dns.ts';

const HOST = 'sip1.other.test';
const question: DnsQuestion = { name: HOST, type: 'A' };
const records = [addressRecord(HOST, '192.0.2.7')];

test('RFC 2782, RFC 3403 §4: SRV and NAPTR records with all that they say', async (t) => {
  const { clock, client } = await simulatedDns([
    srvRecord('_sip._udp.other.test', HOST, 5070, { priority: 20, weight: 7 }),
    naptrRecord('other.test', 50, 'SIP+D2U', '_sip._udp.other.test'),
  ]);
  const srv = await clock.runUntil(client.ask({ name: '_sip._udp.other.test', type: 'SRV' }));
  t.like(srv.answers[0], { ttl: 60, srv: { priority: 20, weight: 7, port: 5070, target: HOST } });
  const naptr = await clock.runUntil(client.ask({ name: 'other.test', type: 'NAPTR' }));
  t.like(naptr.answers[0], {
    naptr: { order: 50, preference: 0, flags: 's', service: 'SIP+D2U', replacement: '_sip._udp.other.test' },
  });
});

test('a silent server is followed by the next after a second, and is not asked first the next time', async (t) => {
  const { clock, client, servers } = await simulatedDns(records, 3);
  servers[0]!.fault = 'silent';
  const begin = clock.monotonic();
  t.is((await clock.runUntil(client.ask(question))).answers.length, 1);
  const took = clock.monotonic() - begin;
  t.true(took > 1_000 && took < 1_200, `${took} ms`);
  const again = clock.monotonic();
  t.is((await clock.runUntil(client.ask(question))).answers.length, 1);
  t.true(clock.monotonic() - again < 100);
});

test('a server that fails is followed by the next at once', async (t) => {
  const { clock, client, servers } = await simulatedDns(records, 3);
  servers[0]!.fault = 'SERVFAIL';
  servers[1]!.fault = 'REFUSED';
  const begin = clock.monotonic();
  t.is((await clock.runUntil(client.ask(question))).answers.length, 1);
  t.true(clock.monotonic() - begin < 300);
});

test('a question that is lost is asked again, and the first answer counts', async (t) => {
  const { clock, network, client, server } = await simulatedDns(records);
  network.silence(server.address.host);
  const asking = client.ask(question);
  await clock.advance(500);
  network.heal();
  t.is((await clock.runUntil(asking)).answers.length, 1);
  t.deepEqual(server.asked, [`A ${HOST}`]);
});

test('nobody waits longer than 3 s, and nothing is left behind', async (t) => {
  const { clock, client, servers } = await simulatedDns(records, 2);
  for (const server of servers) server.fault = 'silent';
  const begin = clock.monotonic();
  await t.throwsAsync(clock.runUntil(client.ask(question)), {
    code: 'dns-failed',
    message: /sip1\.other\.test/,
  });
  t.is(clock.monotonic() - begin, 3_000);
  await clock.advance(1_000);
  t.is(clock.pendingTimers, 0);
});

test('without a name server there is an error, not a wait', async (t) => {
  const { clock, client } = await simulatedDns(records, 0);
  const begin = clock.monotonic();
  await t.throwsAsync(clock.runUntil(client.ask(question)), { code: 'dns-failed' });
  t.is(clock.monotonic(), begin);
});

test('RFC 7766 §5: what does not fit into a datagram is fetched over TCP', async (t) => {
  const many = Array.from({ length: 20 }, (_, i) => addressRecord(HOST, `192.0.2.${i + 1}`));
  const { clock, client, server } = await simulatedDns(many);
  server.datagramBytes = 100;
  t.is((await clock.runUntil(client.ask(question))).answers.length, 20);
  t.is(server.streams, 1);
});

test('RFC 6891 §6.2.3, §7: larger datagrams are welcome; a server that knows no EDNS is asked without it', async (t) => {
  const { clock, client, server } = await simulatedDns(records);
  server.knowsEdns = false;
  t.is((await clock.runUntil(client.ask(question))).answers.length, 1);
  t.is(server.asked.length, 2);
});

test('RFC 5452 §9: an answer counts only from the server, with our id, to our question', async (t) => {
  const { clock, network, client, server } = await simulatedDns(records);
  server.fault = 'silent';
  const liar = network.host('198.51.100.66');
  const lie = addressRecord(HOST, '198.51.100.66');
  const socket = await liar.bindDatagram({ host: '198.51.100.66', port: 53 }, { onDatagram() {} });
  // The server itself is made to say wrong things, on its own port.
  const forge = (query: Buffer, change: { id?: number; name?: string; type?: 'query' }) => {
    const { id = 0 } = decode(query);
    const questions: { name: string; type: 'A' }[] = [{ name: change.name ?? HOST, type: 'A' }];
    const answers: Answer[] = [lie];
    return encode({
      type: change.type ?? 'response',
      id: change.id ?? id,
      questions,
      answers,
      flags: RECURSION_DESIRED,
    });
  };
  await server.close();
  const own = await network.host(server.address.host).bindDatagram(server.address, {
    onDatagram(query, from) {
      const { id = 0 } = decode(query);
      socket.send(forge(query, {}), from);
      own.send(forge(query, { id: id ^ 1 }), from);
      own.send(forge(query, { name: 'else.test' }), from);
      own.send(forge(query, { type: 'query' }), from);
      own.send(Buffer.from('not DNS'), from);
      own.send(query.subarray(0, 11), from);
    },
  });
  await t.throwsAsync(clock.runUntil(client.ask(question)), { code: 'dns-failed' });
});

test('RFC 1035 §4.1: no part of a reply is taken for a whole one', (t) => {
  const name = '_sip._udp.other.test';
  const questions = [{ name, type: 'SRV' as const }];
  const answers = [naptrRecord(name, 1, 'SIP+D2U', 'a.test'), srvRecord(name, HOST, 5060), ...records];
  const whole = encode({ type: 'response', id: 7, questions, answers });
  t.is(decodeReply(whole, 7, { name, type: 'SRV' })?.answers.length, 3);
  for (let length = 0; length < whole.length; length++) {
    t.is(decodeReply(whole.subarray(0, length), 7, { name, type: 'SRV' }), undefined, `${length} bytes`);
  }
});
