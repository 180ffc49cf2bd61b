import type { ExecutionContext } from 'ava';
import { behaviour } from './behaviour.ts';
import { Edge } from './edge.ts';

const DOMAIN = 'elsewhere.example';
const HOSTS = ['198.51.100.1', '198.51.100.2'] as const;

/** Alice’s phone at an edge, and two servers, first.example and second.example, that listen on UDP port 5060. */
async function world(t: ExecutionContext) {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  edge.names.hosts.set('first.example', [HOSTS[0]]).set('second.example', [HOSTS[1]]);
  const first = await edge.phone('first', { host: HOSTS[0] });
  const second = await edge.phone('second', { host: HOSTS[1] });
  return { edge, alice, first, second };
}

/** SRV records of the domain: the first server, and the second if that fails. */
function firstThenSecond({ names }: Edge, service: string, port = 5060): void {
  const record = (target: string, priority: number) => ({ target, port, priority, weight: 0 });
  names.services.set(`${service}.${DOMAIN}`, [record('second.example', 20), record('first.example', 10)]);
}

behaviour(
  'RFC 3263 §4.2: a name without SRV records is called at its address, port 5060, by UDP',
  async (t) => {
    const { edge, alice, first } = await world(t);
    edge.names.hosts.set(DOMAIN, [HOSTS[0]]);
    alice.invite(`sip:dave@${DOMAIN}`);
    t.is((await first.expect('INVITE')).uri, `sip:dave@${DOMAIN}`);
  },
);

behaviour('RFC 3263 §4.2: a name with a port is called there, whatever its SRV records say', async (t) => {
  const { edge, alice, first } = await world(t);
  firstThenSecond(edge, '_sip._udp');
  edge.names.hosts.set(DOMAIN, [HOSTS[0]]);
  const other = await edge.phone('other', { host: HOSTS[0], port: 5099 });
  alice.invite(`sip:dave@${DOMAIN}:5099`);
  t.is((await other.expect('INVITE')).uri, `sip:dave@${DOMAIN}:5099`);
  await first.expectNothing();
});

behaviour('RFC 3263 §4.2: of SRV records the lowest priority number is called first', async (t) => {
  const { edge, alice, first, second } = await world(t);
  firstThenSecond(edge, '_sip._udp');
  alice.invite(`sip:dave@${DOMAIN}`);
  t.is((await first.expect('INVITE')).uri, `sip:dave@${DOMAIN}`);
  await second.expectNothing();
});

behaviour('RFC 3263 §4.1: NAPTR says which transport: TCP before UDP here', async (t) => {
  const { edge, alice, first } = await world(t);
  firstThenSecond(edge, '_sip._udp');
  firstThenSecond(edge, '_sip._tcp', 5070);
  const pointer = (order: number, transport: string) => ({
    ...{ order, preference: 10, flags: 's', service: `SIP+D2${transport[0]!.toUpperCase()}` },
    replacement: `_sip._${transport}.${DOMAIN}`,
  });
  edge.names.pointers.set(DOMAIN, [pointer(20, 'udp'), pointer(10, 'tcp')]);
  await first.listen(5070);
  alice.invite(`sip:dave@${DOMAIN}`);
  t.regex((await first.expect('INVITE')).header('Via'), /^SIP\/2\.0\/TCP /);
});

behaviour('RFC 3263 §4.1: transport in the URI decides without NAPTR', async (t) => {
  const { edge, alice, first } = await world(t);
  firstThenSecond(edge, '_sip._udp');
  firstThenSecond(edge, '_sip._tcp', 5070);
  await first.listen(5070);
  alice.invite(`sip:dave@${DOMAIN};transport=tcp`);
  t.regex((await first.expect('INVITE')).header('Via'), /^SIP\/2\.0\/TCP /);
});

behaviour('RFC 3263 §4.3: a server that answers 503 is passed over for the next one', async (t) => {
  const { edge, alice, first, second } = await world(t);
  firstThenSecond(edge, '_sip._udp');
  alice.invite(`sip:dave@${DOMAIN}`);
  first.answer(await first.expect('INVITE'), 503);
  second.answer(await second.expect('INVITE'), 200);
  t.is((await alice.expect(200)).uriIn('Contact'), second.contact);
});

behaviour('RFC 3263 §4.3: each try is a request of its own: another branch, the same Call-ID', async (t) => {
  const { edge, alice, first, second } = await world(t);
  firstThenSecond(edge, '_sip._udp');
  alice.invite(`sip:dave@${DOMAIN}`);
  const tried = await first.expect('INVITE');
  first.answer(tried, 503);
  const again = await second.expect('INVITE');
  t.not(again.branch, tried.branch);
  t.deepEqual([again.header('Call-ID'), again.list('Via').length], [tried.header('Call-ID'), 2]);
});

behaviour('RFC 3263 §4.3: a server that fails otherwise has answered: no other one is asked', async (t) => {
  const { edge, alice, first, second } = await world(t);
  firstThenSecond(edge, '_sip._udp');
  alice.invite(`sip:dave@${DOMAIN}`);
  first.answer(await first.expect('INVITE'), 500);
  t.is((await alice.expect(500)).method, 'INVITE');
  await second.expectNothing();
});

behaviour(
  'RFC 3263 §4.3: a TCP server that refuses the connection is passed over for the next one',
  async (t) => {
    const { edge, alice, second } = await world(t);
    firstThenSecond(edge, '_sip._tcp', 5070);
    await second.listen(5070);
    alice.invite(`sip:dave@${DOMAIN};transport=tcp`);
    t.is((await second.expect('INVITE')).uri, `sip:dave@${DOMAIN};transport=tcp`);
  },
);

behaviour('RFC 3263 §4.3: a CANCEL goes to the server that has the call now', async (t) => {
  const { edge, alice, first, second } = await world(t);
  firstThenSecond(edge, '_sip._udp');
  const invite = alice.invite(`sip:dave@${DOMAIN}`);
  first.answer(await first.expect('INVITE'), 503);
  await first.expect('ACK');
  const taken = await second.expect('INVITE');
  second.answer(taken, 180);
  await alice.expect(180);
  alice.cancel(invite);
  t.is((await second.expect('CANCEL')).branch, taken.branch);
  await first.expectNothing();
});

behaviour('RFC 3261 §21.5.5: a domain whose name servers say nothing is 504', async (t) => {
  const { edge, alice } = await world(t);
  edge.names.silent = true;
  alice.invite(`sip:dave@${DOMAIN}`);
  t.is((await alice.expect(504, 20_000)).method, 'INVITE');
});

behaviour('RFC 3261 §21.4.5: a domain that does not exist is 404', async (t) => {
  const { alice } = await world(t);
  alice.invite(`sip:dave@${DOMAIN}`);
  t.is((await alice.expect(404)).method, 'INVITE');
});

behaviour(
  'RFC 3261 §12.2.1.1: what follows in the dialog goes where the Contact says, not where the INVITE went',
  async (t) => {
    const { edge, alice, first } = await world(t);
    firstThenSecond(edge, '_sip._udp');
    const invite = alice.invite(`sip:dave@${DOMAIN}`);
    const phone = await edge.phone('dave', { host: '198.51.100.77' });
    first.answer(await first.expect('INVITE'), 200, { headers: { Contact: `<${phone.contact}>` } });
    alice.ack(invite, await alice.expect(200));
    t.is((await phone.expect('ACK')).uri, phone.contact);
  },
);
