import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { type Logger, silentLogger } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { AuthorityDirectory } from '../../../../src/gateway/enrollment/authority-directory.ts';
import { DocumentEditor } from '../../../../src/gateway/enrollment/document-editor.ts';
import { PublishedDocument } from '../../../../src/gateway/enrollment/published-document.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';

const DAY_MS = 86_400_000;

function setUp() {
  const clock = new VirtualClock();
  const deps = { clock, random: new SeededRandom(51) };
  const directory = AuthorityDirectory.create(deps, path.join(temporaryDirectory('published'), 'overlay'), {
    name: 'example.org',
    keyType: 'ec',
    enrollmentUrl: 'https://example.org/',
    bootstrapNodes: [],
  });
  const editor = new DocumentEditor({ clock, directory });
  const open = () => new PublishedDocument({ clock, logger: silentLogger, directory, editor });
  return { clock, directory, editor, open };
}

test('B31: a document is signed anew long before it expires, at the start and while the server runs', async (t) => {
  const { clock, open, directory } = setUp();
  const published = open();
  await published.start();
  t.is(published.current.sequence, 1);
  // Half a year of looks each second would take a while.
  published.stop();
  await clock.advance(200 * DAY_MS);
  await published.keepHouse();
  t.is(published.current.sequence, 2);
  t.true(published.current.expiresAt! > clock.now() + 300 * DAY_MS);
  await clock.advance(400 * DAY_MS);
  const again = open();
  t.is(again.current.sequence, 2, 'expired, and nothing else wrong with it');
  await again.start();
  t.is(again.current.sequence, 3);
  t.is(directory.document().sequence, 3);
  again.stop();
});

test('T16: what the command line signs is published within a second, and told to those who asked', async (t) => {
  const { clock, open, editor } = setUp();
  const published = open();
  const told: number[] = [];
  published.onDocument(({ sequence }) => told.push(sequence));
  await published.start();
  await editor.update();
  await clock.advance(1_000);
  t.is(published.current.sequence, 2);
  await clock.advance(10_000);
  t.deepEqual(told, [2]);
  published.stop();
});

test('T16: a file that cannot be served does not keep a revocation from being published, and is named once', async (t) => {
  const { clock, editor, directory } = setUp();
  const errors: unknown[] = [];
  const logger: Logger = { ...silentLogger, error: (_text, fields) => errors.push(fields?.error) };
  const published = new PublishedDocument({ clock, logger, directory, editor });
  published.onFiles(() => directory.server());
  await published.start();
  writeFileSync(path.join(directory.path, 'server.pem'), 'no certificate');
  await editor.update();
  await clock.advance(10_000);
  t.is(published.current.sequence, 2);
  t.is(errors.length, 1);
  t.regex(String(errors[0]), /server\.pem cannot be used/);

  directory.version = () => {
    throw new Error('the disk does not answer');
  };
  await clock.advance(10_000);
  t.deepEqual(errors.slice(1), ['the disk does not answer']);
  published.stop();
});

test('T16: changes by several commands at once are all in the end in one line of documents', async (t) => {
  const { directory, editor, clock } = setUp();
  const ids = Array.from({ length: 5 }, (_, i) => i.toString(16).padStart(32, 'a'));
  const editors = ids.map(() => new DocumentEditor({ clock, directory }));
  await Promise.all(
    ids.map((id, i) => editors[i]!.update(({ badNodes }) => ({ badNodes: new Set([...badNodes, id]) }))),
  );
  t.is(directory.document().sequence, 6);
  t.deepEqual([...directory.document().badNodes].sort(), [...ids].sort());
  t.is((await editor.update()).sequence, 7);
});
