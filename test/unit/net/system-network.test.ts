import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import test from 'ava';
import {
  type Connection,
  type DatagramHandler,
  equalBytes,
  type TlsIdentity,
  type TlsOptions,
} from '../../../src/base/index.ts';
import { SystemNetwork, systemClock, systemRandom } from '../../../src/net/index.ts';
import { createSelfSignedIdentity, saveIdentity } from '../../../src/reload/security/identity.ts';
import { requirePrograms } from '../../support/programs.ts';
import { eventually } from '../../support/wait.ts';

const network = new SystemNetwork();
const LOOPBACK = { host: '127.0.0.1', port: 0 };

const newIdentity = (keyType: 'ec' | 'rsa' = 'ec') =>
  createSelfSignedIdentity({ clock: systemClock, random: systemRandom }, { overlay: 'example.org', keyType });
const alice = newIdentity();
const bob = newIdentity('rsa');

/** Resolves with what arrives first. */
function firstDatagram() {
  let handler!: DatagramHandler;
  const received = new Promise<{ text: string; from: string }>((resolve, reject) => {
    handler = {
      onDatagram: (data, from) => resolve({ text: data.toString(), from: from.host }),
      onError: reject,
    };
  });
  return { handler, received };
}

/** The text up to the close, and the close's error. */
function readAll(connection: Connection): Promise<{ text: string; error: Error | undefined }> {
  return new Promise((resolve) => {
    let text = '';
    connection.setHandler({
      onData: (chunk) => {
        text += chunk;
      },
      onClose: (error) => resolve({ text, error }),
    });
  });
}

function accepted() {
  let onConnection!: (connection: Connection) => void;
  const connection = new Promise<Connection>((resolve) => {
    onConnection = resolve;
  });
  return { onConnection, connection };
}

const welcome = (identity: TlsIdentity): TlsOptions => ({ identity, verifyPeer: () => {} });
const codeOf = (error: unknown) => (error as { code?: string } | undefined)?.code;

for (const host of ['127.0.0.1', '::1']) {
  test(`UDP over ${host}: a datagram there and back`, async (t) => {
    const there = firstDatagram();
    const back = firstDatagram();
    const server = await network.bindDatagram({ host, port: 0 }, there.handler, {
      receiveBufferBytes: 4 << 20,
    });
    const client = await network.bindDatagram({ host, port: 0 }, back.handler);
    client.send(Buffer.from('ping'), server.local);
    t.deepEqual(await there.received, { text: 'ping', from: host });
    server.send(new Uint8Array(Buffer.from('pong')), client.local);
    t.deepEqual(await back.received, { text: 'pong', from: host });
    await Promise.all([client.close(), server.close()]);
  });
}

test('UDP: a datagram that cannot be sent is reported, the socket stays usable', async (t) => {
  let onError!: (error: Error) => void;
  const failed = new Promise<Error>((resolve) => {
    onError = resolve;
  });
  const { handler, received } = firstDatagram();
  const socket = await network.bindDatagram(LOOPBACK, { onDatagram: handler.onDatagram, onError });
  socket.send(Buffer.alloc(70_000), socket.local);
  t.is(codeOf(await failed), 'EMSGSIZE');
  socket.send(Buffer.from('still here'), socket.local);
  t.is((await received).text, 'still here');
  await socket.close();
  t.notThrows(() => socket.send(Buffer.from('x'), socket.local), 'sending after close does nothing');
});

test('UDP: all that is sent in one turn arrives, in its order, also what waits when the socket is closed', async (t) => {
  const heard: string[] = [];
  const receiver = await network.bindDatagram(LOOPBACK, {
    onDatagram: (data) => heard.push(data.toString()),
  });
  const sender = await network.bindDatagram(LOOPBACK, { onDatagram() {} });
  const texts = Array.from({ length: 200 }, (_, index) => String(index));
  for (const [from, to] of [
    [0, 5],
    [5, 150],
    [150, 200],
  ]) {
    for (const text of texts.slice(from, to)) sender.send(Buffer.from(text), receiver.local);
    if (to === 200) await sender.close();
    await eventually(`those up to ${to}`, 2_000, async () => heard.length === to);
  }
  t.deepEqual(heard, texts);
  await receiver.close();
});

