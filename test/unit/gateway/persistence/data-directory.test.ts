import { generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { utf8 } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { openDataDirectory } from '../../../../src/gateway/persistence/data-directory.ts';
import { DataError } from '../../../../src/gateway/persistence/errors.ts';
import { createSelfSignedIdentity, saveIdentity } from '../../../../src/reload/security/identity.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';

const commit = { durability: 'commit' } as const;
const freshDirectory = () => path.join(temporaryDirectory('data'), 'data');

function makeIdentity() {
  const deps = { clock: new VirtualClock(), random: new SeededRandom(1) };
  return saveIdentity(createSelfSignedIdentity(deps, { overlay: 'example.org' }));
}

test('a second opener is refused, told who holds the directory, and let in once it is free', async (t) => {
  const directory = freshDirectory();
  const first = await openDataDirectory(directory, commit);
  const error = await t.throwsAsync(openDataDirectory(directory, commit), { instanceOf: DataError });
  t.is(error?.code, 'data-in-use');
  t.is(
    error?.message,
    `${directory} is in use by process ${process.pid}; stop it, or give this peer a directory of its own`,
  );
  await first.close();
  const second = await openDataDirectory(directory, commit);
  await second.close();
});

test('a path too long for a socket is locked as well', async (t) => {
  const directory = path.join(freshDirectory(), 'long'.repeat(30));
  const first = await openDataDirectory(directory, commit);
  await t.throwsAsync(openDataDirectory(directory, commit), { code: 'data-in-use' });
  await first.close();
});

test('identity and secrets outlive the process, for their owner alone', async (t) => {
  const directory = freshDirectory();
  const made = makeIdentity();
  const first = await openDataDirectory(directory, commit);
  t.is(first.loadIdentity(), undefined);
  first.saveIdentity(made);
  const secret = first.secret('flow-token', () => Buffer.alloc(32, 7));
  await first.close();

  const second = await openDataDirectory(directory, commit);
  t.deepEqual(second.loadIdentity(), made);
  t.deepEqual(Buffer.from(second.secret('flow-token', () => Buffer.alloc(32, 9))), Buffer.from(secret));
  await second.close();
  for (const name of readdirSync(directory)) {
    if (/identity|secret/.test(name)) t.is(statSync(path.join(directory, name)).mode & 0o777, 0o600, name);
  }
});

test('an identity that cannot be used is named, with what to do', async (t) => {
  const directory = freshDirectory();
  const data = await openDataDirectory(directory, commit);
  t.teardown(() => data.close());
  data.saveIdentity(makeIdentity());
  const file = path.join(directory, 'identity.pem');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const otherKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const certificate = readFileSync(file, 'utf8').replace(/[\s\S]*(?=-----BEGIN CERT)/, '');
  for (const text of ['', 'nonsense', certificate, otherKey, otherKey + certificate]) {
    writeFileSync(file, text);
    const error = t.throws(() => data.loadIdentity(), { instanceOf: DataError });
    t.is(error?.code, 'identity-damaged');
    t.regex(error?.message ?? '', /identity\.pem cannot be used .*; bring it back from a backup/);
  }
});

test('data: memory keeps everything until the peer ends, and nothing after', async (t) => {
  const data = await openDataDirectory('memory', commit);
  const made = makeIdentity();
  data.saveIdentity(made);
  t.is(data.loadIdentity(), made);
  const secret = data.secret('x', () => Buffer.alloc(16, 1));
  t.is(
    data.secret('x', () => Buffer.alloc(16, 2)),
    secret,
  );
  await data.store.write([{ key: 'k', value: utf8('v') }]);
  t.truthy(data.store.get('k'));
  await data.close();
  t.is((await openDataDirectory('memory', commit)).store.get('k'), undefined);
});

test('a directory that cannot be made is refused with the mend', async (t) => {
  const file = path.join(temporaryDirectory('data'), 'file');
  writeFileSync(file, '');
  const error = await t.throwsAsync(openDataDirectory(path.join(file, 'data'), commit), {
    instanceOf: DataError,
  });
  t.is(error?.code, 'data-unusable');
  t.regex(error?.message ?? '', /; make it writable, or name another one$/);
});

for (const [what, spoil] of [
  ['damaged', (file: string) => writeFileSync(file, 'this is not a database '.repeat(1000))],
  ['cut off', (file: string) => truncateSync(file, Math.floor(statSync(file).size / 3))],
] as const) {
  test(`a ${what} store is moved aside whole, said in one line, and a new one begun`, async (t) => {
    const directory = freshDirectory();
    const file = path.join(directory, 'store.mdb');
    const first = await openDataDirectory(directory, commit);
    const secret = first.secret('flow-token', () => Buffer.alloc(32, 7));
    await first.store.write(
      Array.from({ length: 2000 }, (_, i) => ({ key: `k/${i}`, value: Buffer.alloc(500, i) })),
    );
    await first.close();
    spoil(file);
    const spoilt = readFileSync(file);

    await t.throwsAsync(openDataDirectory(directory, commit), { code: 'store-damaged' });
    const reports: string[] = [];
    const data = await openDataDirectory(directory, {
      ...commit,
      onMovedAside: (line) => reports.push(line),
    });
    t.is(reports.length, 1);
    const [, aside = ''] =
      /^[^\n]* is damaged \(.*\): moved to (\S+), and a new store begun$/.exec(reports[0]!) ?? [];
    t.regex(aside, /store\.mdb\.aside-\d{8}T\d{6}Z$/);
    t.deepEqual(readFileSync(aside).subarray(0, spoilt.length), spoilt);
    t.deepEqual([...data.store.entries('k/')], []);
    t.deepEqual(Buffer.from(data.secret('flow-token', () => Buffer.alloc(32, 9))), Buffer.from(secret));
    await data.close();
    const again = await openDataDirectory(directory, {
      ...commit,
      onMovedAside: (line) => reports.push(line),
    });
    t.is(reports.length, 1);
    await again.close();
  });
}

test('the store of a newer version is moved aside and can be brought back', async (t) => {
  const directory = freshDirectory();
  const first = await openDataDirectory(directory, commit);
  await first.store.write([
    { key: 'k', value: utf8('of the future') },
    { key: 'meta/schema', value: utf8('99') },
  ]);
  await first.close();
  const reports: string[] = [];
  const data = await openDataDirectory(directory, { ...commit, onMovedAside: (line) => reports.push(line) });
  t.regex(reports[0]!, /written by a newer version of p2psip \(schema 99, this one reads 3\): moved to/);
  t.is(data.store.get('k'), undefined);
  await data.close();
  const aside = readdirSync(directory).find((name) => name.startsWith('store.mdb.aside-'))!;
  t.true(readFileSync(path.join(directory, aside)).includes('of the future'));
});
