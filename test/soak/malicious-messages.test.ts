import test from 'ava';
import { describe, fuzzNode } from '../support/fuzz/fuzz-run.ts';
import { fuzzOverTls } from '../support/fuzz/fuzz-tls.ts';

// npm run soak -- --match='*million*'; FUZZ_SEED=… repeats a run, FUZZ_FRAMES=… shortens it.

const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const FRAMES = Number(process.env.FUZZ_FRAMES ?? 1_000_000);

test('a node takes a million malicious messages of members, grows no further and serves on', async (t) => {
  t.timeout(3_600_000);
  t.log(`FUZZ_SEED=${SEED}`);
  const report = await fuzzNode(SEED, FRAMES);
  for (const line of describe(report)) t.log(line);
  // Tables fill up to their bounds at first; after that nothing may be left behind.
  const [, , settled = 0] = report.live;
  t.true(report.live.at(-1)! - settled < 16 * 2 ** 20);
  t.true(report.timersLeft < 1_000);
  t.deepEqual(report.faults, []);
  t.is(report.foundAgain, report.users);
});

test('a node on real TLS takes 50,000 malicious messages and serves on', async (t) => {
  t.timeout(1_200_000);
  t.log(`FUZZ_SEED=${SEED}`);
  const { found, links, received, delivered, wallSeconds } = await fuzzOverTls(SEED, 50_000);
  t.log(`${received} received, ${delivered} delivered, ${links} links, ${wallSeconds.toFixed(0)} s`);
  t.is(found, 10);
});
