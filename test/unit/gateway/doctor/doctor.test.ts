import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { diagnose } from '../../../../src/gateway/doctor/doctor.ts';
import type { Finding } from '../../../../src/gateway/doctor/finding.ts';
import { openDataDirectory } from '../../../../src/gateway/persistence/data-directory.ts';
import { SystemNetwork, systemClock, systemRandom } from '../../../../src/net/index.ts';
import { createSelfSignedIdentity } from '../../../../src/reload/security/identity.ts';
import { TestEnrollmentServer } from '../../../support/enrollment-server.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';
import { sipTlsFiles } from '../../../support/tls-files.ts';
import { TestCli } from '../cli/run-cli.ts';

function writeFiles(config: string, users = 'users: [{ aor: alice@example.org, password: secret }]'): string {
  const directory = temporaryDirectory('doctor');
  writeFileSync(path.join(directory, 'users.yaml'), users, { mode: 0o600 });
  const file = path.join(directory, 'gateway.yaml');
  writeFileSync(file, config);
  return file;
}

const healthy = `
overlay: { name: example.org, first: true, listen: 'tls://127.0.0.1:0' }
sip: { listen: [udp://127.0.0.1:0, tcp://127.0.0.1:0] }
users: users.yaml
admin: http://127.0.0.1:0
`;

async function findings(file: string, ...sets: string[]): Promise<readonly Finding[]> {
  return (await diagnose(file, sets, { network: new SystemNetwork() })).findings;
}

function find(all: readonly Finding[], check: string, verdict: Finding['verdict']): Finding {
  const found = all.find((finding) => finding.check === check && finding.verdict === verdict);
  if (found === undefined) throw new Error(`no ${verdict} ${check} in ${JSON.stringify(all)}`);
  return found;
}

async function occupy(t: ExecutionContext): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

test('P7: a healthy configuration: no failure, exit 0, nothing made on disk', async (t) => {
  const file = writeFiles(healthy);
  const all = await findings(file);
  t.deepEqual(
    all.filter(({ verdict }) => verdict === 'fail'),
    [],
  );
  t.is(find(all, 'users', 'ok').detail, '1 users');
  t.is(find(all, 'data', 'ok').detail, `${path.dirname(file)}/data will be made at the first start`);
  const cli = new TestCli();
  t.is(await cli.run('doctor', '-c', file), 0);
  t.regex(cli.stdout.text, /^ +CHECK +FOUND +MEND\nok +file +\S+ is a valid configuration\n/);
});

test('P9: the certificates that phones see: their names and dates', async (t) => {
  const file = writeFiles(healthy);
  const fresh = sipTlsFiles({ dnsNames: ['sip.example.org'] });
  const old = sipTlsFiles({ notAfter: Date.now() - 1000 });
  const all = await findings(
    file,
    `sip.tls=[{cert: ${fresh.cert}, key: ${fresh.key}}, {cert: ${old.cert}, key: ${old.key}}]`,
    'sip.listen=[tls://127.0.0.1:0, wss://127.0.0.1:0]',
  );
  t.regex(find(all, 'sip.tls[0]', 'ok').detail, /DNS:sip\.example\.org.* valid until 20/);
  t.regex(find(all, 'sip.tls[1]', 'warn').detail, /ended .*, phones refuse it/);
  t.is(find(all, 'sip.tls[1]', 'warn').mend, 'renew it');
  t.regex(find(all, 'sip.listen[1]', 'ok').detail, /^TCP .* is free/);
});

test('a wrong file: every problem a row, exit 2', async (t) => {
  const file = writeFiles(`${healthy}\nlog: { level: loud }\ntrase: x\n`);
  const cli = new TestCli();
  t.is(await cli.run('doctor', '-c', file), 2);
  t.regex(cli.stdout.text, /^fail +log\.level +"loud" is not known +choose error, warn, info, debug$/m);
  t.regex(cli.stdout.text, /^fail +trase +is not a key of this version +did you mean trace\?$/m);
});

