import { eventually } from '../support/wait.ts';
import { behaviour } from './behaviour.ts';
import { call } from './edge.ts';
import { parameter } from './message.ts';
import { gatewayOfFile } from './wire.ts';

// The gateway's own process, real sockets and real time: what a simulated network cannot show.

const wire = gatewayOfFile();

behaviour('RFC 3261 §13: a call between two UDP phones, from REGISTER to BYE', async (t) => {
  const [alice, bob] = [await wire.registered(t, 'a1'), await wire.registered(t, 'b1')];
  const { hers } = await call(alice, bob);
  alice.sendIn(hers, 'BYE');
  bob.answer(await bob.expect('BYE'), 200);
  t.is((await alice.expect(200)).method, 'BYE');
});

behaviour('RFC 3261 §13: a call between a TCP and a UDP phone, hung up by either', async (t) => {
  const alice = await wire.registered(t, 'a2', { transport: 'TCP' });
  const bob = await wire.registered(t, 'b2');
  for (const [caller, callee] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    const { his } = await call(caller, callee);
    callee.sendIn(his, 'BYE');
    caller.answer(await caller.expect('BYE'), 200);
    t.is((await callee.expect(200)).method, 'BYE');
  }
});

behaviour(
  'RFC 3261 §9: a forked call, taken at one phone, ends at the other by a CANCEL that says so',
  async (t) => {
    const alice = await wire.registered(t, 'a3');
    const [one, two] = [await wire.registered(t, 'b3'), await wire.registered(t, 'b3', { transport: 'TCP' })];
    alice.invite(one);
    one.answer(await one.expect('INVITE'), 180);
    two.answer(await two.expect('INVITE'), 200);
    await alice.expect(180);
    await alice.expect(200);
    t.regex((await one.expect('CANCEL')).header('Reason'), /cause=200/);
  },
);

behaviour(
  'RFC 3261 §17.1.1.2: an INVITE that is not answered goes again after about 0.5 and 1.5 s of real time',
  async (t) => {
    const [alice, bob] = [await wire.registered(t, 'a4'), await wire.registered(t, 'b4')];
    alice.invite(bob);
    const invite = await bob.expect('INVITE');
    await eventually('the third INVITE', 10_000, () => bob.timesOf(invite).length >= 3);
    const [, first, second] = bob.timesOf(invite);
    t.true(first! > 450 && second! > 1_450, `${first} ${second}`);
    bob.answer(invite, 486);
  },
);

behaviour('RFC 3581 §4: the kernel’s source port is what rport says', async (t) => {
  const alice = await wire.phone(t, 'a5');
  const { text } = alice.request('OPTIONS', 'sip:example.org');
  alice.write(text.replace(/127\.0\.0\.1:\d+;branch/, '10.1.2.3:5060;rport;branch'));
  const via = (await alice.expect(200)).header('Via');
  t.deepEqual([parameter(via, 'rport'), parameter(via, 'received')], [String(alice.port), '127.0.0.1']);
});

behaviour(
  'RFC 3261 §18.3: many requests in one write on a TCP connection are answered one by one',
  async (t) => {
    const alice = await wire.phone(t, 'a6', { transport: 'TCP' });
    const requests = Array.from({ length: 20 }, () =>
      alice.request('OPTIONS', 'sip:example.org', { body: 'x' }),
    );
    alice.write(requests.map(({ text }) => text).join(''));
    const branches = new Set<string>();
    while (branches.size < requests.length) branches.add((await alice.expect(200)).branch);
    t.deepEqual([...branches].toSorted(), requests.map(({ branch }) => branch).toSorted());
  },
);

behaviour('RFC 3261 §18.1.1: the largest datagram passes, and is not cut', async (t) => {
  const [alice, bob] = [await wire.registered(t, 'a7'), await wire.registered(t, 'b7')];
  const body = `v=0\r\n${'a=x\r\n'.repeat(12_000)}`;
  alice.invite(bob, { body });
  const invite = await bob.expect('INVITE');
  t.is(invite.body.length, body.length);
  bob.answer(invite, 486);
});

