import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { openDataDirectory } from '../../../../src/gateway/persistence/data-directory.ts';
import { killRounds } from '../../../support/kill-rounds.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const commit = { durability: 'commit' } as const;
const writer = fileURLToPath(new URL('./endless-writer.js', import.meta.url));

test('B18: ten times kill -9 at a random moment under load: no acknowledged record is lost, none without its certificate', async (t) => {
  t.log(`seed ${SEED}`);
  const directory = path.join(temporaryDirectory('kill'), 'data');
  const { acknowledged, lost, faults } = await killRounds(directory, { rounds: 10, seed: SEED });
  t.log(`${acknowledged} records acknowledged`);
  t.deepEqual(lost, []);
  t.deepEqual(faults, []);
  t.true(acknowledged > 100);
});

test('while another process holds the directory it is refused, its number told', async (t) => {
  const directory = path.join(temporaryDirectory('kill'), 'data');
  const child = spawn(process.execPath, [writer, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const error = await t.throwsAsync(openDataDirectory(directory, commit), { code: 'data-in-use' });
  t.regex(error?.message ?? '', new RegExp(`is in use by process ${child.pid};`));
});
