import test, { type ExecutionContext } from 'ava';
import { type Address, type Connection, type Network, silentLogger } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { SimulatedNetwork } from '../../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { createResponse } from '../../../../src/sip/message/build.ts';
import { SipRequest } from '../../../../src/sip/message/request.ts';
import type { SipResponse } from '../../../../src/sip/message/response.ts';
import type { OverloadControl } from '../../../../src/sip/overload/overload-control.ts';
import type { Flow } from '../../../../src/sip/transport/flow.ts';
import { SipTransport, type SipTransportOptions } from '../../../../src/sip/transport/sip-transport.ts';
import { SourceGuard } from '../../../../src/sip/transport/source-guard.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';

const US = '10.0.0.1';
const PHONE = '10.0.0.2';

interface Arrival {
  readonly message: SipRequest | SipResponse;
  readonly flow: Flow;
}

/** A transport on 10.0.0.1, and a host beside it that stands for phones. */
function setUp({
  isGuarded = false,
  overload,
  ...options
}: SipTransportOptions & { isGuarded?: boolean; overload?: OverloadControl } = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const simulated = new SimulatedNetwork({ clock, random }, { latencyMs: [1, 1] });
  const network = simulated.host(US);
  const metrics = new CountingMetrics();
  const guard = new SourceGuard({ clock, logger: silentLogger, metrics });
  const deps = { network, clock, random, logger: silentLogger, metrics, overload };
  const transport = new SipTransport(isGuarded ? { ...deps, guard } : deps, options);
  const arrivals: Arrival[] = [];
  transport.setHandler({ onMessage: (message, flow) => arrivals.push({ message, flow }) });
  return { clock, simulated, network, metrics, transport, guard, arrivals, phone: simulated.host(PHONE) };
}

/** A UDP socket that writes down the first line, and the top Via, of what it gets. */
async function udpPhone(network: Network, port: number, host = PHONE) {
  const received: string[] = [];
  const socket = await network.bindDatagram(
    { host, port },
    { onDatagram: (data) => received.push(data.toString()) },
  );
  return { received, send: (text: string, to: Address) => socket.send(Buffer.from(text), to) };
}

/** A connection to the transport that collects what it gets. */
async function streamPhone(clock: VirtualClock, network: Network, to: Address) {
  const connection = await clock.runUntil(network.connect(to));
  const phone = {
    received: '',
    closed: false,
    connection,
    send: (text: string) => connection.send(Buffer.from(text)),
  };
  connection.setHandler({
    onData: (chunk) => {
      phone.received += chunk.toString();
    },
    onClose: () => {
      phone.closed = true;
    },
  });
  return phone;
}

function request(via: string, more = 'Content-Length: 0\r\n'): string {
  return `OPTIONS sip:bob@example.org SIP/2.0\r\nVia: ${via}\r\nMax-Forwards: 70\r\nFrom: <sip:a@example.org>;tag=1\r\nTo: <sip:bob@example.org>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n${more}\r\n`;
}

function only<T>(t: ExecutionContext, items: readonly T[]): T {
  t.is(items.length, 1);
  return items[0]!;
}

test('RFC 3581 §4: a UDP response goes to the source port when asked for, from the socket the request came to', async (t) => {
  const { clock, transport, arrivals, phone } = setUp();
  const listener = await transport.listen({ transport: 'UDP', host: US, port: 5060 });
  t.deepEqual(listener, {
    transport: 'UDP',
    local: { host: US, port: 5060 },
    advertised: { host: US, port: 5060 },
  });
  const natted = await udpPhone(phone, 40_000);
  natted.send(request('SIP/2.0/UDP 192.168.0.7:5060;branch=z9hG4bKa;rport'), listener.local);
  await clock.advance(5);
  const { message, flow } = only(t, arrivals);
  t.true(message instanceof SipRequest);
  t.deepEqual(flow.remote, { host: PHONE, port: 40_000 });
  t.is(flow.listener, listener);
  transport.sendResponse(createResponse(message as SipRequest, 200).encode(), message.topVia, flow);
  await clock.advance(5);
  t.regex(only(t, natted.received), /^SIP\/2.0 200 OK\r\nVia: .*rport=40000.*received=10\.0\.0\.2/);
});