test('a port in use fails with who may have it, exit 1', async (t) => {
  const port = await occupy(t);
  const file = writeFiles(healthy);
  const all = await findings(file, `admin=http://127.0.0.1:${port}`);
  t.is(find(all, 'admin', 'fail').detail, `TCP 127.0.0.1:${port} is in use`);
  const cli = new TestCli();
  t.is(await cli.run('doctor', '-c', file, '--set', `admin=http://127.0.0.1:${port}`, '--json'), 1);
  t.true((JSON.parse(cli.stdout.text) as Finding[]).some(({ verdict }) => verdict === 'fail'));
});

test('an address that is not ours fails', async (t) => {
  const all = await findings(writeFiles(healthy), 'sip.listen=[udp://192.0.2.1:5060]');
  t.regex(find(all, 'sip.listen[0]', 'fail').detail, /^UDP 192\.0\.2\.1:5060: /);
});

/** A listener for links, as a peer of that overlay would have it. */
async function listenAsPeer(t: ExecutionContext, overlay: string): Promise<number> {
  const identity = createSelfSignedIdentity({ clock: systemClock, random: systemRandom }, { overlay });
  const options = { identity: identity.tls, verifyPeer: () => {} };
  const address = { host: '127.0.0.1', port: 0 };
  const listener = await new SystemNetwork().listen(address, (link) => link.destroy(), options);
  t.teardown(() => listener.close());
  return listener.local.port;
}

test('bootstrap peers: none reachable fails, one is enough, a first peer only hears of it', async (t) => {
  const port = await listenAsPeer(t, 'example.org');
  const file = writeFiles(healthy);
  const dead = 'tls://127.0.0.1:1';
  const alone = await findings(file, 'overlay.first=false', `overlay.bootstrap=[${dead}]`);
  t.regex(find(alone, 'overlay.bootstrap[0]', 'fail').detail, /^127\.0\.0\.1:1 cannot be reached/);
  const sets = ['overlay.first=false', `overlay.bootstrap=[${dead}, tls://127.0.0.1:${port}]`];
  const two = await findings(file, ...sets);
  t.is(find(two, 'overlay.bootstrap[0]', 'warn').check, 'overlay.bootstrap[0]');
  t.regex(find(two, 'overlay.bootstrap[1]', 'ok').detail, /^127\.0\.0\.1:\d+ is [0-9a-f]{32}$/);
  const stranger = await occupy(t);
  const noPeer = find(
    await findings(file, `overlay.bootstrap=[tls://127.0.0.1:${stranger}]`),
    'overlay.bootstrap[0]',
    'warn',
  );
  t.regex(noPeer.detail, /cannot be reached/);
  const first = await findings(file, `overlay.bootstrap=[${dead}]`);
  t.truthy(find(first, 'overlay.bootstrap[0]', 'warn'));
});

test('a data directory in use or damaged fails with the mend; memory is a warning', async (t) => {
  const file = writeFiles(healthy);
  const directory = path.join(path.dirname(file), 'data');
  const holder = await openDataDirectory(directory, { durability: 'commit' });
  t.regex(find(await findings(file), 'data', 'fail').detail, /is in use by process/);
  await holder.close();
  t.is(find(await findings(file), 'data', 'ok').detail, `${directory} can be used`);
  writeFileSync(path.join(directory, 'store.mdb'), 'x'.repeat(9000));
  const damaged = find(await findings(file), 'data', 'fail');
  t.regex(damaged.detail, /is damaged/);
  t.regex(damaged.mend ?? '', /^move /);
  t.truthy(find(await findings(file, 'data=memory'), 'data', 'warn'));
});

test('secrets others can read, an empty users file, and nobody asked for a password', async (t) => {
  const file = writeFiles(healthy);
  chmodSync(path.join(path.dirname(file), 'users.yaml'), 0o644);
  t.regex(find(await findings(file), 'secrets', 'warn').mend ?? '', /^chmod 600 /);
  t.truthy(find(await findings(writeFiles(healthy, 'users: []')), 'users', 'warn'));
  const open = await findings(file, 'sip.auth=none', 'sip.listen=[udp://0.0.0.0:0]');
  t.truthy(find(open, 'sip.auth', 'warn'));
  t.truthy(find(await findings(file, 'sip.auth=none'), 'users', 'ok'));
});

