import test from 'ava';
import { fuzzOverTls } from '../../support/fuzz/fuzz-tls.ts';

const SEED = Number(process.env.FUZZ_SEED ?? 20_261_124);

test('a node on real TLS takes 2,000 malicious messages, with links broken and made anew, and serves on', async (t) => {
  t.timeout(120_000);
  const { found, links, received, delivered, wallSeconds } = await fuzzOverTls(SEED, 2_000);
  t.log(
    `FUZZ_SEED=${SEED}: ${received} received, ${delivered} delivered, ${links} links, ${wallSeconds.toFixed(0)} s`,
  );
  t.true(received > 1_500, `${received}`);
  t.true(links > 2);
  t.is(found, 10);
});