test('RFC 3261 §18.2.2: without rport the response goes to the source address and the port of sent-by', async (t) => {
  const { clock, transport, arrivals, phone } = setUp();
  const { local } = await transport.listen({ transport: 'UDP', host: '0.0.0.0', port: 5060 });
  const source = await udpPhone(phone, 40_000);
  const listening = await udpPhone(phone, 5070);
  source.send(request('SIP/2.0/UDP phone.example:5070;branch=z9hG4bKa'), { host: US, port: local.port });
  await clock.advance(5);
  const { message, flow } = only(t, arrivals);
  transport.sendResponse(createResponse(message as SipRequest, 200).encode(), message.topVia, flow);
  await clock.advance(5);
  t.is(source.received.length, 0);
  t.regex(only(t, listening.received), /received=10\.0\.0\.2/);
});

test('bad input: malformed requests get 400, everything else silence, and each is counted', async (t) => {
  const { clock, transport, arrivals, phone, metrics } = setUp();
  const { local } = await transport.listen({ transport: 'UDP', host: US, port: 5060 });
  const socket = await udpPhone(phone, 5060);
  const via = 'SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKa';
  const good = request(via);
  socket.send('hello', local);
  socket.send('\r\n\r\n', local);
  socket.send('\0', local);
  socket.send(good.slice(0, 60), local);
  socket.send(good, local);
  socket.send(good.replace('Length: 0', 'Length: 10'), local);
  socket.send(good.replace('1 OPTIONS', '1 INVITE'), local);
  socket.send(good.replaceAll('OPTIONS', 'ACK').replace('Length: 0', 'Length: 10'), local);
  socket.send(good.replace('Max-Forwards: 70', `X: ${'x'.repeat(64_500)}`), local);
  socket.send('SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1\r\nContent-Length: 0\r\n\r\n', local);
  await clock.advance(5);
  t.is(arrivals.length, 2, 'the good request, and the one with a head just below 64 kB');
  t.deepEqual(
    socket.received.map((text) => text.split('\r\n')[0]),
    ['SIP/2.0 400 Bad Request', 'SIP/2.0 400 CSeq Method Mismatch'],
  );
  t.true(socket.received.every((text) => /^To: .*;tag=\w+/m.test(text)));
  t.is(metrics.value('sip_malformed_total', { reason: 'not-sip' }), 1);
  t.is(metrics.value('sip_malformed_total', { reason: 'truncated-message' }), 3);
  t.is(metrics.value('sip_malformed_total', { reason: 'invalid-request' }), 1);
  t.is(metrics.value('sip_malformed_total', { reason: 'invalid-response' }), 1);
  t.is(metrics.value('sip_keepalives_received_total'), 2);
});

test('what waits in an overload is handled later, and not at all once the socket is closed', async (t) => {
  const waiting: (() => void)[] = [];
  const overload: Pick<OverloadControl, 'arrived' | 'isActive' | 'receive'> = {
    isActive: true,
    arrived: () => {},
    receive: (_data, _host, handle) => void waiting.push(handle),
  };
  const { clock, transport, arrivals, phone } = setUp({ overload: overload as OverloadControl });
  const { local } = await transport.listen({ transport: 'UDP', host: US, port: 5060 });
  const socket = await phone.bindDatagram({ host: PHONE, port: 5070 }, { onDatagram: () => {} });
  socket.send(Buffer.from(request(`SIP/2.0/UDP ${PHONE}:5070;branch=z9hG4bK1`)), local);
  socket.send(Buffer.from('000100002112a442000102030405060708090a0b', 'hex'), local);
  await clock.advance(5);
  t.is(waiting.length, 2);
  t.is(arrivals.length, 0);
  waiting[0]!();
  t.is(arrivals.length, 1);
  await clock.runUntil(transport.stop());
  t.notThrows(waiting[1]!);
});

test('RFC 5626 §3.5.2: a STUN Binding request on the SIP port is answered with the source address', async (t) => {
  const { clock, transport, phone, metrics } = setUp();
  const { local } = await transport.listen({ transport: 'UDP', host: US, port: 5060 });
  const answers: Buffer[] = [];
  const socket = await phone.bindDatagram(
    { host: PHONE, port: 40_000 },
    { onDatagram: (data) => answers.push(data) },
  );
  const binding = Buffer.from('000100002112a442000102030405060708090a0b', 'hex');
  socket.send(binding, local);
  socket.send(Buffer.concat([Buffer.from([0x01, 0x11]), binding.subarray(2)]), local);
  await clock.advance(5);
  // 10.0.0.2:40000 XOR 2112a442
  t.is(only(t, answers).toString('hex'), '0101000c2112a442000102030405060708090a0b002000080001bd522b12a440');
  t.is(metrics.value('sip_keepalives_received_total'), 2);
});

