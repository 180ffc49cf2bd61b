import { generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import type { Connection, Network, TlsOptions } from '../../../../src/base/network.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import {
  SimulatedNetwork,
  type SimulatedNetworkOptions,
} from '../../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';

function simulation(options: SimulatedNetworkOptions = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(42);
  const network = new SimulatedNetwork({ clock, random }, options);
  return { clock, network, a: network.host('10.0.0.1'), b: network.host('10.0.0.2') };
}

/** Collects what one end of a connection sees. */
function collect(connection: Connection) {
  const seen = { text: '', closed: 0, error: undefined as Error | undefined };
  connection.setHandler({
    onData: (chunk) => {
      seen.text += chunk.toString();
    },
    onClose: (error) => {
      seen.closed++;
      seen.error = error;
    },
  });
  return seen;
}

async function connected(clock: VirtualClock, from: Network, to: Network, tls?: TlsOptions) {
  let server: Connection | undefined;
  const listener = await to.listen(
    { host: '0.0.0.0', port: 0 },
    (connection) => {
      server = connection;
    },
    tls,
  );
  const target = { host: '10.0.0.2', port: listener.local.port };
  const client = await clock.runUntil(from.connect(target, tls === undefined ? {} : { tls }));
  await clock.advance(50);
  if (server === undefined) throw new Error('the server saw no connection');
  return { client, server, listener };
}

test('datagrams arrive after the latency, copied, with a source to answer to', async (t) => {
  const { clock, a, b } = simulation({ latencyMs: [10, 10] });
  const seen: string[] = [];
  const server = await b.bindDatagram(
    { host: '0.0.0.0', port: 5060 },
    {
      onDatagram: (data, from) => {
        seen.push(`${clock.monotonic()} ${data} ${from.host}`);
        server.send(Buffer.from('pong'), from);
      },
    },
  );
  const client = await a.bindDatagram(
    { host: '10.0.0.1', port: 0 },
    { onDatagram: (data, from) => seen.push(`${clock.monotonic()} ${data} ${from.host}:${from.port}`) },
  );
  const data = Buffer.from('ping');
  client.send(data, { host: '10.0.0.2', port: 5060 });
  data.fill(0);
  await clock.advance(100);
  t.deepEqual(seen, ['10 ping 10.0.0.1', '20 pong 10.0.0.2:5060']);
});

test('loss drops datagrams, never bytes of a stream', async (t) => {
  const { clock, network, a, b } = simulation({ loss: 0.3 });
  let datagrams = 0;
  const socket = await b.bindDatagram({ host: '10.0.0.2', port: 9 }, { onDatagram: () => datagrams++ });
  const sender = await a.bindDatagram({ host: '10.0.0.1', port: 0 }, { onDatagram: () => {} });
  for (let index = 0; index < 1000; index++) sender.send(Buffer.from('x'), socket.local);
  await clock.advance(100);
  t.true(datagrams > 600 && datagrams < 800, `${datagrams} of 1000 arrived`);
  t.is(network.totals.datagramsLost, 1000 - datagrams);

  const { client, server } = await connected(clock, a, b);
  const seen = collect(server);
  const digits = Array.from({ length: 200 }, (_, index) => `${index},`);
  for (const digit of digits) client.send(Buffer.from(digit));
  await clock.advance(60_000);
  t.is(seen.text, digits.join(''));
});

test('the same seed gives the same run', async (t) => {
  const run = async () => {
    const { clock, a, b } = simulation({ loss: 0.2, latencyMs: [1, 90] });
    const trace: string[] = [];
    const socket = await b.bindDatagram(
      { host: '10.0.0.2', port: 9 },
      { onDatagram: (data) => trace.push(`${clock.monotonic()} ${data}`) },
    );
    const sender = await a.bindDatagram({ host: '10.0.0.1', port: 0 }, { onDatagram: () => {} });
    for (let index = 0; index < 50; index++) sender.send(Buffer.from(String(index)), socket.local);
    await clock.advance(100);
    return trace;
  };
  const first = await run();
  t.deepEqual(await run(), first);
  t.notDeepEqual(first, [...first].sort(), 'jitter reorders datagrams');
});

