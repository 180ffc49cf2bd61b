import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { run } from '../../support/process.ts';
import { projectRoot } from '../../support/project.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const script = path.join(projectRoot, 'scripts', 'check-imports.js');

/** Runs the check on a tree made of these files; gives the breaches. */
async function check(files: Record<string, string>): Promise<string[]> {
  const root = temporaryDirectory('imports');
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, 'src', name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const { code, stderr } = await run(process.execPath, [script, root]);
  const breaches = stderr.split('\n').filter((line) => line !== '');
  if (code !== (breaches.length === 0 ? 0 : 1)) throw new Error(`exit ${code}: ${stderr}`);
  return breaches;
}

test('our own source keeps the import rules', async (t) => {
  const { code, stderr } = await run(process.execPath, [script]);
  t.is(stderr, '');
  t.is(code, 0);
});

test('what the rules allow passes', async (t) => {
  t.deepEqual(
    await check({
      'base/index.ts': 'export const x = 1;',
      'net/index.ts': "import dgram from 'node:dgram';\nimport { x } from '../base/index.ts';",
      'sip/message/a.ts':
        "import { createHash } from 'node:crypto';\nimport { x } from '../../base/index.ts';",
      'sip/proxy/b.ts': "import { a } from '../message/a.ts';",
      'sip/index.ts': "export * from './proxy/b.ts';",
      'reload/wire/a.ts':
        '// Math.random() and setTimeout() are named in a comment only\nclock.setTimer(1); new Date(5);',
      'p2psip/a.ts': "import { b } from '../sip/index.ts';\nimport { a } from '../reload/wire/a.ts';",
      'gateway/compose.ts': "import { a } from '../p2psip/a.ts';\nimport '../net/index.ts';\nDate.now();",
      'gateway/testnet/sim.ts': "import { v } from '../../base/virtual/clock.ts';",
      'base/virtual/clock.ts': "import { x } from '../index.ts';",
    }),
    [],
  );
});

const breaches: readonly (readonly [what: string, files: Record<string, string>, line: string])[] = [
  [
    'base imports nothing of ours',
    { 'base/a.ts': "import { b } from '../sip/message/b.ts';" },
    'src/base/a.ts: base must not import sip (sip/message/b.ts)',
  ],
  [
    'sip and reload never import each other',
    { 'sip/proxy/a.ts': "import type { b } from '../../reload/node/b.ts';" },
    'src/sip/proxy/a.ts: sip must not import reload (reload/node/b.ts)',
  ],
  [
    'sip does not see net, not even by a dynamic import',
    { 'sip/transport/a.ts': "const net = await import('../../net/index.ts');" },
    'src/sip/transport/a.ts: sip must not import net (net/index.ts)',
  ],
  [
    'p2psip does not see net',
    { 'p2psip/a.ts': "import { b } from '../net/index.ts';" },
    'src/p2psip/a.ts: p2psip must not import net (net/index.ts)',
  ],
  [
    'nothing below imports gateway',
    { 'p2psip/a.ts': "export { b } from '../gateway/b.ts';" },
    'src/p2psip/a.ts: p2psip must not import gateway (gateway/b.ts)',
  ],
  [
    'inside sip only leftward',
    { 'sip/transaction/a.ts': "import {\n  b,\n} from '../proxy/b.ts';" },
    'src/sip/transaction/a.ts: sip/proxy/b.ts stands to the right of it in sip',
  ],
  [
    'inside reload only leftward',
    { 'reload/wire/a.ts': "import { b } from '../messages/b.ts';" },
    'src/reload/wire/a.ts: reload/messages/b.ts stands to the right of it in reload',
  ],
  [
    'a folder that has no place in the order',
    { 'sip/extra/a.ts': "import { b } from '../message/b.ts';" },
    'src/sip/extra/a.ts: sip has no folder of that name in its order',
  ],
  [
    'the layer barrel is not for its own folders',
    { 'sip/auth/a.ts': "import { b } from '../index.ts';" },
    'src/sip/auth/a.ts: sip/index.ts stands to the right of it in sip',
  ],
  [
    'the simulated world is not for production code',
    { 'gateway/compose.ts': "import { v } from '../base/virtual/clock.ts';" },
    'src/gateway/compose.ts: base/virtual/clock.ts is for tests and simulations',
  ],
  [
    'no socket module',
    { 'reload/link/a.ts': "import tls from 'node:tls';" },
    'src/reload/link/a.ts: imports node:tls; use a port',
  ],
  [
    'no bare timer',
    { 'p2psip/a.ts': 'setTimeout(() => {}, 5);' },
    'src/p2psip/a.ts: setTimeout( is bare; use the Clock port',
  ],
  [
    'no bare time',
    { 'sip/auth/a.ts': 'const t = Date.now();' },
    'src/sip/auth/a.ts: Date.now( is bare; use the Clock port',
  ],
  [
    'no bare randomness',
    { 'reload/node/a.ts': "import { randomBytes } from 'node:crypto';\nrandomBytes(8);" },
    'src/reload/node/a.ts: randomBytes( is bare; use the Random port',
  ],
  ['no inner barrel', { 'sip/proxy/index.ts': '' }, 'src/sip/proxy/index.ts: is an inner barrel'],
  [
    'no way out of src',
    { 'sip/proxy/a.ts': "import { b } from '../../../test/b.ts';" },
    'src/sip/proxy/a.ts: imports ../test/b.ts, which is outside src',
  ],
];

for (const [what, files, line] of breaches) {
  test(`a breach is told: ${what}`, async (t) => {
    t.deepEqual(await check(files), [line]);
  });
}

test('a breach is told: a cycle; types alone make none', async (t) => {
  const chain = (word: string) => ({
    'p2psip/a.ts': "import { b } from './b.ts';",
    'p2psip/b.ts': "import { c } from './c.ts';",
    'p2psip/c.ts': `import ${word} { a } from './a.ts';`,
  });
  t.deepEqual(await check(chain('')), [
    'src/p2psip/a.ts: imports itself by way of p2psip/b.ts, p2psip/c.ts, p2psip/a.ts',
  ]);
  t.deepEqual(await check(chain('type')), []);
});
