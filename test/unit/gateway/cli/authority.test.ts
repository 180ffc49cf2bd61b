import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../../../src/net/system-clock.ts';
import { readDocument } from '../../../../src/reload/document/document-reader.ts';
import { verifyFirstDocument } from '../../../../src/reload/document/document-verification.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';
import { TestCli } from './run-cli.ts';

async function run(args: readonly string[], stdin = '') {
  const cli = new TestCli();
  cli.stdin = stdin;
  const exit = await cli.run(...args);
  return { exit, stdout: cli.stdout.text, stderr: cli.stderr.text };
}

async function newOverlay(t: ExecutionContext, ...more: string[]) {
  const dir = path.join(temporaryDirectory('authority'), 'overlay');
  const made = await run([
    ...['overlay', 'create', 'example.org', '--dir', dir],
    ...['--enrollment', 'https://192.0.2.1:8443/', '--bootstrap', '192.0.2.7:6084', ...more],
  ]);
  t.is(made.exit, 0, made.stderr);
  const user = (command: string, aor: string, password = 'secret', ...flags: string[]) =>
    run(['user', command, aor, '--dir', dir, '--password-stdin', ...flags], password);
  const document = () => readDocument(readFileSync(path.join(dir, 'overlay.xml')));
  return { dir, made, user, document };
}

const mode = (file: string) => (statSync(file).mode & 0o777).toString(8);

for (const key of ['ec', 'rsa']) {
  test(`A20: overlay create makes a signed document, keys and an account store (${key})`, async (t) => {
    const { dir, made, document } = await newOverlay(t, '--key', key);
    const written = document();
    t.notThrows(() => verifyFirstDocument({ clock: systemClock }, written));
    t.is(written.name, 'example.org');
    t.is(written.selfSignedPermitted, undefined);
    t.deepEqual(written.enrollmentServers, ['https://192.0.2.1:8443/']);
    t.deepEqual(written.bootstrapNodes, [{ host: '192.0.2.7', port: 6084 }]);
    t.deepEqual(written.domainRestriction, { enabled: false, patterns: [] });
    t.true(written.noIce);
    t.is(written.kinds.get(1)?.maxCount, 32);
    const root = new X509Certificate(readFileSync(path.join(dir, 'offline', 'root.pem')));
    t.is(root.publicKey.asymmetricKeyType, key as 'ec');
    const pin = createHash('sha256').update(root.raw).digest('hex');
    t.true(made.stdout.includes(`https://192.0.2.1:8443/#sha256=${pin}`), made.stdout);
    t.is(readFileSync(path.join(dir, 'enrollment.url'), 'utf8'), `https://192.0.2.1:8443/#sha256=${pin}\n`);
    const server = new X509Certificate(readFileSync(path.join(dir, 'server.pem')));
    t.true(server.checkIssued(root) && server.verify(root.publicKey));
    t.truthy(server.checkIP('192.0.2.1'));
    t.truthy(server.checkHost('example.org'), 'RFC 6940 §11.2 has clients compare the overlay’s name');
  });
}

test('T16: the root lies apart, the document is signed by another key, secrets are for their owner only', async (t) => {
  const { dir, made, document } = await newOverlay(t);
  t.regex(made.stdout, /move that directory off this machine now/);
  const [root, issuer] = document().rootCertificates.map((der) => new X509Certificate(der));
  t.true(issuer!.checkIssued(root!) && issuer!.ca);
  const [signer] = document().configurationSigners;
  const certificate = new X509Certificate(readFileSync(path.join(dir, 'signer.pem')));
  t.true(certificate.subjectAltName!.includes(signer!));
  t.deepEqual(readdirSync(path.join(dir, 'offline')).sort(), ['root.key', 'root.pem']);
  t.false(existsSync(path.join(dir, 'root.key')));
  for (const directory of [dir, path.join(dir, 'offline'), path.join(dir, 'accounts')]) {
    t.is(mode(directory), '700', directory);
  }
  const keys = ['issuer.key', 'signer.key', 'server.key', 'offline/root.key'];
  for (const file of keys) t.is(mode(path.join(dir, file)), '600', file);
});

