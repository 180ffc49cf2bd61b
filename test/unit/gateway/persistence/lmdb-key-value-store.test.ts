import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { fromUtf8, utf8 } from '../../../../src/base/index.ts';
import { DataError } from '../../../../src/gateway/persistence/errors.ts';
import { LmdbKeyValueStore } from '../../../../src/gateway/persistence/lmdb-key-value-store.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';

const commit = { durability: 'commit' } as const;

function freshPath(): string {
  return path.join(temporaryDirectory('store'), 'store.mdb');
}

function texts(entries: Iterable<readonly [string, Uint8Array]>): [string, string][] {
  return [...entries].map(([key, value]) => [key, fromUtf8(value)]);
}

for (const durability of ['commit', 'power'] as const) {
  test(`durability ${durability}: what was written is there after closing and opening again`, async (t) => {
    const file = freshPath();
    const store = await LmdbKeyValueStore.open(file, { durability });
    await store.write([
      { key: 'binding/a', value: utf8('1') },
      { key: 'binding/b', value: utf8('2') },
    ]);
    await store.write([{ key: 'binding/a', value: undefined }]);
    await store.close();
    const again = await LmdbKeyValueStore.open(file, { durability });
    t.deepEqual(texts(again.entries('binding/')), [['binding/b', '2']]);
    await again.close();
  });
}

test('reads see every write asked for before, committed or not', async (t) => {
  const store = await LmdbKeyValueStore.open(freshPath(), commit);
  await store.write(['a', 'c', 'e'].map((key) => ({ key: `k/${key}`, value: utf8('old') })));
  const writing = store.write([
    { key: 'k/b', value: utf8('new') },
    { key: 'k/c', value: utf8('new') },
    { key: 'k/e', value: undefined },
    { key: 'k/f', value: utf8('new') },
    { key: 'other', value: utf8('new') },
  ]);
  const expected = [
    ['k/a', 'old'],
    ['k/b', 'new'],
    ['k/c', 'new'],
    ['k/f', 'new'],
  ];
  t.deepEqual(texts(store.entries('k/')), expected as [string, string][]);
  t.is(store.get('k/e'), undefined);
  t.is(fromUtf8(store.get('k/c')!), 'new');
  await writing;
  t.deepEqual(texts(store.entries('k/')), expected as [string, string][]);
  t.is(store.get('k/e'), undefined);
  await store.close();
});

test('a write that nobody waits for goes along with the next one, or by itself before long', async (t) => {
  const store = await LmdbKeyValueStore.open(freshPath(), commit);
  const done: string[] = [];
  const write = (key: string, patient: boolean) =>
    store.write([{ key, value: utf8(key) }], { patient }).then(() => done.push(key));
  const patient = write('patient', true);
  t.is(fromUtf8(store.get('patient')!), 'patient', 'seen at once');
  await write('urgent', false);
  await patient;
  t.deepEqual(done, ['patient', 'urgent'], 'one transaction');
  await write('alone', true);
  const closing = write('last', true);
  await store.close();
  await closing;
  t.deepEqual(done, ['patient', 'urgent', 'alone', 'last']);
});

test('the last of several writes to a key wins, in whatever order they are committed', async (t) => {
  const store = await LmdbKeyValueStore.open(freshPath(), commit);
  const writes = Array.from({ length: 50 }, (_, i) => store.write([{ key: 'k', value: utf8(String(i)) }]));
  t.is(fromUtf8(store.get('k')!), '49');
  await Promise.all(writes);
  t.is(fromUtf8(store.get('k')!), '49');
  await store.close();
});

test('a value read before stays what it was when the store goes on', async (t) => {
  const store = await LmdbKeyValueStore.open(freshPath(), commit);
  await store.write([{ key: 'k', value: utf8('before') }]);
  const [value] = [store.get('k')!];
  const [[, listed]] = [...store.entries('k')] as [[string, Uint8Array]];
  await store.write([
    { key: 'k', value: utf8('behind') },
    { key: 'l', value: utf8('beside') },
  ]);
  store.get('l');
  t.is(fromUtf8(value), 'before');
  t.is(fromUtf8(listed), 'before');
  await store.close();
});

