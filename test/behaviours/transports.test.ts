import { behaviour } from './behaviour.ts';
import { aliceAndBob, call, EDGE, Edge } from './edge.ts';
import { parameter } from './message.ts';

behaviour('RFC 3261 §18.2.1: a Via that names another address than the source gets received', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const request = alice.request('INVITE', bob.aor).text.replace(alice.sentBy, 'alice.example.net:5060');
  alice.write(request);
  const copy = await bob.expect('INVITE');
  t.is(`${parameter(copy.list('Via')[1]!, 'received')}:5060`, alice.sentBy);
});

behaviour('RFC 3261 §18.2.1: a Via that names the source gets no received', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const invite = alice.invite(bob);
  t.is((await bob.expect('INVITE')).list('Via')[1], invite.header('Via'));
});

behaviour('RFC 3581 §4: rport gets the source port, and received the source address', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.registered('bob');
  const alice = await edge.phone('alice', { port: 40_000, believes: '10.0.0.7' });
  const request = alice.request('INVITE', bob.aor).text.replace(';branch=', ';rport;branch=');
  alice.write(request.replace('10.0.0.7:40000', '10.0.0.7:5060'));
  const via = (await bob.expect('INVITE')).list('Via')[1]!;
  t.deepEqual([parameter(via, 'rport'), parameter(via, 'received')], ['40000', '192.0.2.11']);
});

behaviour(
  'RFC 3581 §4: with rport the answer comes to the source port, without it to the Via’s',
  async (t) => {
    const edge = await Edge.start(t);
    const phone = await edge.phone('alice', { host: '192.0.2.50', port: 40_000 });
    const behind = await edge.phone('alice', { host: '192.0.2.50', port: 5060 });
    const { text } = phone.request('OPTIONS', 'sip:example.org');
    const asking = text.replace('192.0.2.50:40000', '192.0.2.50:5060');
    phone.write(asking.replace(';branch=', ';rport;branch='));
    await phone.expect(200);
    phone.write(asking.replace(/branch=[^;\r]+/, 'branch=z9hG4bKother'));
    await behind.expect(200);
  },
);

behaviour('RFC 3261 §18.2.2: without rport and port in the Via the answer comes to port 5060', async (t) => {
  const edge = await Edge.start(t);
  const phone = await edge.phone('alice', { host: '192.0.2.50', port: 40_000 });
  const standard = await edge.phone('alice', { host: '192.0.2.50' });
  phone.write(phone.request('OPTIONS', 'sip:example.org').text.replace('192.0.2.50:40000', '192.0.2.50'));
  t.is((await standard.expect(200)).method, 'OPTIONS');
});

behaviour('RFC 3261 §18.2.2: maddr in a Via does not send our answers to third parties', async (t) => {
  const edge = await Edge.start(t);
  const victim = await edge.phone('victim', { host: '198.51.100.4' });
  const phone = await edge.phone('alice');
  phone.write(
    phone.request('OPTIONS', 'sip:example.org').text.replace(';branch=', ';maddr=198.51.100.4;branch='),
  );
  await phone.expect(200);
  await victim.expectNothing();
});

behaviour('RFC 3261 §18.2.2: received and rport that a client wrote itself are overwritten', async (t) => {
  const edge = await Edge.start(t);
  const victim = await edge.phone('victim', { host: '198.51.100.4', port: 9 });
  const phone = await edge.phone('alice');
  const { text } = phone.request('OPTIONS', 'sip:example.org');
  phone.write(text.replace(';branch=', ';received=198.51.100.4;rport=9;branch='));
  t.is(parameter((await phone.expect(200)).header('Via'), 'rport'), '5060');
  await victim.expectNothing();
});