test('an overlay is never overwritten, nor is a directory with anything else in it', async (t) => {
  const { dir } = await newOverlay(t);
  const before = readFileSync(path.join(dir, 'overlay.xml'));
  const again = await run(['overlay', 'create', 'example.net', '--dir', dir]);
  t.is(again.exit, 2);
  t.regex(
    again.stderr,
    /^p2psip: .* holds an overlay already, which is left as it is; name another directory.*\n$/,
  );
  t.deepEqual(readFileSync(path.join(dir, 'overlay.xml')), before);
  const other = path.join(temporaryDirectory('authority'), 'other');
  mkdirSync(other);
  writeFileSync(path.join(other, 'precious'), '');
  t.is((await run(['overlay', 'create', 'example.net', '--dir', other])).exit, 2);
  t.deepEqual(readdirSync(other), ['precious']);
});

test('what overlay create cannot take is said in one line, and nothing is written', async (t) => {
  const dir = path.join(temporaryDirectory('authority'), 'overlay');
  for (const args of [
    ['not_a_name'],
    ['example.org', '--key', 'dsa'],
    ['example.org', '--enrollment', 'http://example.org/'],
    ['example.org', '--enrollment', 'https://example.org/#sha256=00'],
    ['example.org', '--enrollment', 'https://example.org/.well-known/reload-config'],
    ['example.org', '--enrollment', 'https://example.org/p2psip/registration'],
    ['example.org', '--bootstrap', 'peer.example.org:6084'],
  ]) {
    const { exit, stderr } = await run(['overlay', 'create', ...args, '--dir', dir]);
    t.is(exit, 2, args.join(' '));
    t.is(stderr.trim().split('\n').length, 1, stderr);
    t.false(existsSync(dir));
  }
});

test('A19: accounts are made, listed and changed; passwords are hashed', async (t) => {
  const { dir, user } = await newOverlay(t);
  t.is((await user('add', 'alice@Example.ORG', 'päss word\n')).exit, 0);
  t.is((await user('add', 'gw1@example.org', 'secret', '--adapter')).exit, 0);
  const listed = JSON.parse((await run(['user', 'list', '--dir', dir, '--json'])).stdout);
  t.deepEqual(
    listed.map(({ name, adapter, nodeIds }: Record<string, unknown>) => [name, adapter, nodeIds]),
    [
      ['alice@example.org', false, []],
      ['gw1@example.org', true, []],
    ],
  );
  t.regex((await run(['user', 'list', '--dir', dir])).stdout, /gw1@example\.org +adapter +- /);
  const file = path.join(dir, 'accounts', 'alice@example.org.json');
  t.is(mode(file), '600');
  const before = JSON.parse(readFileSync(file, 'utf8'));
  t.false(JSON.stringify(before).includes('päss'));
  t.regex(before.password, /^\$scrypt\$/);
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  t.is(before.ha1.user.md5, md5('alice:example.org:päss word'));
  t.is(before.ha1.aor.md5, md5('alice@example.org:example.org:päss word'));
  t.is((await user('passwd', 'alice@example.org', 'other')).exit, 0);
  const after = JSON.parse(readFileSync(file, 'utf8'));
  t.is(after.ha1.user.md5, md5('alice:example.org:other'));
  t.not(after.password, before.password);
  t.is(after.id, before.id);
});