test('RFC 3261 §8.2.7: the same malformed request gets the same To tag', async (t) => {
  const { clock, transport, phone } = setUp();
  const { local } = await transport.listen({ transport: 'UDP', host: US, port: 5060 });
  const socket = await udpPhone(phone, 5060);
  const bad = request('SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKa').replace('1 OPTIONS', '1 INVITE');
  socket.send(bad, local);
  socket.send(bad, local);
  socket.send(bad.replace('Call-ID: c', 'Call-ID: d'), local);
  await clock.advance(5);
  const tags = socket.received.map((text) => /^To: .*tag=(\w+)/m.exec(text)?.[1]);
  t.is(tags[0], tags[1]);
  t.not(tags[0], tags[2]);
});

test('RFC 3261 §18.2.2: over TCP the response takes the same connection, or a new one when that is gone', async (t) => {
  const { clock, transport, arrivals, phone } = setUp();
  const { local } = await transport.listen({ transport: 'TCP', host: US, port: 5060 });
  const client = await streamPhone(clock, phone, local);
  client.send(request('SIP/2.0/TCP 10.0.0.2:5070;branch=z9hG4bKa'));
  await clock.advance(5);
  const { message, flow } = only(t, arrivals);
  const response = createResponse(message as SipRequest, 200).encode();
  transport.sendResponse(response, message.topVia, flow);
  await clock.advance(5);
  t.regex(client.received, /^SIP\/2.0 200 OK/);

  const accepted: string[] = [];
  await phone.listen({ host: PHONE, port: 5070 }, (connection) => {
    connection.setHandler({ onData: (chunk) => accepted.push(chunk.toString()), onClose() {} });
  });
  client.connection.destroy();
  await clock.advance(5);
  t.false(flow.open);
  transport.sendResponse(response, message.topVia, flow);
  await clock.advance(20);
  t.regex(only(t, accepted), /^SIP\/2.0 200 OK/);
});

test('RFC 5626 §3.5.1: a ping on a stream gets its pong', async (t) => {
  const { clock, transport, phone } = setUp();
  const { local } = await transport.listen({ transport: 'TCP', host: US, port: 5060 });
  const client = await streamPhone(clock, phone, local);
  client.send('\r\n\r\n');
  await clock.advance(5);
  t.is(client.received, '\r\n');
});

test('RFC 3261 §18.3: a stream message without Content-Length gets 400, then the connection is closed', async (t) => {
  const { clock, transport, arrivals, phone } = setUp();
  const { local } = await transport.listen({ transport: 'TCP', host: US, port: 5060 });
  const client = await streamPhone(clock, phone, local);
  client.send(request('SIP/2.0/TCP 10.0.0.2;branch=z9hG4bKa', ''));
  await clock.advance(5);
  t.regex(client.received, /^SIP\/2.0 400 Bad Request/);
  t.true(client.closed);
  t.is(arrivals.length, 0);
});

test('RFC 3261 §18.1.1: one connection to a target is opened, and re-used in both directions', async (t) => {
  const { clock, transport, arrivals, phone } = setUp();
  const connections: Connection[] = [];
  const { local } = await phone.listen({ host: PHONE, port: 5060 }, (connection) => {
    connection.setHandler({ onData() {}, onClose() {} });
    connections.push(connection);
  });
  const target = { transport: 'TCP', address: local } as const;
  const [one, two] = await clock.runUntil(Promise.all([transport.flowTo(target), transport.flowTo(target)]));
  t.is(one, two);
  t.is(transport.flowToSync(target), one);
  await clock.advance(5);
  only(t, connections).send(Buffer.from(request('SIP/2.0/TCP 10.0.0.2;branch=z9hG4bKa')));
  await clock.advance(5);
  t.is(only(t, arrivals).flow, one);
  connections[0]?.destroy();
  await clock.advance(5);
  t.is(transport.flowToSync(target), undefined);
  t.throws(() => one.send(Buffer.from('x')), { code: 'flow-closed' });
});

test('a target that refuses, a transport without socket or certificate: an error with a code', async (t) => {
  const { clock, transport } = setUp();
  const address = { host: PHONE, port: 5060 };
  await t.throwsAsync(clock.runUntil(transport.flowTo({ transport: 'TCP', address })), {
    code: 'connect-failed',
  });
  await t.throwsAsync(transport.flowTo({ transport: 'UDP', address }), { code: 'no-listener' });
  await t.throwsAsync(transport.flowTo({ transport: 'TLS', address }), { code: 'unsupported-transport' });
  await t.throwsAsync(transport.flowTo({ transport: 'WS', address }), { code: 'unsupported-transport' });
  await transport.stop();
  await t.throwsAsync(transport.flowTo({ transport: 'TCP', address }), { code: 'stopped' });
});

