import { readdirSync } from 'node:fs';
import test from 'ava';
import { startGateway } from '../support/gateway.ts';
import { type Holdings, Inspector } from '../support/inspector.ts';
import { requirePrograms } from '../support/programs.ts';
import { bestRate, SippLoad } from '../support/sipp-load.ts';

// npm run soak -- --match='*half of the best rate*'; SOAK_SECONDS=60 for a short one. After each tenth of the time the load
// rests until all transactions are over (64*T1, RFC 3261 §17): what is left then is what calls leave behind.

const SECONDS = Number(process.env.SOAK_SECONDS ?? 600);
const ROUNDS = 10;
const TRANSACTIONS_GONE_MS = 35_000;
const MIB = 2 ** 20;

const descriptors = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;
const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

test(`C: ${SECONDS} s of calls at half of the best rate leave nothing behind: heap, descriptors, timers`, async (t) => {
  if (!requirePrograms(t, 'sipp')) return;
  t.timeout((SECONDS * 3 + (ROUNDS + 2) * 45 + 300) * 1000);
  const config = async (port: () => Promise<number>) => ({
    overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await port()}`] },
    sip: { domains: ['example.org'], auth: 'none', listen: ['udp://127.0.0.1:0'], allow: ['127.0.0.0/8'] },
  });
  const gateway = await startGateway(t, config, {
    timeoutMs: 60_000,
    nodeArguments: ['--inspect=127.0.0.1:0', '--max-semi-space-size=32'],
  });
  const inspector = await Inspector.open(() => gateway.stderr);
  t.teardown(() => inspector.close());
  const users = Array.from({ length: 200 }, (_, i) => `u${i}`);
  const load = await SippLoad.start(t, { server: `127.0.0.1:${gateway.sipPort('udp')}`, users });
  await load.calls(100, 3);
  const rate = Math.round((await bestRate(load, { from: 100, step: 100 })) / 2);
  t.true(rate > 0, 'no rate that goes well');

  const seen: (Holdings & { descriptors: number })[] = [];
  let failed = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const result = await load.calls(rate, SECONDS / ROUNDS);
    failed += result.failed;
    await new Promise((resolve) => setTimeout(resolve, TRANSACTIONS_GONE_MS));
    const now = { ...(await inspector.holdings()), descriptors: descriptors(gateway.pid) };
    const { heap, external, resources } = now;
    t.log(
      `${round * (SECONDS / ROUNDS)} s: heap ${(heap / MIB).toFixed(2)} MiB, external ${(external / MIB).toFixed(2)} MiB,`,
      `${now.descriptors} descriptors, ${JSON.stringify(resources)}`,
    );
    // The first is for code, caches and pools that exist once.
    if (round > 0) seen.push(now);
  }
  t.log(`${rate} calls/s, ${failed} of ${Math.round(rate * SECONDS * (1 + 1 / ROUNDS))} calls failed`);

  const third = Math.floor(seen.length / 3);
  const memory = seen.map(({ heap, external }) => heap + external);
  const [first, last] = [median(memory.slice(0, third)), median(memory.slice(-third))];
  t.true(
    Math.abs(last - first) <= 0.05 * first,
    `heap ${(first / MIB).toFixed(2)} to ${(last / MIB).toFixed(2)} MiB`,
  );
  t.true(seen.at(-1)!.descriptors <= seen[0]!.descriptors);
  const timers = seen.map(({ resources }) => resources.Timeout ?? 0);
  t.true(timers.at(-1)! <= Math.max(...timers.slice(0, third)) + 1, `timers: ${timers}`);
});