test('UDP: what is no port is reported, and does not keep others of its turn', async (t) => {
  const codes: unknown[] = [];
  const heard: string[] = [];
  const socket = await network.bindDatagram(LOOPBACK, {
    onDatagram: (data) => heard.push(data.toString()),
    onError: (error) => codes.push(codeOf(error)),
  });
  // The second time they wait for the end of the turn.
  for (const turn of [1, 2]) {
    for (const text of ['a', 'b']) socket.send(Buffer.from(text), socket.local);
    socket.send(Buffer.from('nowhere'), { host: '127.0.0.1', port: 70_000 });
    for (const text of ['c', 'd']) socket.send(Buffer.from(text), socket.local);
    await eventually('the other datagrams', 2_000, async () => heard.length === 4 * turn);
  }
  t.deepEqual(codes, ['ERR_SOCKET_BAD_PORT', 'ERR_SOCKET_BAD_PORT']);
  t.is(heard.join(''), 'abcdabcd');
  await socket.close();
});

test('UDP: an answer to source port 0, which anybody can send from, is an error and no exception', async (t) => {
  const errors: string[] = [];
  const handler = { onDatagram() {}, onError: (error: Error) => errors.push(error.message) };
  const socket = await network.bindDatagram(LOOPBACK, handler);
  socket.send(Buffer.from('into the void'), { host: '127.0.0.1', port: 0 });
  t.deepEqual(errors, ['127.0.0.1:0 has no port']);
  await socket.close();
});

test('UDP: what comes from source port 0 is not handed on', async (t) => {
  if (!requirePrograms(t, 'python3')) return;
  const heard: string[] = [];
  const socket = await network.bindDatagram(LOOPBACK, { onDatagram: (data) => heard.push(data.toString()) });
  const { port } = socket.local;
  const script = `
import socket, struct
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
for source, text in (0, b'nobody'), (9, b'somebody'):
  raw.sendto(struct.pack('!HHHH', source, ${port}, 8 + len(text), 0) + text, ('127.0.0.1', 0))
`;
  const [code] = await once(spawn('python3', ['-c', script], { stdio: 'ignore' }), 'exit');
  if (code === 0) {
    await eventually('the other datagram', 2_000, async () => heard.length > 0);
    t.deepEqual(heard, ['somebody']);
  } else {
    t.log('SKIPPED: this machine gives no raw sockets');
    t.pass();
  }
  await socket.close();
});

test('binding: a port in use and a foreign address have their codes, for UDP, TCP and TLS', async (t) => {
  const nothing = { onDatagram: () => {} };
  const socket = await network.bindDatagram(LOOPBACK, nothing);
  const inUse = await t.throwsAsync(network.bindDatagram(socket.local, nothing), { code: 'address-in-use' });
  t.regex(inUse?.message ?? '', /^UDP 127\.0\.0\.1:\d+ is in use/);
  const foreign = { host: '192.0.2.1', port: 0 };
  await t.throwsAsync(network.bindDatagram(foreign, nothing), { code: 'address-unavailable' });
  const listener = await network.listen(LOOPBACK, () => {});
  await t.throwsAsync(
    network.listen(listener.local, () => {}),
    { code: 'address-in-use' },
  );
  await t.throwsAsync(
    network.listen(listener.local, () => {}, welcome(alice.tls)),
    { code: 'address-in-use' },
  );
  await t.throwsAsync(
    network.listen(foreign, () => {}),
    { code: 'address-unavailable' },
  );
  await Promise.all([socket.close(), listener.close()]);
});

