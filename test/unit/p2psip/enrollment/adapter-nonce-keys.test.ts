import test from 'ava';
import { noMetrics, silentLogger } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { AdapterNonceKeys } from '../../../../src/p2psip/enrollment/adapter-nonce-keys.ts';
import { GW1 } from './support.ts';

const HOUR_MS = 3_600_000;

test('keys are kept for nonces that may still be used, and no more of them than a few, whatever the server gives', async (t) => {
  const clock = new VirtualClock();
  let given = 0;
  const exchange = {
    // Eight others each time, all good for a year.
    keys: async () => ({
      ...{ node: GW1, now: clock.now() },
      keys: Array.from({ length: 8 }, () => {
        const from = clock.now() + ++given * 1_000 * HOUR_MS;
        return { from, until: from + 1_000 * HOUR_MS, key: new Uint8Array(32).fill(given) };
      }),
    }),
    prove: async () => [],
  };
  const keys = new AdapterNonceKeys({
    ...{ clock, random: new SeededRandom(1), logger: silentLogger, metrics: noMetrics, exchange },
  });
  keys.start();
  await clock.advance(12 * HOUR_MS);
  keys.stop();
  t.true(given >= 96);
  const start = clock.now();
  const held = new Set(
    Array.from({ length: given + 2 }, (_, n) => keys.keyAt(start + n * 1_000 * HOUR_MS)).filter(Boolean),
  );
  t.true(held.size >= 8 && held.size <= 16, `${held.size}`);
});
