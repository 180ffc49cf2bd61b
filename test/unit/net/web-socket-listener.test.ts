import { once } from 'node:events';
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { type ClientOptions, WebSocket } from 'ws';
import type { Connection } from '../../../src/base/index.ts';
import { SystemWebSockets } from '../../../src/net/index.ts';
import { HttpsAuthority } from '../../support/https.ts';
import { eventually } from '../../support/wait.ts';

/** A server that writes down what it gets. */
async function setUp(t: ExecutionContext, { secure = false, host = '127.0.0.1', pingEveryMs = 60_000 } = {}) {
  const authority = new HttpsAuthority();
  const connections: Connection[] = [];
  const log: string[] = [];
  const listener = await new SystemWebSockets({ pingEveryMs }).listen(
    { host, port: 0 },
    (connection) => {
      connections.push(connection);
      connection.setHandler({
        onData: (chunk) => log.push(chunk.toString('latin1')),
        onClose: () => log.push('closed'),
      });
    },
    { protocol: 'sip', ...(secure && { tls: { identity: authority.server() } }) },
  );
  t.teardown(() => {
    for (const connection of connections) connection.destroy();
    return listener.close();
  });
  const { port } = listener.local;
  const url = `${secure ? 'wss' : 'ws'}://${host.includes(':') ? `[${host}]` : host}:${port}/any/path`;
  const open = async (protocols: string[] = ['sip'], options: ClientOptions = {}) => {
    const client = new WebSocket(url, protocols, { ...options, ca: `${pem(authority.root)}` });
    await once(client, 'open');
    return client;
  };
  return { url, port, connections, log, open };
}

function pem(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;
}

test('RFC 6455 §5.4: how much is kept of a message that is not whole is told, pings in between do not hide it', async (t) => {
  const { connections, open, log } = await setUp(t);
  const client = await open();
  const [connection] = connections;
  const parts: number[] = [];
  connection?.setHandler({
    onData: (chunk) => log.push(String(chunk.length)),
    onPart: (bytes) => parts.push(bytes),
    onClose: () => log.push('closed'),
  });
  client.send('a'.repeat(30_000), { fin: false });
  client.ping();
  client.send('b'.repeat(30_000), { fin: false });
  await eventually('both parts', 2_000, () => (parts.at(-1) ?? 0) > 60_000);
  client.send('c', { fin: true });
  await eventually('the message', 2_000, () => log.length === 1);
  t.deepEqual(log, ['60001']);
  client.send('d');
  await eventually('the next one', 2_000, () => log.length === 2);
  t.true((parts.at(-1) ?? 0) < 100);
  client.terminate();
});

for (const { secure, host } of [
  { secure: false, host: '127.0.0.1' },
  { secure: true, host: '127.0.0.1' },
  { secure: false, host: '::1' },
]) {
  test(`RFC 7118 §4.2: text and binary messages both ways over ${secure ? 'wss' : 'ws'} on ${host}`, async (t) => {
    const { connections, log, open } = await setUp(t, { secure, host });
    const client = await open(['other', 'sip']);
    t.is(client.protocol, 'sip');
    client.send('one');
    client.send(Buffer.from([0xff, 0x00]));
    await eventually('both messages', 2000, () => log.length === 2);
    t.deepEqual(log, ['one', '\u00ff\u0000']);

    const received: [boolean, string][] = [];
    client.on('message', (data, isBinary) => received.push([isBinary, String(data)]));
    const [connection] = connections;
    t.is(connection?.remote.host, host);
    connection?.send(Buffer.from('grün'));
    connection?.send(Buffer.from([0xff]));
    await eventually('both answers', 2000, () => received.length === 2);
    t.deepEqual(received, [
      [false, 'grün'],
      [true, '\ufffd'],
    ]);
    connection?.end();
    const [code] = await once(client, 'close');
    t.is(code, 1000);
    await eventually('our close', 2000, () => log.at(-1) === 'closed');
  });
}

test('RFC 7118 §4: without the subprotocol sip the handshake fails with 400', async (t) => {
  const { url, connections } = await setUp(t);
  for (const protocols of [[], ['sips']]) {
    const client = new WebSocket(url, protocols);
    const [error] = await once(client, 'error');
    t.regex(String(error), /400/);
  }
  t.is(connections.length, 0);
});

test('a browser that is sent to the port is told what it is', async (t) => {
  const { url } = await setUp(t);
  const answer = await fetch(url.replace('ws:', 'http:'));
  t.is(answer.status, 426);
  t.regex(await answer.text(), /WebSocket/);
});

test('RFC 6455 §5.5.2: a client that answers no ping is gone; one that does stays', async (t) => {
  const { log, connections, open } = await setUp(t, { pingEveryMs: 100 });
  const there = await open();
  let pings = 0;
  there.on('ping', () => {
    pings += 1;
  });
  const gone = await open(['sip'], { autoPong: false });
  await once(gone, 'close');
  await eventually('three pings, and one close', 2000, () => pings >= 3 && log.length > 0);
  t.deepEqual(log, ['closed']);
  t.is(there.readyState, WebSocket.OPEN);
  t.is(connections.length, 2);
  there.terminate();
});

test('a message over the bound closes the connection', async (t) => {
  const { log, open } = await setUp(t);
  const client = await open();
  client.send(Buffer.alloc(131_073));
  const [code] = await once(client, 'close');
  t.is(code, 1009);
  await eventually('the close', 2000, () => log.length > 0);
  t.deepEqual(log, ['closed']);
});

test('handshakes in progress are bounded per address: one more is closed at once', async (t) => {
  const { port, open } = await setUp(t);
  const silent = await Promise.all(
    Array.from({ length: 64 }, async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    }),
  );
  t.teardown(() => {
    for (const socket of silent) socket.destroy();
  });
  const late = connect(port, '127.0.0.1');
  await once(late, 'close');
  silent.pop()?.destroy();
  const client = await eventually('room for one', 2000, () => open().catch(() => undefined));
  t.is(client.protocol, 'sip');
  client.terminate();
});