test('TCP: bytes sent before the other side reads arrive in order, then the end', async (t) => {
  const { onConnection, connection } = accepted();
  const listener = await network.listen(LOOPBACK, onConnection);
  const client = await network.connect(listener.local);
  const server = await connection;
  t.deepEqual(server.remote, client.local);
  t.deepEqual(server.peerCertificates, []);
  for (const part of ['a', 'b', 'c']) client.send(Buffer.from(part));
  client.send(Buffer.alloc(300_000, 'd'));
  t.true(client.bufferedBytes >= 300_000);
  client.end();
  const [atServer, atClient] = await Promise.all([readAll(server), readAll(client)]);
  t.is(atServer.text.length, 300_003);
  t.true(atServer.text.startsWith('abcd'));
  t.is(atServer.error, undefined);
  t.deepEqual(atClient, { text: '', error: undefined });
  await listener.close();
});

test('connecting: refused, in time, aborted', async (t) => {
  const listener = await network.listen(LOOPBACK, () => {});
  const { local } = listener;
  await listener.close();
  await t.throwsAsync(network.connect(local), { code: 'connect-failed' });
  await t.throwsAsync(network.connect(local, { signal: AbortSignal.abort(new Error('no')) }), {
    message: 'no',
  });
  // Accepts TCP, never answers the TLS handshake.
  const mute = createServer().listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const { port } = mute.address() as { port: number };
  await t.throwsAsync(
    network.connect({ host: '127.0.0.1', port }, { tls: welcome(alice.tls), timeoutMs: 100 }),
    {
      code: 'connect-timeout',
    },
  );
  mute.close();
});

test('B13: mutual TLS: both sides see the certificates the other presented, EC and RSA, chain in order', async (t) => {
  const extra = newIdentity();
  const chain = { ...alice.tls, certificates: [alice.certificate.der, extra.certificate.der] };
  const { onConnection, connection } = accepted();
  const seen: number[] = [];
  const listener = await network.listen(LOOPBACK, onConnection, {
    identity: bob.tls,
    verifyPeer: (certificates) => seen.push(certificates.length),
  });
  const client = await network.connect(listener.local, { tls: welcome(chain) });
  const server = await connection;
  t.deepEqual(seen, [2]);
  t.deepEqual(server.peerCertificates.map(Buffer.from), chain.certificates.map(Buffer.from));
  t.deepEqual(client.peerCertificates.map(Buffer.from), bob.tls.certificates.map(Buffer.from));
  server.send(Buffer.from('hello'));
  server.end();
  t.deepEqual(await readAll(client), { text: 'hello', error: undefined });
  await listener.close();
});

test('B13: a certificate refused by the client: connect rejects, the server reads nothing', async (t) => {
  let text = '';
  const listener = await network.listen(
    LOOPBACK,
    async (connection) => {
      text += (await readAll(connection)).text;
    },
    welcome(bob.tls),
  );
  const verifyPeer = () => {
    throw new Error('a stranger');
  };
  const error = await t.throwsAsync(
    network.connect(listener.local, { tls: { identity: alice.tls, verifyPeer } }),
    {
      code: 'peer-refused',
    },
  );
  t.regex(error?.message ?? '', /a stranger/);
  await listener.close();
  t.is(text, '');
});

test('B13: a certificate refused by the server: no connection there, the client learns it even with TLS 1.3', async (t) => {
  let accepts = 0;
  const listener = await network.listen(LOOPBACK, () => accepts++, {
    identity: bob.tls,
    verifyPeer: () => {
      throw new Error('a stranger');
    },
  });
  const client = await network.connect(listener.local, { tls: welcome(alice.tls) });
  client.send(Buffer.from('application data'));
  const { text, error } = await readAll(client);
  t.is(text, '');
  t.is(codeOf(error), 'peer-refused');
  t.is((error as { origin?: string } | undefined)?.origin, 'remote');
  t.is(accepts, 0);
  await listener.close();
});

