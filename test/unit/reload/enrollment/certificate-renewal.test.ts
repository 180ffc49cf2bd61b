import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { CodedError, type Logger, silentLogger } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { CertificateRenewal } from '../../../../src/reload/enrollment/certificate-renewal.ts';
import type { Certificate } from '../../../../src/reload/security/certificate.ts';
import { EnrolledIdentity } from '../../../../src/reload/security/enrolled-identity.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { Authority, OVERLAY } from '../document/support.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicKey = createPublicKey(privateKey);

function world({ lifetimeMs = 30 * DAY_MS, isNew = true } = {}) {
  const clock = new VirtualClock();
  const authority = new Authority(undefined, clock);
  const issue = (): Certificate =>
    authority.certify(publicKey, {
      ...{ nodeId: '12'.repeat(16), userName: `gw1@${OVERLAY}` },
      notAfter: clock.now() + lifetimeMs,
    });
  const identity = new EnrolledIdentity(privateKey, issue());
  const started = clock.now();
  const asked: number[] = [];
  const kept: Certificate[] = [];
  const state = { isDown: false };
  const log: string[] = [];
  const write = (level: string) => (text: string) => log.push(`${level} ${text}`);
  const logger: Logger = { ...silentLogger, info: write('info'), warn: write('warn'), error: write('error') };
  const metrics = new CountingMetrics();
  const renewal = new CertificateRenewal(
    { clock, random: new SeededRandom(9), logger, metrics },
    {
      ...{ identity, isNew, onRenewed: (certificate) => kept.push(certificate) },
      enroll: async () => {
        asked.push(clock.now() - started);
        if (state.isDown) throw new CodedError('enrollment-unreachable', 'no answer');
        return issue();
      },
    },
  );
  return { clock, identity, renewal, asked, kept, state, log, metrics, started };
}

test('B32: a certificate of 30 days is renewed with a third of them left, and the next one again', async (t) => {
  const { clock, identity, renewal, asked, kept, metrics } = world();
  const { notAfter } = identity.certificate;
  t.is(kept.length, 0);
  renewal.start();
  t.is(metrics.value('reload_certificate_expires_seconds'), notAfter / 1000);
  await clock.advance(17 * DAY_MS);
  t.is(asked.length, 0);
  await clock.advance(3 * DAY_MS + 1);
  t.is(asked.length, 1);
  t.deepEqual(kept, [identity.certificate]);
  t.true(identity.certificate.notAfter > notAfter);
  t.is(metrics.value('reload_certificate_expires_seconds'), identity.certificate.notAfter / 1000);
  await clock.advance(20 * DAY_MS + 1);
  t.is(asked.length, 2);
  renewal.stop();
  await clock.advance(40 * DAY_MS);
  t.is(asked.length, 2);
});

test('B32: a certificate of an hour, dated back a day, is not renewed all the time', async (t) => {
  const { clock, renewal, asked } = world({ lifetimeMs: HOUR_MS });
  renewal.start();
  await clock.advance(24 * HOUR_MS);
  t.true(asked.length >= 36 && asked.length <= 40, `${asked.length}`);
  renewal.stop();
});

test('B32: a server that gives certificates of a second is asked every 5 s at the most', async (t) => {
  const { clock, renewal, asked } = world({ lifetimeMs: 1_000 });
  renewal.start();
  await clock.advance(60_000);
  t.is(asked.length, 12);
  renewal.stop();
});

test('B32: one found nearly over at the start is renewed at once', async (t) => {
  const { clock, renewal, asked } = world({ lifetimeMs: 2 * HOUR_MS, isNew: false });
  renewal.start();
  await clock.advance(1_000);
  t.is(asked.length, 1);
  renewal.stop();
});

test('B32: while the server is away it is asked more and more seldom, then oftener as the end comes near; the log says so', async (t) => {
  const { clock, identity, renewal, asked, state, log, metrics } = world();
  state.isDown = true;
  renewal.start();
  await clock.advance(20 * DAY_MS);
  const first = asked[0]!;
  const gaps = asked.slice(1, 7).map((at, i) => at - asked[i]!);
  for (const [i, gap] of gaps.entries()) t.true(gap <= 60_000 * 2 ** i && gap >= 45_000 * 2 ** i, `${gaps}`);
  t.is(log[0], 'warn our certificate was not renewed yet');
  await clock.advance(30 * DAY_MS - first);
  t.true(asked.length < 1_000, `${asked.length}`);
  t.true(log.includes('error our certificate was not renewed and expires soon'));
  t.is(log.at(-1), 'error our certificate has expired and was not renewed: others refuse us');
  t.true(metrics.value('reload_certificate_renewals_total', { result: 'failed' }) === asked.length);

  state.isDown = false;
  await clock.advance(HOUR_MS);
  t.true(identity.certificate.notAfter > clock.now());
  t.is(log.at(-1), 'info our certificate was renewed');
  renewal.stop();
});