behaviour(
  'RFC 3261 §18.1.1: our own Via names the address and transport that we send from, and asks for rport over UDP',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice');
    for (const [transport, sentBy] of [
      ['UDP', `${EDGE}:5060;rport`],
      ['TCP', `${EDGE}:5060`],
    ] as const) {
      const bob = await edge.registered('bob', { transport });
      await bob.register();
      alice.invite(bob);
      const via = (await bob.expect('INVITE')).header('Via');
      t.true(via.startsWith(`SIP/2.0/${transport} ${sentBy};branch=z9hG4bK`), via);
      await bob.register({ expires: 0 });
    }
  },
);

behaviour('RFC 3261 §18.2.2: over TCP an answer takes the connection of its request', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.registered('bob');
  const alice = await edge.registered('alice', { transport: 'TCP' });
  const { connections } = edge.network.totals;
  alice.invite(bob);
  bob.answer(await bob.expect('INVITE'), 486);
  await alice.expect(486);
  t.is(edge.network.totals.connections, connections);
});

behaviour(
  'RFC 3261 §18.2.2: when that connection is gone a new one is opened to the Via’s port',
  async (t) => {
    const edge = await Edge.start(t);
    const bob = await edge.registered('bob');
    const alice = await edge.phone('alice', { transport: 'TCP' });
    await alice.listen(5060);
    alice.invite(bob);
    const copy = await bob.expect('INVITE');
    alice.disconnect();
    await edge.pass(10);
    bob.answer(copy, 200);
    t.is((await alice.expect(200)).method, 'INVITE');
  },
);

behaviour('RFC 3261 §18.3: several requests in one TCP segment are several requests', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.phone('alice', { transport: 'TCP' });
  const requests = [1, 2, 3].map(() => alice.request('OPTIONS', 'sip:example.org', { body: 'x\r\n\r\ny' }));
  alice.write(requests.map(({ text }) => text).join(''));
  for (const { branch } of requests) t.is((await alice.expect(200)).branch, branch);
});

behaviour('RFC 3261 §18.3: a request may come in pieces of an octet each', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.phone('alice', { transport: 'TCP' });
  for (const octet of alice.request('OPTIONS', 'sip:example.org', { body: 'abc' }).text) alice.write(octet);
  t.is((await alice.expect(200)).method, 'OPTIONS');
});

behaviour(
  'RFC 3261 §20.14: a request over TCP without Content-Length is 400, and the connection is closed',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.phone('alice', { transport: 'TCP' });
    const { text } = alice.request('OPTIONS', 'sip:example.org', {
      headers: { 'Content-Length': undefined },
    });
    alice.write(text);
    await alice.expect(400);
    await edge.pass(1_000);
    t.true(alice.isClosed);
  },
);

behaviour('RFC 5626 §3.5.1: over TCP a double line break is answered by a single one', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.phone('alice', { transport: 'TCP' });
  alice.write('\r\n\r\n');
  await edge.pass(10);
  t.deepEqual(
    alice.arrivals.map(({ message }) => message.text),
    ['\r\n'],
  );
});

behaviour('RFC 5626 §3.5.1: a double line break in the middle of a message is part of it', async (t) => {
  const edge = await Edge.start(t);
  const bob = await edge.registered('bob');
  const alice = await edge.registered('alice', { transport: 'TCP' });
  alice.invite(bob, { body: 'a\r\n\r\nb' });
  t.is((await bob.expect('INVITE')).body, 'a\r\n\r\nb');
  await alice.expectNothing(100);
});

behaviour(
  'RFC 5626 §3.5.2: a STUN binding request on the SIP port is answered with the source address',
  async (t) => {
    const edge = await Edge.start(t);
    const phone = await edge.phone('alice');
    const transaction = 'abcdefghijkl';
    phone.write(`\0\x01\0\0\x21\x12\xa4\x42${transaction}`);
    await edge.pass(10);
    const [answer] = phone.arrivals.map(({ message }) => Buffer.from(message.text, 'latin1'));
    t.is(answer?.toString('hex', 0, 2), '0101');
    t.is(answer?.toString('latin1', 8, 20), transaction);
    t.is((answer?.readUInt16BE(26) ?? 0) ^ 0x2112, 5060);
  },
);