test('ports: in use, not ours, free ones for 0, free again after close', async (t) => {
  const { a } = simulation();
  const first = await a.bindDatagram({ host: '10.0.0.1', port: 5060 }, { onDatagram: () => {} });
  const nothing = { onDatagram: () => {} };
  await t.throwsAsync(a.bindDatagram({ host: '0.0.0.0', port: 5060 }, nothing), { code: 'address-in-use' });
  await t.throwsAsync(a.bindDatagram({ host: '192.0.2.1', port: 1 }, nothing), {
    code: 'address-unavailable',
  });
  await a.listen({ host: '10.0.0.1', port: 5060 }, () => {});
  await first.close();
  await t.notThrowsAsync(a.bindDatagram({ host: '0.0.0.0', port: 5060 }, nothing));
  const any = await a.bindDatagram({ host: '10.0.0.1', port: 0 }, nothing);
  t.true(any.local.port > 0);
});

test('streams: connect, both directions in order, end reaches the other side after the data', async (t) => {
  const { clock, a, b } = simulation();
  const { client, server } = await connected(clock, a, b);
  t.is(server.remote.host, '10.0.0.1');
  t.deepEqual(server.remote, client.local);
  const atServer = collect(server);
  const atClient = collect(client);
  client.send(Buffer.from('hello '));
  client.send(Buffer.from('world'));
  server.send(Buffer.from('welcome'));
  await clock.advance(50);
  client.send(Buffer.from('!'));
  client.end();
  await clock.advance(100);
  t.is(atServer.text, 'hello world!');
  t.is(atClient.text, 'welcome');
  t.deepEqual([atServer.closed, atClient.closed], [1, 1]);
  t.is(atServer.error, undefined);
});

test('what arrives before the owner took over is kept for it', async (t) => {
  const { clock, a, b } = simulation();
  const { client, server } = await connected(clock, a, b);
  server.send(Buffer.from('early'));
  server.end();
  await clock.advance(100);
  const seen = collect(client);
  await clock.advance(1);
  t.is(seen.text, 'early');
  t.is(seen.closed, 1);
});

test('a connection that pauses gets everything in order when it goes on, the close last', async (t) => {
  const { clock, a, b } = simulation();
  const { client, server } = await connected(clock, a, b);
  const seen = collect(server);
  server.pause();
  client.send(Buffer.from('one '));
  client.send(Buffer.from('two '));
  await clock.advance(100);
  t.is(seen.text, '');
  server.resume();
  await clock.advance(0);
  t.is(seen.text, 'one two ');
  server.pause();
  client.send(Buffer.from('three'));
  client.end();
  await clock.advance(100);
  t.deepEqual([seen.text, seen.closed], ['one two ', 0]);
  server.resume();
  await clock.advance(0);
  t.deepEqual([seen.text, seen.closed], ['one two three', 1]);
});

test('connect fails where nothing listens, times out where nothing answers, obeys its signal', async (t) => {
  const { clock, network, a, b } = simulation();
  await t.throwsAsync(clock.runUntil(a.connect({ host: '10.0.0.2', port: 1 })), { code: 'connect-failed' });
  await t.throwsAsync(clock.runUntil(a.connect({ host: '10.9.9.9', port: 1 })), { code: 'connect-failed' });
  await b.listen({ host: '10.0.0.2', port: 1 }, () => {});
  network.silence('10.0.0.2');
  const start = clock.monotonic();
  await t.throwsAsync(clock.runUntil(a.connect({ host: '10.0.0.2', port: 1 }, { timeoutMs: 3_000 })), {
    code: 'connect-timeout',
  });
  t.is(clock.monotonic() - start, 3_000);
  const abort = new AbortController();
  const attempt = a.connect({ host: '10.0.0.2', port: 1 }, { signal: abort.signal });
  abort.abort(new Error('enough'));
  await t.throwsAsync(clock.runUntil(attempt), { message: 'enough' });
});