test('entries come in key order and end with the prefix', async (t) => {
  const store = await LmdbKeyValueStore.open(freshPath(), commit);
  const keys = ['b/2', 'b/10', 'b', 'b/', 'c', 'a', 'b0'];
  await store.write(keys.map((key) => ({ key, value: utf8('x') })));
  t.deepEqual(
    [...store.entries('b/')].map(([key]) => key),
    ['b/', 'b/10', 'b/2'],
  );
  await store.close();
});

test('a key that does not fit is refused before anything is written', async (t) => {
  const store = await LmdbKeyValueStore.open(freshPath(), commit);
  const batch = [
    { key: 'a', value: utf8('x') },
    { key: 'k'.repeat(3000), value: utf8('x') },
  ];
  await t.throwsAsync(store.write(batch), { instanceOf: RangeError });
  t.is(store.get('a'), undefined);
  await store.close();
});

async function refusal(file: string): Promise<DataError> {
  try {
    const store = await LmdbKeyValueStore.open(file, commit);
    await store.close();
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
  throw new Error('it was opened');
}

test('a store of a newer version is refused with the mend', async (t) => {
  const file = freshPath();
  const store = await LmdbKeyValueStore.open(file, commit);
  await store.write([{ key: 'meta/schema', value: utf8('99') }]);
  await store.close();
  const { code, message } = await refusal(file);
  t.is(code, 'store-version');
  t.is(
    message,
    `${file} was written by a newer version of p2psip (schema 99, this one reads 3); use that version, or move the file away and start again`,
  );
});

test('a damaged store is reported, not a reason to crash: foreign, short, cut off', async (t) => {
  const foreign = freshPath();
  writeFileSync(foreign, 'this is not a database '.repeat(1000));
  t.is((await refusal(foreign)).code, 'store-damaged');
  const short = freshPath();
  writeFileSync(short, 'x');
  t.is((await refusal(short)).code, 'store-damaged');

  const cut = freshPath();
  const store = await LmdbKeyValueStore.open(cut, commit);
  await store.write(Array.from({ length: 2000 }, (_, i) => ({ key: `k/${i}`, value: Buffer.alloc(500, i) })));
  await store.close();
  truncateSync(cut, Math.floor(statSync(cut).size / 3));
  const { code, message } = await refusal(cut);
  t.is(code, 'store-damaged');
  t.regex(message, /store\.mdb is damaged \(.*\); move .*store\.mdb away and start again/);
});

test('a store that kills whoever reads it is found out by a process of its own at the next start', async (t) => {
  const file = freshPath();
  const store = await LmdbKeyValueStore.open(file, commit);
  await store.write([{ key: 'k', value: utf8('v') }]);
  await store.close();
  // What a start leaves behind that dies on the way.
  writeFileSync(`${file}-opening`, '');
  const again = await LmdbKeyValueStore.open(file, commit);
  t.is(fromUtf8(again.get('k')!), 'v', 'killed from outside: nothing is wrong with the store');
  await again.close();
  t.false(existsSync(`${file}-opening`));

  const bytes = readFileSync(file);
  bytes.fill(0xff, 2 * 4096);
  writeFileSync(file, bytes);
  writeFileSync(`${file}-opening`, '');
  const { code, problem } = await refusal(file);
  t.is(code, 'store-damaged');
  t.regex(problem, /reading it ends the process/);
});

test('an empty file is a new store', async (t) => {
  const file = freshPath();
  writeFileSync(file, '');
  const store = await LmdbKeyValueStore.open(file, commit);
  t.deepEqual([...store.entries('k/')], []);
  await store.close();
});