test('a self-signed overlay that is open beyond loopback is a warning, with a list of Node-IDs it is not', async (t) => {
  const file = writeFiles(healthy);
  const wide = 'overlay.listen=[tls://0.0.0.0:0]';
  t.regex(
    find(await findings(file, wide, 'overlay.open=true'), 'overlay.open', 'warn').detail,
    /whoever connects can answer for any user/,
  );
  const listed = await findings(file, wide, `overlay.allow=[${'ab'.repeat(16)}]`);
  t.truthy(find(listed, 'overlay.allow', 'ok'));
});

test('B33: a shared secret closes a self-signed overlay; whether multicast works is looked at, or not', async (t) => {
  const file = writeFiles(healthy);
  writeFileSync(path.join(path.dirname(file), 'secret'), 'the secret of some peers\n', { mode: 0o600 });
  const sets = ['overlay.listen=[tls://0.0.0.0:0]', 'overlay.shared-secret-file=./secret'];
  const found = await findings(file, ...sets);
  t.truthy(find(found, 'overlay.shared-secret-file', 'ok'));
  const isLookedAt = (all: typeof found) => all.some(({ check }) => check === 'overlay.local-discovery');
  t.true(isLookedAt(found));
  t.false(isLookedAt(await findings(file, ...sets, 'overlay.local-discovery=false')));
  t.false(isLookedAt(await findings(file)));
});

test('an unwritable place for the data fails', async (t) => {
  if (process.getuid?.() === 0) return t.pass('root may write anywhere');
  const file = writeFiles(healthy);
  const locked = path.join(path.dirname(file), 'locked');
  mkdirSync(locked, { mode: 0o500 });
  t.truthy(find(await findings(file, 'data=locked/data'), 'data', 'fail'));
});

test('B32: a document on a server is fetched and looked at, and nobody is enrolled', async (t) => {
  const server = new TestEnrollmentServer();
  await server.start();
  t.teardown(() => server.stop());
  const file = writeFiles(`
overlay:
  name: example.org
  first: true
  listen: tls://127.0.0.1:0
  document: ${server.url}
  enroll: { username: gw1@example.org, password-file: users.yaml }
sip: { listen: [udp://127.0.0.1:0] }
admin: http://127.0.0.1:0
`);
  const all = await findings(file);
  t.is(
    find(all, 'overlay.document', 'ok').detail,
    `${server.url} hands out a document that has number 1 and is properly signed`,
  );
  t.is(find(all, 'overlay.enroll', 'ok').detail, `gw1@example.org enrolls at ${server.enrollmentUrl}`);
  t.is(find(all, 'users', 'ok').detail, 'those who have accounts at the enrollment server');
  t.deepEqual(server.requests, ['GET /.well-known/reload-config']);

  const domains = await findings(file, 'sip.domains=[example.org, else.example]');
  t.is(
    domains.find(({ check }) => check === 'sip.domains'),
    undefined,
    'the document admits any',
  );
  server.document = server.documentOf(2, { domainRestriction: { enabled: false, patterns: [] } });
  const refused = await findings(file, 'sip.domains=[example.org, else.example]');
  t.is(find(refused, 'sip.domains', 'warn').detail, 'the overlay takes no registrations of else.example');

  const other = `overlay.document=https://127.0.0.1:${server.port}/#sha256=${'ab'.repeat(32)}`;
  t.regex(
    find(await findings(file, other), 'overlay.document', 'fail').mend ?? '',
    /check the URL and its pin/,
  );
  await server.stop();
  const down = find(await findings(file), 'overlay.document', 'fail');
  t.regex(down.detail, /the configuration server does not answer/);
});