behaviour('RFC 3261 §18.1.1: a body of 60 kB passes from a TCP phone to another', async (t) => {
  const alice = await wire.registered(t, 'a8', { transport: 'TCP' });
  const bob = await wire.registered(t, 'b8', { transport: 'TCP' });
  const body = 'x'.repeat(60_000);
  alice.send('MESSAGE', bob.aor, { body });
  const message = await bob.expect('MESSAGE');
  t.is(message.body, body);
  bob.answer(message, 200);
  await alice.expect(200);
});

behaviour(
  'RFC 3261 §18.2.2: the answer to a request whose TCP connection is gone comes over a new one',
  async (t) => {
    const bob = await wire.registered(t, 'b9');
    const alice = await wire.phone(t, 'a9', { transport: 'TCP' });
    await alice.listen(0);
    alice.invite(bob);
    const copy = await bob.expect('INVITE');
    alice.disconnect();
    const answer = bob.answer(copy, 200);
    // Again until somebody acknowledges it (§13.3.1.4): the first may have gone into the dead connection.
    const isAnswered = () => alice.arrivals.some(({ message }) => message.status === 200);
    for (let times = 0; times < 40 && !isAnswered(); times += 1) {
      await bob.expectNothing(250);
      bob.write(answer.text);
    }
    t.is((await alice.expect(200)).method, 'INVITE');
  },
);

behaviour(
  'RFC 3261 §18.1.1: a large request to a server that listens on UDP alone falls back to it at once',
  async (t) => {
    const alice = await wire.registered(t, 'a10');
    const server = await wire.phone(t, 'server');
    alice.invite(`sip:x@${server.sentBy}`, { body: 'x'.repeat(2_000) });
    const invite = await server.expect('INVITE');
    t.regex(invite.header('Via'), /^SIP\/2\.0\/UDP /);
    server.answer(invite, 486);
  },
);

behaviour('RFC 3261 §16.9: a TCP server that refuses the connection is 500 at once', async (t) => {
  const alice = await wire.registered(t, 'a11');
  const gone = await wire.phone(t, 'gone');
  await gone.listen(0);
  await gone.close();
  alice.invite(`sip:x@${gone.sentBy};transport=tcp`);
  t.is((await alice.expect(500)).method, 'INVITE');
});

behaviour('RFC 5626 §3.5.1: keepalives over TCP and UDP, and STUN, reach nobody else', async (t) => {
  const tcp = await wire.registered(t, 'a12', { transport: 'TCP' });
  const udp = await wire.registered(t, 'b12');
  tcp.write('\r\n\r\n');
  await tcp.expect('');
  udp.write('\r\n\r\n');
  udp.write(`\0\x01\0\0\x21\x12\xa4\x42${'t'.repeat(12)}`);
  await udp.expect('');
  await tcp.expectNothing(100);
  t.is(udp.arrivals.length, 2, 'a 200 to REGISTER and the answer to STUN');
});

behaviour('RFC 3261 §18.3: half a request, and the end of its connection, harm nobody', async (t) => {
  const alice = await wire.phone(t, 'a13', { transport: 'TCP' });
  alice.write(alice.request('OPTIONS', 'sip:example.org').text.slice(0, 100));
  alice.disconnect();
  await alice.connect();
  alice.send('OPTIONS', 'sip:example.org');
  t.is((await alice.expect(200)).method, 'OPTIONS');
});

behaviour('RFC 3261 §7.5: noise on the UDP port is dropped, and the next request served', async (t) => {
  const alice = await wire.phone(t, 'a14');
  for (const noise of ['\0', '\xff'.repeat(500), 'INVITE', 'SIP/2.0 200 OK\r\n\r\n', '\r\n\r\nx'])
    alice.write(noise);
  alice.send('OPTIONS', 'sip:example.org');
  t.is((await alice.expect(200)).method, 'OPTIONS');
  t.is(alice.arrivals.length, 1);
});
