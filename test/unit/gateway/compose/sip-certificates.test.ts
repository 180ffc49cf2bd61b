import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type { Logger } from '../../../../src/base/index.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { SipCertificates } from '../../../../src/gateway/compose/sip-certificates.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { type SipTlsFiles, sipTlsFiles } from '../../../support/tls-files.ts';

async function setUp(...tls: SipTlsFiles[]) {
  const clock = new VirtualClock();
  await clock.advance(Date.now() - clock.now());
  const metrics = new CountingMetrics();
  const log: string[] = [];
  const note = (message: string) => log.push(message);
  const logger = { error: note, warn: note, info: note, debug: note } as unknown as Logger;
  const certificates = new SipCertificates({ clock, logger, metrics }, { file: 'gateway.yaml', tls });
  certificates.start();
  const { options } = certificates;
  return { certificates, log, metrics, options: options!, look: () => clock.advance(10_000) };
}

const leafOf = (options: Awaited<ReturnType<typeof setUp>>['options']) =>
  Buffer.from(options.identity!.certificates[0]!);

test('P9: a renewed certificate is taken up within 10 s, once', async (t) => {
  const files = sipTlsFiles();
  const { options, log, look } = await setUp(files);
  const first = leafOf(options);
  await look();
  t.deepEqual(leafOf(options), first);
  const renewed = files.renew();
  t.deepEqual(leafOf(options), first);
  await look();
  t.deepEqual(leafOf(options), Buffer.from(renewed.certificates[0]!));
  t.true(options.identity!.privateKey.equals(renewed.privateKey));
  await look();
  t.deepEqual(log, ['new SIP certificate in use']);
});

test('P9: in the middle of a renewal, or with a broken file, the old certificate stays', async (t) => {
  const files = sipTlsFiles();
  const { options, log, look } = await setUp(files);
  const first = leafOf(options);

  const other = sipTlsFiles();
  copyFileSync(other.cert, files.cert);
  await look();
  t.deepEqual(leafOf(options), first, 'the key is still the old one');
  await look();
  t.deepEqual(log, ['new SIP certificate refused, the old one stays'], 'told once');
  copyFileSync(other.key, files.key);
  await look();
  t.notDeepEqual(leafOf(options), first);

  const second = leafOf(options);
  writeFileSync(files.cert, 'nothing');
  await look();
  t.deepEqual(leafOf(options), second);
  t.is(log.length, 3);

  rmSync(path.dirname(files.cert), { recursive: true });
  writeFileSync(path.dirname(files.cert), 'a file where the directory was');
  await look();
  t.deepEqual(leafOf(options), second);
  rmSync(path.dirname(files.cert));
});

test('a client that asks for a name gets the certificate of that name', async (t) => {
  const [one, two] = [
    sipTlsFiles({ dnsNames: ['sip.example.org'] }),
    sipTlsFiles({ dnsNames: ['*.example.net'] }),
  ];
  const { options } = await setUp(one, two);
  const second = options.identityFor!('sip.example.net')!;
  t.is(options.identityFor!('sip.example.org'), options.identity);
  t.not(second, options.identity);
  t.is(options.identityFor!('example.com'), undefined, 'the first one, then');
  const renewed = two.renew({ dnsNames: ['sip.example.com'] });
  t.is(options.identityFor!('sip.example.com'), undefined);
  t.truthy(renewed);
});

test('an operator is told daily of a certificate that ends soon, until it is renewed', async (t) => {
  const files = sipTlsFiles({ notAfter: Date.now() + 13 * 86_400_000 });
  const { log, metrics, look } = await setUp(files);
  const word = 'the dates of a SIP certificate';
  t.deepEqual(log, [word]);
  for (let looks = 0; looks < 8640; looks += 1) await look();
  t.deepEqual(log, [word, word]);
  const before = metrics.value('sip_certificate_expires_seconds', { cert: files.cert });
  files.renew();
  await look();
  t.deepEqual(log, [word, word, 'new SIP certificate in use']);
  const after = metrics.value('sip_certificate_expires_seconds', { cert: files.cert });
  t.true(after - before > 16 * 86_400, `${before} ${after}`);
});

test('without sip.tls nothing is looked at', async (t) => {
  const { options, certificates } = await setUp();
  t.is(options as unknown, undefined);
  t.notThrows(() => certificates.stop());
});