test('B13: a client without a certificate is shown to verifyPeer as an empty chain', async (t) => {
  const lengths: number[] = [];
  const listener = await network.listen(LOOPBACK, (connection) => connection.end(), {
    identity: bob.tls,
    verifyPeer: (certificates) => lengths.push(certificates.length),
  });
  const client = await network.connect(listener.local, { tls: {} });
  await readAll(client);
  t.deepEqual(lengths, [0]);
  await listener.close();
});

test('closing a TLS listener ends handshakes in progress and leaves no connection behind', async (t) => {
  let accepts = 0;
  const listener = await network.listen(LOOPBACK, () => accepts++, welcome(bob.tls));
  const silent = await network.connect(listener.local);
  const closed = readAll(silent);
  await new Promise((resolve) => setImmediate(resolve));
  await listener.close();
  await closed;
  t.is(accepts, 0);
});

/** Opens plain connections from this loopback address and says nothing on them. */
function silentConnections(port: number, localAddress: string, count: number): Promise<Socket[]> {
  const open = () =>
    new Promise<Socket>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, localAddress }, () => resolve(socket));
      socket.on('error', () => {}).resume();
    });
  return Promise.all(Array.from({ length: count }, open));
}

test('handshakes in progress are bounded per address: one more is closed at once, others still get in', async (t) => {
  const listener = await network.listen(LOOPBACK, (connection) => connection.end(), welcome(bob.tls));
  const { port } = listener.local;
  const silent = await silentConnections(port, '127.0.0.2', 64);
  const [refused] = await silentConnections(port, '127.0.0.2', 1);
  await once(refused!, 'close');
  const client = await network.connect(listener.local, { tls: welcome(alice.tls) });
  t.is((await readAll(client)).text, '');
  for (const socket of silent) t.false(socket.destroyed);
  for (const socket of silent) socket.destroy();
  await listener.close();
});

test('handshakes in progress are bounded in all, and finished ones make room', async (t) => {
  const listener = await network.listen(LOOPBACK, (connection) => connection.end(), welcome(bob.tls));
  const { port } = listener.local;
  const silent: Socket[] = [];
  for (let host = 2; host < 6; host++) silent.push(...(await silentConnections(port, `127.0.0.${host}`, 64)));
  const refused = await network.connect(listener.local);
  await readAll(refused);
  const closed = silent.map((socket) => once(socket, 'close'));
  for (const socket of silent) socket.destroy();
  await Promise.all(closed);
  await new Promise((resolve) => setImmediate(resolve));
  const client = await network.connect(listener.local, { tls: welcome(alice.tls) });
  t.is((await readAll(client)).text, '');
  await listener.close();
});

