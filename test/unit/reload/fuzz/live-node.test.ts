import test from 'ava';
import { describe, fuzzNode } from '../../../support/fuzz/fuzz-run.ts';

const SEED = Number(process.env.FUZZ_SEED ?? 20_261_124);
const FRAMES = 20_000;

test(`a node takes ${FRAMES} malicious messages of members and serves on`, async (t) => {
  t.timeout(180_000);
  t.log(`FUZZ_SEED=${SEED}`);
  const report = await fuzzNode(SEED, FRAMES);
  for (const line of describe(report)) t.log(line);
  t.true(Math.max(...report.live) - report.live[0]! < 48 * 2 ** 20);
  t.deepEqual(report.faults, []);
  t.is(report.foundAgain, report.users);
});
