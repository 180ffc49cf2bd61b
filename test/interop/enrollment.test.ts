import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../src/net/index.ts';
import { readDocument } from '../../src/reload/document/document-reader.ts';
import { trustOfDocument } from '../../src/reload/document/document-trust.ts';
import { verifyFirstDocument } from '../../src/reload/document/document-verification.ts';
import { Certificate } from '../../src/reload/security/certificate.ts';
import { TestOverlay } from '../support/authority.ts';
import { startGateway } from '../support/gateway.ts';
import { run } from '../support/process.ts';
import { requirePrograms } from '../support/programs.ts';
import { eventually } from '../support/wait.ts';

const OVERLAY = 'interop.example.org';
const ALICE = `alice@${OVERLAY}`;

const KEYS = {
  ec: ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
} as const;

/** Whoever enrolls here has curl, openssl and the root's certificate; nothing of ours. */
class Client {
  readonly #overlay: TestOverlay;
  readonly #root: string;

  constructor(overlay: TestOverlay) {
    this.#overlay = overlay;
    this.#root = path.join(overlay.directory, 'offline', 'root.pem');
  }

  file(name: string): string {
    return path.join(this.#overlay.directory, '..', name);
  }

  async openssl(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await run('openssl', args);
    if (code !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** @returns status and media type */
  async curl(...args: string[]): Promise<string> {
    const written = ['-o', this.file('answer'), '-w', '%{http_code} %{content_type}'];
    const { stdout, stderr } = await run('curl', ['-sS', '--cacert', this.#root, ...written, ...args]);
    if (stderr !== '') throw new Error(stderr);
    return stdout;
  }

  answer(): string {
    return readFileSync(this.file('answer'), 'utf8');
  }

  async request(key: keyof typeof KEYS, ...args: string[]): Promise<void> {
    await this.openssl(...KEYS[key], '-out', this.file('key.pem'));
    const keyAndSubject = ['-key', this.file('key.pem'), '-subj', '/'];
    await this.openssl('req', '-new', ...keyAndSubject, ...args, '-out', this.file('csr'));
  }

  enroll(fields: Readonly<Record<string, string>> = {}, type = 'application/pkcs10'): Promise<string> {
    const all = { username: ALICE, password: 'secret word', ...fields };
    const forms = Object.entries(all).flatMap(([name, value]) => ['-F', `${name}=${value}`]);
    const accept = ['-H', 'Accept: application/pkix-cert'];
    return this.curl(...accept, '-F', `csr=@${this.file('csr')};type=${type}`, ...forms, this.#overlay.url);
  }

  verify(certificate: string): Promise<string> {
    const issuer = path.join(this.#overlay.directory, 'issuer.pem');
    const chain = ['-x509_strict', '-CAfile', this.#root, '-untrusted', issuer];
    return this.openssl('verify', ...chain, certificate);
  }
}

async function setUp(t: ExecutionContext, ...create: string[]) {
  const overlay = await TestOverlay.start(t, { name: OVERLAY, create });
  await overlay.addUser(ALICE, 'secret word');
  return { overlay, client: new Client(overlay) };
}

for (const key of ['ec', 'rsa'] as const) {
  test(`A19 B32: curl and openssl enroll (${key}), and get what openssl verify and our peers accept`, async (t) => {
    if (!requirePrograms(t, 'curl', 'openssl')) return;
    const { overlay, client } = await setUp(t, '--key', key);
    t.is(await client.curl(`${overlay.url}.well-known/reload-config`), '200 application/p2p-overlay+xml');
    const document = readDocument(readFileSync(client.file('answer')));
    const { port } = new URL(overlay.url);
    const byName = `https://${OVERLAY}:${port}/.well-known/reload-config`;
    t.regex(
      await client.curl('--resolve', `${OVERLAY}:${port}:127.0.0.1`, byName),
      /^200 /,
      'RFC 6940 §11.2',
    );
    t.notThrows(() => verifyFirstDocument({ clock: systemClock }, document));
    await client.request(key, '-outform', 'DER', '-addext', `subjectAltName=email:${ALICE}`);
    t.is(await client.enroll(), '200 application/pkix-cert');
    const der = readFileSync(client.file('answer'));
    await client.openssl(
      'x509',
      '-inform',
      'DER',
      '-in',
      client.file('answer'),
      '-out',
      client.file('c.pem'),
    );
    t.regex(await client.verify(client.file('c.pem')), /: OK\n$/);
    const certificate = Certificate.parse(der);
    t.notThrows(() => trustOfDocument({ clock: systemClock }, document).check(certificate));
    t.deepEqual(certificate.userNames, [ALICE]);
    const text = await client.openssl('x509', '-in', client.file('c.pem'), '-noout', '-subject', '-text');
    t.regex(text, /subject=\s*\n/);
    t.true(text.includes(`URI:reload://0110${certificate.nodeIds[0]}@${OVERLAY}/, email:${ALICE}`), text);

    await client.request(key);
    t.is(
      await client.enroll({ nodeids: '2' }),
      '200 application/pkix-cert',
      'PEM, another key, two Node-IDs',
    );
    const again = Certificate.parse(readFileSync(client.file('answer')));
    t.is(again.nodeIds.length, 2);
    t.is(again.nodeIds[0], certificate.nodeIds[0]);
    t.is(await overlay.stopServer(), 0);
  });
}

test('A19 A24: the tokens of RFC 6940 §11.3 as curl sees them', async (t) => {
  if (!requirePrograms(t, 'curl', 'openssl')) return;
  const { overlay, client } = await setUp(t);
  const refused = async (token: string, asked: Promise<string>) => {
    t.is(await asked, '403 text/plain');
    t.is(client.answer(), token);
  };
  await client.request('ec');
  await refused('failed_authentication', client.enroll({ password: 'wrong' }));
  await refused('failed_authentication', client.enroll({ username: `nobody@${OVERLAY}` }));
  await refused('Node-IDs_not_available', client.enroll({ nodeids: '1000' }));
  await refused('bad_CSR', client.enroll({}, 'text/plain'));
  await client.request('ec', '-addext', `subjectAltName=email:bob@${OVERLAY}`);
  await refused('username_not_available', client.enroll());
  await client.request('ec', '-addext', 'subjectAltName=DNS:www.example.org');
  await refused('bad_CSR', client.enroll());
  writeFileSync(client.file('csr'), 'no request at all');
  await refused('bad_CSR', client.enroll());
  t.regex(await client.curl('-d', 'username=x', overlay.url), /^415 /);
  t.regex(await client.curl('-X', 'DELETE', overlay.url), /^405 /);
  writeFileSync(client.file('csr'), Buffer.alloc(300_000));
  t.regex(await client.enroll(), /^413 /);
  const left = JSON.parse((await overlay.command(['user', 'list', '--json'])).stdout);
  t.deepEqual(left[0].nodeIds, [], 'nothing was written');
});

test('A3 B32: at the link our peer takes what openssl enrolled, and not what openssl made up', async (t) => {
  if (!requirePrograms(t, 'curl', 'openssl')) return;
  const { overlay, client } = await setUp(t);
  await overlay.addUser(`gw1@${OVERLAY}`, 'secret');
  writeFileSync(client.file('password'), 'secret\n', { mode: 0o600 });
  const config = async (port: () => Promise<number>) => ({
    overlay: {
      name: OVERLAY,
      document: overlay.pinnedUrl,
      enroll: { username: `gw1@${OVERLAY}`, 'password-file': client.file('password') },
      listen: [`tls://127.0.0.1:${await port()}`],
      first: true,
    },
    sip: { mode: 'off' },
  });
  const peer = await startGateway(t, config);
  const link = /tls:\/\/(127\.0\.0\.1:\d+)/.exec(
    readFileSync(path.join(peer.directory, 'gateway.yaml'), 'utf8'),
  )![1]!;
  const refusals = async () =>
    [...(await peer.metrics()).matchAll(/^reload_link_handshakes_failed_total\{.*\} (\d+)$/gm)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
  /** What s_client writes is no RELOAD; whether it may is decided before. */
  const connect = (certificate: string) => {
    const shown = ['-cert', certificate, '-key', client.file('key.pem')];
    return run('openssl', ['s_client', '-connect', link, ...shown], { input: 'Q\n' });
  };
  await client.request('ec');
  t.is(await client.enroll(), '200 application/pkix-cert');
  await client.openssl('x509', '-inform', 'DER', '-in', client.file('answer'), '-out', client.file('c.pem'));
  t.is((await connect(client.file('c.pem'))).code, 0);
  t.is(await refusals(), 0);
  const name = `subjectAltName=critical,URI:reload://0110${'ab'.repeat(16)}@${OVERLAY}/,email:${ALICE}`;
  const made = ['-key', client.file('key.pem'), '-subj', '/', '-days', '3', '-addext', name];
  await client.openssl('req', '-new', '-x509', ...made, '-out', client.file('forged.pem'));
  await connect(client.file('forged.pem'));
  await eventually('a refusal', 5_000, async () => (await refusals()) === 1);
  await peer.stop();
});