test('a connection that pauses makes its peer wait, and loses nothing when it goes on', async (t) => {
  const { onConnection, connection } = accepted();
  const listener = await network.listen(LOOPBACK, onConnection, welcome(bob.tls));
  const client = await network.connect(listener.local, { tls: welcome(alice.tls) });
  const server = await connection;
  const all = readAll(server);
  server.pause();
  const megabytes = 32;
  for (let i = 0; i < megabytes; i++) client.send(Buffer.alloc(1 << 20, 'x'));
  // More than both kernels hold: what is left waits at the sender as long as nobody reads.
  let before = -1;
  while (client.bufferedBytes !== before) {
    before = client.bufferedBytes;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.true(before > 0);
  server.resume();
  client.end();
  t.is((await all).text.length, megabytes << 20);
  await listener.close();
});

test('garbage instead of a handshake closes the connection, the listener lives', async (t) => {
  const { onConnection, connection } = accepted();
  const listener = await network.listen(LOOPBACK, onConnection, welcome(bob.tls));
  const rude = await network.connect(listener.local);
  rude.send(Buffer.from('OPTIONS sip:x SIP/2.0\r\n\r\n'));
  await readAll(rude);
  const client = await network.connect(listener.local, { tls: welcome(alice.tls) });
  t.is((await connection).peerCertificates.length, 1);
  client.destroy();
  await listener.close();
});

test('the kernel names the address it sends from; interfaces hold loopback', async (t) => {
  t.is(await network.localAddressTowards('127.0.0.1'), '127.0.0.1');
  t.is(await network.localAddressTowards('127.0.0.1'), '127.0.0.1');
  t.true(network.interfaceAddresses().includes('127.0.0.1'));
  t.false(network.interfaceAddresses().some((address) => address.startsWith('fe80')));
});

test('B13: openssl s_client meets mutual authentication; TLS 1.1 is refused', async (t) => {
  if (!requirePrograms(t, 'openssl')) return;
  const pem = saveIdentity(alice);
  const listener = await network.listen(
    LOOPBACK,
    (connection) => {
      connection.send(Buffer.from(`certificates: ${connection.peerCertificates.length}\n`));
      connection.end();
    },
    welcome(bob.tls),
  );
  const connect = (...options: string[]) =>
    spawn('openssl', ['s_client', '-connect', `127.0.0.1:${listener.local.port}`, '-quiet', ...options], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  const output = async (child: ChildProcess) => {
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
    });
    await once(child, 'close');
    return text;
  };
  t.is(await output(connect()), 'certificates: 0\n');
  t.is(await output(connect('-tls1_2')), 'certificates: 0\n');
  t.is(await output(connect('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0')), '');
  const directory = mkdtempSync(path.join(tmpdir(), 'p2psip-net-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = path.join(directory, 'alice.pem');
  writeFileSync(file, pem.certificate + pem.privateKey);
  t.is(await output(connect('-cert', file)), 'certificates: 1\n');
  await listener.close();
});

test('B32: a listener shows a renewed certificate from the next handshake on; connections stay', async (t) => {
  let identity = alice.tls;
  const first = accepted();
  const connections: Connection[] = [];
  const listener = await network.listen(
    LOOPBACK,
    (connection) => {
      connections.push(connection);
      first.onConnection(connection);
    },
    {
      get identity() {
        return identity;
      },
      verifyPeer: () => {},
    },
  );
  const before = await network.connect(listener.local, { tls: welcome(bob.tls) });
  t.true(equalBytes(before.peerCertificates[0]!, alice.certificate.der));
  const served = readAll(await first.connection);

  identity = newIdentity().tls;
  const after = await network.connect(listener.local, { tls: welcome(bob.tls) });
  t.true(equalBytes(after.peerCertificates[0]!, identity.certificates[0]!));
  before.setHandler({ onData() {}, onClose() {} });
  before.send(Buffer.from('still here'));
  before.end();
  t.is((await served).text, 'still here');
  after.setHandler({ onData() {}, onClose() {} });
  after.destroy();
  for (const connection of connections) connection.destroy();
  await listener.close();
});

test('a listener shows each client the certificate of the server name it asks for, else its own', async (t) => {
  const [one, two] = [newIdentity().tls, newIdentity().tls];
  const listener = await network.listen(LOOPBACK, (connection) => connection.destroy(), {
    identity: one,
    identityFor: (name) => (name === 'two.example.org' ? two : undefined),
  });
  const shown = async (servername?: string) => {
    const { port } = listener.local;
    const options = { port, host: '127.0.0.1', rejectUnauthorized: false };
    const socket = connectTls({ ...options, ...(servername !== undefined && { servername }) });
    await once(socket, 'secureConnect');
    const certificate = socket.getPeerX509Certificate()!.raw;
    socket.destroy();
    return certificate;
  };
  t.true(equalBytes(await shown('two.example.org'), two.certificates[0]!));
  t.true(equalBytes(await shown('one.example.org'), one.certificates[0]!));
  t.true(equalBytes(await shown(), one.certificates[0]!));
  await listener.close();
});