test('UDP: the socket of the target’s family and reach sends, unless one is asked for', async (t) => {
  const { transport } = setUp();
  const loopback = await transport.listen({ transport: 'UDP', host: '127.0.0.1', port: 5060 });
  const outside = await transport.listen({ transport: 'UDP', host: US, port: 5060 });
  const flowTo = (host: string, from?: typeof outside) =>
    transport.flowToSync({
      transport: 'UDP',
      address: { host, port: 5060 },
      ...(from === undefined ? {} : { from }),
    });
  t.is(flowTo('127.0.0.9')?.listener, loopback);
  t.is(flowTo('10.0.0.2')?.listener, outside);
  t.is(flowTo('10.0.0.2', loopback)?.listener, loopback);
  t.is(flowTo('2001:db8::1'), undefined);
  t.is(flowTo('10.0.0.2'), flowTo('10.0.0.2'));
  await transport.stop();
});

test('bounds: connections over the limit, in all and from one host, are refused', async (t) => {
  const { clock, transport, phone, simulated, metrics } = setUp({
    maxConnections: 3,
    maxConnectionsPerHost: 2,
  });
  const { local } = await transport.listen({ transport: 'TCP', host: US, port: 5060 });
  const mine = [
    await streamPhone(clock, phone, local),
    await streamPhone(clock, phone, local),
    await streamPhone(clock, phone, local),
  ];
  const other = simulated.host('10.0.0.3');
  const theirs = [await streamPhone(clock, other, local), await streamPhone(clock, other, local)];
  await clock.advance(5);
  t.deepEqual(
    [...mine, ...theirs].map(({ closed }) => closed),
    [false, false, true, false, true],
  );
  t.is(metrics.value('sip_connections_refused_total'), 2);
  mine[0]?.connection.destroy();
  await clock.advance(5);
  const next = await streamPhone(clock, phone, local);
  await clock.advance(5);
  t.false(next.closed);
});

test('bounds: a full table closes the longest idle of strangers, not who proved himself, nor whom a transaction needs', async (t) => {
  const { clock, transport, guard, phone, simulated, arrivals, metrics } = setUp({
    isGuarded: true,
    maxConnections: 4,
  });
  const { local } = await transport.listen({ transport: 'TCP', host: US, port: 5060 });
  const known = await streamPhone(clock, simulated.host('10.0.0.3'), local);
  guard.trust('10.0.0.3');
  const inCall = await streamPhone(clock, phone, local);
  inCall.send(request('SIP/2.0/TCP 10.0.0.2;branch=z9hG4bKa'));
  await clock.advance(1_000);
  only(t, arrivals).flow.hold?.();
  const idle = await streamPhone(clock, phone, local);
  await clock.advance(1_000);
  const lessIdle = await streamPhone(clock, phone, local);
  await clock.advance(1_000);
  const tooEarly = await streamPhone(clock, phone, local);
  await clock.advance(10);
  t.true(tooEarly.closed, 'all were heard of within 5 s');
  await clock.advance(6_000);
  const next = await streamPhone(clock, phone, local);
  await clock.advance(10);
  t.deepEqual(
    [known, inCall, idle, lessIdle, next].map(({ closed }) => closed),
    [false, false, true, false, false],
  );
  t.is(metrics.value('sip_connections_evicted_total'), 1);
  await transport.stop();
});

test('bounds: a connection that says nothing, or never ends its message, is closed', async (t) => {
  const { clock, transport, phone } = setUp();
  const { local } = await transport.listen({ transport: 'TCP', host: US, port: 5060 });
  const silent = await streamPhone(clock, phone, local);
  const slow = await streamPhone(clock, phone, local);
  const good = await streamPhone(clock, phone, local);
  good.send(request('SIP/2.0/TCP 10.0.0.2;branch=z9hG4bKa'));
  for (let index = 0; index < 8; index += 1) {
    slow.send('OPTIONS '.charAt(index));
    await clock.advance(5_000);
  }
  t.true(silent.closed);
  t.true(slow.closed);
  t.false(good.closed);
  await clock.advance(2 * 3_600_000 + 10_000);
  t.true(good.closed);
  t.is(clock.pendingTimers, 0, 'no connections, no timer');
});