behaviour(
  'RFC 5626 §3.5.1: an empty datagram, as phones send to keep a NAT open, is met with silence',
  async (t) => {
    const edge = await Edge.start(t);
    const phone = await edge.phone('alice');
    for (const text of ['\r\n', '\r\n\r\n', '\0\0\0\0']) phone.write(text);
    await phone.expectNothing();
    t.is(phone.arrivals.length, 0);
  },
);

behaviour(
  'RFC 3261 §18.1.1: a request of more than 1,300 octets to another server goes by TCP',
  async (t) => {
    const { edge, alice } = await aliceAndBob(t);
    const server = await edge.phone('server', { host: '198.51.100.4' });
    await server.listen(5060);
    alice.invite('sip:dave@198.51.100.4', { body: 'x'.repeat(1_500) });
    const invite = await server.expect('INVITE');
    t.regex(invite.header('Via'), /^SIP\/2\.0\/TCP /);
  },
);

behaviour('RFC 3261 §18.1.1: where nobody takes TCP there, the large request goes by UDP', async (t) => {
  const { edge, alice } = await aliceAndBob(t);
  const server = await edge.phone('server', { host: '198.51.100.4' });
  alice.invite('sip:dave@198.51.100.4', { body: 'x'.repeat(1_500) });
  t.regex((await server.expect('INVITE', 10_000)).header('Via'), /^SIP\/2\.0\/UDP /);
});

behaviour('RFC 3261 §18.1.1: a phone that registered over UDP gets large requests over UDP', async (t) => {
  const { edge, alice, bob } = await aliceAndBob(t);
  const { connections } = edge.network.totals;
  alice.invite(bob, { body: 'x'.repeat(1_500) });
  await bob.expect('INVITE');
  t.is(edge.network.totals.connections, connections);
});

behaviour('RFC 3261 §18: one connection carries all requests to a TCP phone', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const bob = await edge.registered('bob', { transport: 'TCP' });
  const { connections } = edge.network.totals;
  await call(alice, bob);
  await call(alice, bob);
  t.is(edge.network.totals.connections, connections);
});

behaviour('RFC 3261 §18.4: a TCP phone that lost its connection is called at its Contact', async (t) => {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const bob = await edge.phone('bob', { transport: 'TCP' });
  await bob.listen(5060);
  await bob.register();
  bob.disconnect();
  await edge.pass(10);
  alice.invite(bob);
  t.is((await bob.expect('INVITE')).uri, bob.contact);
});

behaviour('RFC 3261 §18.2.1: a request that came through others keeps their Vias untouched', async (t) => {
  const { alice, bob } = await aliceAndBob(t);
  const below = 'SIP/2.0/UDP 10.9.9.9:5070;rport;received=203.0.113.9;branch=z9hG4bKold';
  const { text } = alice.request('INVITE', bob.aor);
  alice.write(text.replace('\r\nMax-Forwards', `\r\nVia: ${below}\r\nMax-Forwards`));
  t.is((await bob.expect('INVITE')).lines('Via').at(-1), below);
});

behaviour(
  'RFC 3261 §18.1.2: an answer finds its transaction whatever the address it comes from',
  async (t) => {
    const { edge, alice, bob } = await aliceAndBob(t);
    const other = await edge.phone('bob', { host: '192.0.2.99' });
    alice.invite(bob);
    const copy = await bob.expect('INVITE');
    other.answer(copy, 486);
    t.is((await alice.expect(486)).method, 'INVITE');
  },
);

behaviour(
  'RFC 3261 §18: a phone that speaks TCP calls one that speaks UDP, and is called by it',
  async (t) => {
    const edge = await Edge.start(t);
    const alice = await edge.registered('alice', { transport: 'TCP' });
    const bob = await edge.registered('bob');
    t.is((await call(alice, bob)).ok.uriIn('Contact'), bob.contact);
    t.is((await call(bob, alice)).ok.uriIn('Contact'), alice.contact);
  },
);
