import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { blast } from '../support/blast.ts';
import { startGateway } from '../support/gateway.ts';
import { requirePrograms } from '../support/programs.ts';
import { bestRate, SippLoad } from '../support/sipp-load.ts';
import { TestPhone } from '../support/test-phone.ts';

// npm run soak -- --match='*blaster*'; OVERLOAD_SECONDS=10 for a short one. What is found are shares of what this machine
// can do at this time with the gateway, SIPp and the blaster on it, so the best rate is looked for at once before.

const SECONDS = Number(process.env.OVERLOAD_SECONDS ?? 60);
const MAX_RSS_MIB = 1_024;

function highestRssMib(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}

test(`C: a blaster sends ten times the best rate from one address for ${SECONDS} s: 80 % of the calls succeed`, async (t) => {
  if (!requirePrograms(t, 'sipp')) return;
  t.timeout((SECONDS + 300) * 1000);
  const config = async (port: () => Promise<number>) => ({
    overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await port()}`] },
    sip: { domains: ['example.org'], auth: 'none', listen: ['udp://127.0.0.1:0'], allow: ['127.0.0.0/8'] },
  });
  const gateway = await startGateway(t, config, { timeoutMs: 60_000 });
  const port = gateway.sipPort('udp');
  const users = Array.from({ length: 200 }, (_, i) => `u${i}`);
  const load = await SippLoad.start(t, { server: `127.0.0.1:${port}`, users });
  // The flood goes to a phone of its own: what comes through must not load the callees of the others.
  const victim = await TestPhone.open(t, { port, incoming: 486 });
  await victim.register('victim');
  await load.calls(100, 3);
  const best = await bestRate(load, { from: 100, step: 100 });
  t.true(best > 0, 'no rate that goes well');

  const rate = Math.round(0.8 * best);
  const began = new Date().toISOString();
  const blasted = blast({ port, user: 'victim', perSecond: 10 * best, seconds: SECONDS + 2 });
  await sleep(1_000);
  const during = await load.calls(rate, SECONDS);
  const sent = await blasted;
  const rss = highestRssMib(gateway.pid);
  await sleep(5_000);
  const after = await load.calls(rate, 5);

  const share = (100 * during.ok) / (during.ok + during.failed);
  t.log(
    `best rate ${best}/s; from ${began} ${sent / (SECONDS + 2)} INVITEs/s from the blaster, of ${10 * best} asked for`,
  );
  t.log(
    `${during.ok} of ${during.ok + during.failed} calls at ${rate}/s (${share.toFixed(1)} %), at most ${rss.toFixed(0)} MiB`,
  );
  const rejected = (await gateway.metrics()).split('\n').filter((line) => /^sip_overload/.test(line));
  t.log(rejected.join('\n'));
  t.log(
    gateway.stderr
      .split('\n')
      .filter((line) => line.includes('overload'))
      .join('\n'),
  );
  t.true(share >= 80);
  t.true(after.ok >= 0.98 * (after.ok + after.failed), `${after.failed} calls failed 5 s after`);
  t.true(rss < MAX_RSS_MIB);
});