test('A24: a taken name is refused and keeps its password; so are names outside the overlay and bad passwords', async (t) => {
  const { dir, user } = await newOverlay(t);
  await user('add', 'alice@example.org');
  const file = path.join(dir, 'accounts', 'alice@example.org.json');
  const before = readFileSync(file, 'utf8');
  const taken = await user('add', 'alice@example.org', 'other');
  t.is(taken.exit, 1);
  t.regex(taken.stderr, /^p2psip: alice@example\.org has an account already; .*\n$/);
  t.is(readFileSync(file, 'utf8'), before);
  for (const [aor, password] of [
    ['alice@example.net', 'x'],
    ['alice', 'x'],
    ['../evil', 'x'],
    ['jürgen@example.org', 'x'],
    ['configuration-signer@example.org', 'x'],
    [`${'a'.repeat(300)}@example.org`, 'x'],
    ['bob@example.org', ''],
    ['bob@example.org', 'a\nb'],
    ['bob@example.org', 'x'.repeat(2_000)],
  ] as const) {
    const { exit, stderr } = await user('add', aor, password);
    t.is(exit, 2, aor);
    t.is(stderr.trim().split('\n').length, 1, stderr);
  }
  t.deepEqual(readdirSync(path.join(dir, 'accounts')), ['alice@example.org.json']);
  t.is((await user('add', '%2e%2e%2fevil@example.org')).exit, 0, 'an odd name is no path');
  t.is(readdirSync(path.join(dir, 'accounts')).length, 2);
});

test('commands for a directory without an overlay and for unknown accounts say what to do', async (t) => {
  const empty = temporaryDirectory('authority');
  const missing = await run(['user', 'list', '--dir', empty]);
  t.is(missing.exit, 2);
  t.regex(missing.stderr, /holds no overlay; make one: p2psip overlay create NAME --dir/);
  const { dir, user } = await newOverlay(t);
  for (const { exit, stderr } of [
    await user('passwd', 'nobody@example.org'),
    await run(['user', 'remove', 'nobody@example.org', '--dir', dir]),
  ]) {
    t.is(exit, 1);
    t.regex(stderr, /nobody@example\.org has no account; p2psip user list shows/);
  }
});

test('T16: user remove revokes the name and its Node-IDs in a new document that the previous signer signed', async (t) => {
  const { dir, user, document } = await newOverlay(t);
  await user('add', 'alice@example.org');
  const account = JSON.parse(readFileSync(path.join(dir, 'accounts', 'alice@example.org.json'), 'utf8'));
  const nodeId = 'ab'.repeat(16);
  const certifiedUntil = Date.now() + 20 * 86_400_000;
  writeFileSync(
    path.join(dir, 'nodes', `${account.id}.json`),
    JSON.stringify({ nodeIds: [nodeId], certifiedUntil }),
  );
  const before = Date.now();
  const removed = await run(['user', 'remove', 'alice@example.org', '--dir', dir]);
  t.is(removed.exit, 0, removed.stderr);
  t.regex(removed.stdout, /configuration document 2 signed/);
  const next = document();
  t.is(next.sequence, 2);
  t.true(next.revokedUsers.get('alice@example.org')! >= before);
  t.deepEqual([...next.badNodes], [nodeId]);
  t.notThrows(() => verifyFirstDocument({ clock: systemClock }, next));
  const { users, nodes } = JSON.parse(readFileSync(path.join(dir, 'revocations.json'), 'utf8'));
  t.true(users['alice@example.org'] > certifiedUntil, 'kept until the longest certificate has expired');
  t.true(nodes[nodeId] > certifiedUntil);
  t.deepEqual(readdirSync(path.join(dir, 'accounts')), []);
  t.is((await user('add', 'alice@example.org')).exit, 0, 'the name can be given again');
});

test('T16: a password that was stolen is changed with --revoke: the certificates are void, the Node-IDs stay', async (t) => {
  const { dir, user, document } = await newOverlay(t);
  await user('add', 'alice@example.org');
  t.is((await user('passwd', 'alice@example.org', 'other')).exit, 0);
  t.is(document().sequence, 1);
  t.is((await user('passwd', 'alice@example.org', 'third', '--revoke')).exit, 0);
  t.deepEqual([...document().revokedUsers.keys()], ['alice@example.org']);
  t.is(document().badNodes.size, 0);
  t.true(existsSync(path.join(dir, 'accounts', 'alice@example.org.json')));
});