test('bounds: unfinished messages on all connections together hold 64 MiB at most; whole ones still come through', async (t) => {
  const { clock, transport, phone, arrivals } = setUp();
  const { local } = await transport.listen({ transport: 'TCP', host: US, port: 5060 });
  const head = request('SIP/2.0/TCP 10.0.0.2;branch=z9hG4bKb', 'Content-Length: 1048576\r\n');
  const half = head + 'x'.repeat(1_048_000);
  const phones: Awaited<ReturnType<typeof streamPhone>>[] = [];
  const openOne = async () => {
    const one = await streamPhone(clock, phone, local);
    phones.push(one);
    one.send(half);
    await clock.advance(5);
    return one;
  };
  for (let index = 0; index < 70; index += 1) await openOne();
  const closed = () => phones.filter((one) => one.closed).length;
  t.true(closed() >= 4 && closed() <= 6, `${closed()} of 70 were closed`);

  const good = await streamPhone(clock, phone, local);
  good.send(request('SIP/2.0/TCP 10.0.0.2;branch=z9hG4bKa'));
  await clock.advance(5);
  t.is(arrivals.length, 1);
  t.false(good.closed);

  for (const one of phones) one.connection.destroy();
  await clock.advance(5);
  const next = await openOne();
  t.false(next.closed, 'what closed connections held is free again');
  next.send('x'.repeat(576));
  await clock.advance(5);
  t.is(arrivals.length, 2);
});

test('bounds: for slow readers together 64 MiB may wait; the one for whom most waits is given up, others are served', async (t) => {
  const { clock, transport, phone, arrivals } = setUp();
  const { local } = await transport.listen({ transport: 'TCP', host: US, port: 5060 });
  const slow: Awaited<ReturnType<typeof streamPhone>>[] = [];
  for (let index = 0; index < 20; index += 1) {
    const one = await streamPhone(clock, phone, local);
    slow.push(one);
    one.send(request(`SIP/2.0/TCP 10.0.0.2;branch=z9hG4bK${index}`));
  }
  const good = await streamPhone(clock, phone, local);
  good.send(request('SIP/2.0/TCP 10.0.0.2;branch=z9hG4bKgood'));
  await clock.advance(5);
  const flows = arrivals.map(({ flow }) => flow);
  const reader = flows.pop()!;
  const chunk = Buffer.alloc(65_536);
  const open = () => flows.filter((flow) => flow.open).length;
  // Within one turn nothing arrives. Nobody is over the bound of his own; the first has a little more than the others.
  for (let index = 0; index < 58; index += 1)
    for (const flow of flows.slice(0, 18)) transport.send(chunk, flow);
  t.is(open(), 20);
  transport.send(chunk, flows[0]!);
  for (let index = 0; index < 57; index += 1) transport.send(chunk, flows[19]!);
  t.true(flows[19]!.open && !flows[0]!.open);
  t.is(open(), 19);
  transport.send(Buffer.from('x'), reader);
  await clock.advance(50);
  t.is(good.received, 'x');
  // They have read: what waited for them no longer counts.
  for (let index = 0; index < 58; index += 1)
    for (const flow of flows.slice(1, 18)) transport.send(chunk, flow);
  t.is(open(), 19);
});

test('bounds: a connection of a source that proved nothing is closed after 10 min of silence, one of a user after 2 h', async (t) => {
  const { clock, transport, phone, simulated, guard } = setUp({ isGuarded: true });
  const { local } = await transport.listen({ transport: 'TCP', host: US, port: 5060 });
  const stranger = await streamPhone(clock, phone, local);
  const user = await streamPhone(clock, simulated.host('10.0.0.3'), local);
  guard.trust('10.0.0.3');
  for (const one of [stranger, user]) one.send(request('SIP/2.0/TCP 10.0.0.2;branch=z9hG4bKa'));
  await clock.advance(10 * 60_000 - 5_000);
  t.false(stranger.closed);
  await clock.advance(15_000);
  t.true(stranger.closed);
  t.false(user.closed);
  await clock.advance(2 * 3_600_000);
  t.true(user.closed);
});