test('TLS hands both certificates over; a refusal by either side leaves no connection', async (t) => {
  const { clock, a, b } = simulation();
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const identity = (name: string) => ({ certificates: [Buffer.from(name)], privateKey });
  const checked: string[] = [];
  const verifyPeer = (certificates: readonly Uint8Array[]) => {
    const name = Buffer.from(certificates[0] ?? []).toString();
    checked.push(name);
    if (name === 'mallory') throw new Error('no');
  };
  let accepted = 0;
  const listen = (name: string, port: number) =>
    b.listen({ host: '10.0.0.2', port }, () => accepted++, { identity: identity(name), verifyPeer });
  await listen('bob', 1);
  await listen('mallory', 2);
  const connect = (name: string, port: number) =>
    clock.runUntil(a.connect({ host: '10.0.0.2', port }, { tls: { identity: identity(name), verifyPeer } }));

  const good = await connect('alice', 1);
  await clock.advance(50);
  t.deepEqual(checked, ['bob', 'alice']);
  t.is(Buffer.from(good.peerCertificates[0]!).toString(), 'bob');
  t.is(accepted, 1);

  await t.throwsAsync(connect('alice', 2), { code: 'peer-refused' });
  const refused = collect(await connect('mallory', 1));
  await clock.advance(100);
  t.is((refused.error as { code?: string } | undefined)?.code, 'peer-refused');
  t.is(accepted, 1);
});

test('partition holds streams back and drops datagrams; heal delivers the streams', async (t) => {
  const { clock, network, a, b } = simulation();
  const { client, server } = await connected(clock, a, b);
  const seen = collect(server);
  let datagrams = 0;
  const socket = await b.bindDatagram({ host: '10.0.0.2', port: 9 }, { onDatagram: () => datagrams++ });
  const sender = await a.bindDatagram({ host: '10.0.0.1', port: 0 }, { onDatagram: () => {} });
  network.partition([['10.0.0.1'], ['10.0.0.2']]);
  client.send(Buffer.from('late'));
  sender.send(Buffer.from('lost'), socket.local);
  await clock.advance(10_000);
  t.is(seen.text, '');
  client.send(Buffer.alloc(1_000_000));
  t.true(client.bufferedBytes > 500_000);
  network.heal();
  await clock.advance(100);
  t.is(seen.text.slice(0, 4), 'late');
  t.is(seen.text.length, 1_000_004);
  t.is(client.bufferedBytes, 0);
  t.is(datagrams, 0);
});

test('kill resets the peers, frees the address and tells the dead nothing', async (t) => {
  const { clock, network, a, b } = simulation();
  const { client, server, listener } = await connected(clock, a, b);
  const survivor = collect(client);
  const dead = collect(server);
  network.kill('10.0.0.2');
  await clock.advance(100);
  t.is((survivor.error as { code?: string } | undefined)?.code, 'connection-reset');
  t.is(dead.closed, 0);
  await t.throwsAsync(clock.runUntil(a.connect({ host: '10.0.0.2', port: listener.local.port })));
  const reborn = network.host('10.0.0.2');
  t.not(reborn, b);
  await t.notThrowsAsync(reborn.listen({ host: '10.0.0.2', port: listener.local.port }, () => {}));
});

test('killed while cut off: the peer learns it when it next sends after the heal', async (t) => {
  const { clock, network, a, b } = simulation();
  const { client } = await connected(clock, a, b);
  const survivor = collect(client);
  network.silence('10.0.0.2');
  network.kill('10.0.0.2');
  await clock.advance(1_000);
  t.is(survivor.closed, 0);
  network.heal();
  await clock.advance(1_000);
  t.is(survivor.closed, 0);
  client.send(Buffer.from('anyone?'));
  await clock.advance(100);
  t.is((survivor.error as { code?: string } | undefined)?.code, 'connection-reset');
});

test('10,000 hosts exchange datagrams in a few seconds', async (t) => {
  const { clock, network } = simulation();
  const count = 10_000;
  const address = (index: number) => `10.1.${index >> 8}.${index & 255}`;
  let received = 0;
  const handler = { onDatagram: () => received++ };
  const sockets = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      network.host(address(index)).bindDatagram({ host: '0.0.0.0', port: 1 }, handler),
    ),
  );
  const started = performance.now();
  for (let index = 0; index < count; index++) {
    for (let hop = 1; hop <= 10; hop++) {
      sockets[index]?.send(Buffer.from('x'), { host: address((index + hop * 37) % count), port: 1 });
    }
  }
  await clock.advance(100);
  t.is(received, count * 10);
  t.log(`${Math.round((count * 10) / (performance.now() - started))} messages per ms`);
});