test('T16: a removal that was broken off is finished by the next one', async (t) => {
  const { dir, user, document } = await newOverlay(t);
  await user('add', 'alice@example.org');
  await user('add', 'bob@example.org');
  const accounts = path.join(dir, 'accounts');
  const file = path.join(accounts, 'alice@example.org.json');
  const { id } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(path.join(accounts, `${id}.removed`), readFileSync(file));
  // As `user remove` leaves it when it is killed behind its first step.
  rmSync(file);
  t.is((await run(['user', 'remove', 'bob@example.org', '--dir', dir])).exit, 0);
  t.deepEqual([...document().revokedUsers.keys()].sort(), ['alice@example.org', 'bob@example.org']);
  t.deepEqual(readdirSync(accounts), []);
});

test('overlay update adds and removes bootstrap nodes and bad nodes, each time in the next document', async (t) => {
  const { dir, document } = await newOverlay(t);
  const update = (...args: string[]) => run(['overlay', 'update', '--dir', dir, ...args]);
  t.is((await update('--add-bootstrap', '[2001:db8::7]:7000', '--remove-bootstrap', '192.0.2.7')).exit, 0);
  t.deepEqual(document().bootstrapNodes, [{ host: '2001:db8::7', port: 7000 }]);
  t.is((await update('--bad-node', 'AB'.repeat(16))).exit, 0);
  t.true(document().badNodes.has('ab'.repeat(16)));
  t.is(document().sequence, 3);
  const [signer] = document().configurationSigners;
  for (const id of ['ab', signer!]) t.is((await update('--bad-node', id)).exit, 2);
  t.is(document().sequence, 3);
});

test('T1: overlay update names the multicast groups in which peers are looked for', async (t) => {
  const { dir, document } = await newOverlay(t);
  const update = (...args: string[]) => run(['overlay', 'update', '--dir', dir, ...args]);
  t.is((await update('--multicast', '239.255.42.1', '[ff05::42]:7000')).exit, 0);
  const groups = [
    { host: '239.255.42.1', port: 6084 },
    { host: 'ff05::42', port: 7000 },
  ];
  t.deepEqual(document().multicastBootstrap, groups);
  t.is((await update('--bad-node', 'AB'.repeat(16))).exit, 0);
  t.deepEqual(document().multicastBootstrap, groups);
  const wrong = await update('--multicast', '192.0.2.7');
  t.is(wrong.exit, 2);
  t.regex(
    wrong.stderr,
    /--multicast: "192\.0\.2\.7" is no multicast group; write it like 239\.255\.42\.1:6084/,
  );
  t.is((await update('--multicast', 'none')).exit, 0);
  t.deepEqual(document().multicastBootstrap, []);
});

test('T16: from half the message size on, every new document comes with a warning', async (t) => {
  const { dir } = await newOverlay(t);
  const ids = Array.from({ length: 450 }, (_, i) => i.toString(16).padStart(32, '0'));
  const many = await run(['overlay', 'update', '--dir', dir, ...ids.flatMap((id) => ['--bad-node', id])]);
  t.is(many.exit, 0);
  t.regex(
    many.stderr,
    /^warning: the configuration document has \d+ bytes, with 0 revoked users and 450 bad nodes: \d\d % /,
  );
});

test('a document that somebody changed is not signed over', async (t) => {
  const { dir, user } = await newOverlay(t);
  const file = path.join(dir, 'overlay.xml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('<initial-ttl>100<', '<initial-ttl>99<'));
  const { exit, stderr } = await user('add', 'alice@example.org');
  t.is(exit, 1);
  t.regex(stderr, /overlay\.xml cannot be used \(.*\); bring it back from a backup/);
});