test('S7: an overlay connection gets no received, names its peer, and is pinged when idle', async (t) => {
  const { clock, transport, arrivals, phone, network } = setUp();
  const received: string[] = [];
  let remote: Connection | undefined;
  const listener = await phone.listen({ host: PHONE, port: 6000 }, (connection) => {
    connection.setHandler({ onData: (chunk) => received.push(chunk.toString()), onClose() {} });
    remote = connection;
  });
  const adopted = transport.adopt(await clock.runUntil(network.connect(listener.local)), { peer: 'ab12' });
  await clock.advance(5);
  remote?.send(Buffer.from(request('SIP/2.0/TLS ab12.invalid;branch=z9hG4bKa')));
  await clock.advance(5);
  const { message, flow } = only(t, arrivals);
  t.is(flow, adopted);
  t.is(flow.peer, 'ab12');
  t.is(flow.transport, 'TLS');
  t.deepEqual(message.headers('Via'), ['SIP/2.0/TLS ab12.invalid;branch=z9hG4bKa']);
  t.is(transport.flowToSync({ transport: 'TLS', address: listener.local }), undefined);

  let closedBy: Error | undefined;
  flow.closed.on((error) => {
    closedBy = error;
  });
  await clock.advance(36_000);
  t.deepEqual(received, ['\r\n\r\n']);
  remote?.send(Buffer.from('\r\n'));
  await clock.advance(36_000);
  t.deepEqual(received, ['\r\n\r\n', '\r\n\r\n']);
  t.true(flow.open);
  await clock.advance(20_000);
  t.false(flow.open);
  t.is((closedBy as { code?: string } | undefined)?.code, 'keepalive-timeout');
});

test('RFC 3261 §18: TLS listeners and targets take the transport’s certificates', async (t) => {
  const server = setUp();
  const tls = {};
  await t.throwsAsync(server.transport.listen({ transport: 'TLS', host: US, port: 5061 }), {
    code: 'unsupported-transport',
  });
  const { local } = await server.transport.listen({ transport: 'TLS', host: US, port: 5061, tls });
  const { clock, simulated } = server;
  const random = new SeededRandom(2);
  const metrics = new CountingMetrics();
  const client = new SipTransport(
    { network: simulated.host(PHONE), clock, random, logger: silentLogger, metrics },
    { clientTls: () => tls },
  );
  const flow = await clock.runUntil(client.flowTo({ transport: 'TLS', address: local }));
  flow.send(Buffer.from(request('SIP/2.0/TLS 10.0.0.2;branch=z9hG4bKa')));
  await clock.advance(10);
  t.is(only(t, server.arrivals).flow.transport, 'TLS');
  await client.stop();
});

test('RFC 5923 §8.1: a TLS connection opened for one name is not used for another at the same address', async (t) => {
  const server = setUp();
  const { local } = await server.transport.listen({ transport: 'TLS', host: US, port: 5061, tls: {} });
  const { clock, simulated } = server;
  const names: string[] = [];
  const clientTls = (name: string) => {
    names.push(name);
    return {};
  };
  const client = new SipTransport(
    {
      ...{ network: simulated.host(PHONE), clock, random: new SeededRandom(2) },
      ...{ logger: silentLogger, metrics: new CountingMetrics() },
    },
    { clientTls },
  );
  const to = (name: string) => clock.runUntil(client.flowTo({ transport: 'TLS', address: local, name }));
  const first = await to('one.example');
  t.not(await to('two.example'), first);
  t.is(await to('one.example'), first);
  t.deepEqual(names, ['one.example', 'two.example']);
  await client.stop();
});

test('a fault in the handler costs one message, not the process', async (t) => {
  const { clock, transport, phone, metrics } = setUp();
  const { local } = await transport.listen({ transport: 'UDP', host: US, port: 5060 });
  let calls = 0;
  transport.setHandler({
    onMessage: () => {
      calls += 1;
      throw new Error('a fault');
    },
  });
  const socket = await udpPhone(phone, 5060);
  socket.send(request('SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKa'), local);
  socket.send(request('SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKb'), local);
  await clock.advance(5);
  t.is(calls, 2);
  t.is(metrics.value('sip_malformed_total', { reason: 'internal-error' }), 2);
});

test('stop closes sockets and connections', async (t) => {
  const { clock, transport, phone, arrivals } = setUp();
  const udp = await transport.listen({ transport: 'UDP', host: US, port: 5060 });
  const tcp = await transport.listen({ transport: 'TCP', host: US, port: 5060 });
  const client = await streamPhone(clock, phone, tcp.local);
  const socket = await udpPhone(phone, 5060);
  await clock.runUntil(transport.stop());
  socket.send(request('SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKa'), udp.local);
  await clock.advance(5);
  t.true(client.closed);
  t.is(arrivals.length, 0);
  t.is(clock.pendingTimers, 0);
});
