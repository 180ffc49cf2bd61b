import { spawn } from 'node:child_process';
import test from 'ava';
import type { Connection, TlsOptions } from '../../../src/base/index.ts';
import { SystemNetwork, systemClock, systemRandom } from '../../../src/net/index.ts';
import { createSelfSignedIdentity } from '../../../src/reload/security/identity.ts';
import { requirePrograms } from '../../support/programs.ts';

const network = new SystemNetwork();
const LOOPBACK = { host: '127.0.0.1', port: 0 };

const keyed = (secret: string): TlsOptions => ({
  presharedKey: () => ({ identity: 'example.org', key: Buffer.from(secret) }),
});
const identity = createSelfSignedIdentity(
  { clock: systemClock, random: systemRandom },
  { overlay: 'example.org' },
).tls;
const certified: TlsOptions = { identity, verifyPeer: () => {} };

async function server(tls: TlsOptions) {
  const refused: string[] = [];
  let onConnection!: (connection: Connection) => void;
  const accepted = new Promise<Connection>((resolve) => {
    onConnection = resolve;
  });
  const listener = await network.listen(LOOPBACK, onConnection, {
    ...tls,
    onRefused: ({ message }, from) => refused.push(`${from}: ${message}`),
  });
  return { listener, accepted, refused };
}

test('B33: two ends with one secret connect, show no certificate and share an exporter value', async (t) => {
  const { listener, accepted } = await server(keyed('correct horse battery'));
  const [near, again] = await Promise.all([
    network.connect(listener.local, { tls: keyed('correct horse battery') }),
    network.connect(listener.local, { tls: keyed('correct horse battery') }),
  ]);
  const far = await accepted;
  t.deepEqual(near.peerCertificates, []);
  t.deepEqual(far.peerCertificates, []);
  t.regex(far.channelBinding ?? '', /^[0-9a-f]{32}$/);
  t.true([near, again].some(({ channelBinding }) => channelBinding === far.channelBinding));
  t.not(near.channelBinding, again.channelBinding);
  const received = new Promise<string>((resolve) =>
    far.setHandler({ onData: (chunk) => resolve(chunk.toString()), onClose() {} }),
  );
  near.send(Buffer.from('hello'));
  again.send(Buffer.from('hello'));
  t.is(await received, 'hello');
  for (const connection of [near, again, far]) connection.destroy();
  await listener.close();
});

const REFUSALS: readonly [what: string, at: TlsOptions, from: TlsOptions, code: string, message: RegExp][] = [
  ['another secret', keyed('a'.repeat(16)), keyed('b'.repeat(16)), 'secret-refused', /is not ours/],
  ['a server without one', certified, keyed('b'.repeat(16)), 'secret-refused', /has no shared secret/],
  ['a client without one', keyed('a'.repeat(16)), certified, 'peer-refused', /may want a shared secret/],
];

for (const [what, at, from, code, message] of REFUSALS) {
  test(`B33: ${what} is refused, and both sides know why`, async (t) => {
    const { listener, refused } = await server(at);
    await t.throwsAsync(network.connect(listener.local, { tls: from }), { code, message });
    if (at.presharedKey !== undefined) {
      t.regex(refused[0] ?? '', /^127\.0\.0\.1: .*shared secret/);
      t.is(refused.length, 1);
    }
    await listener.close();
  });
}

test('B33: a new secret counts from the next handshake on', async (t) => {
  let secret = 'a'.repeat(16);
  const changing: TlsOptions = { presharedKey: () => ({ identity: 'x', key: Buffer.from(secret) }) };
  const { listener } = await server(changing);
  const before = await network.connect(listener.local, { tls: keyed('a'.repeat(16)) });
  before.destroy();
  secret = 'b'.repeat(16);
  await t.throwsAsync(network.connect(listener.local, { tls: keyed('a'.repeat(16)) }), {
    code: 'secret-refused',
  });
  const after = await network.connect(listener.local, { tls: keyed('b'.repeat(16)) });
  after.destroy();
  await listener.close();
});

test('B33: openssl with the secret gets in, and not without it', async (t) => {
  if (!requirePrograms(t, 'openssl')) return;
  const { listener, accepted } = await server(keyed('correct horse battery'));
  const hex = Buffer.from('correct horse battery').toString('hex');
  const connect = (key: string) => {
    const { port } = listener.local;
    const options = ['-connect', `127.0.0.1:${port}`, '-tls1_2', '-psk', key, '-psk_identity', 'other'];
    return new Promise<{ output: string; code: number | null }>((resolve) => {
      // Not spawnSync: the server is in this process.
      const child = spawn('openssl', ['s_client', ...options, '-cipher', 'PSK']);
      let output = '';
      child.stdout.on('data', (chunk) => {
        output += chunk;
        if (output.includes('Verify return code') && child.stdin.writable) child.stdin.end('Q\n');
      });
      child.stderr.resume();
      // It may have gone before it is told to.
      child.stdin.on('error', () => {});
      child.on('close', (code) => resolve({ output, code }));
    });
  };
  const known = await connect(hex);
  t.is(known.code, 0);
  t.regex(known.output, /Cipher is ECDHE-PSK-CHACHA20-POLY1305/);
  t.regex(known.output, /Extended master secret: yes/);
  (await accepted).destroy();
  t.is((await connect('00'.repeat(21))).code, 1);
  await listener.close();
});
