import path from 'node:path';
import test from 'ava';
import { killRounds } from '../support/kill-rounds.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

test('B18: two hundred restarts with kill -9 at random moments under load lose no acknowledged record', async (t) => {
  t.timeout(600_000);
  t.log(`seed ${SEED}`);
  const directory = path.join(temporaryDirectory('kill'), 'data');
  const { acknowledged, lost, faults } = await killRounds(directory, { rounds: 200, seed: SEED });
  t.log(`${acknowledged} records acknowledged`);
  t.deepEqual(lost, []);
  t.deepEqual(faults, []);
});
