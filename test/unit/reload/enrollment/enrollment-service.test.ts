import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import test from 'ava';
import { type HttpResponse, silentLogger, utf8 } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { CertificateIssuer } from '../../../../src/reload/enrollment/certificate-issuer.ts';
import { EnrollmentService } from '../../../../src/reload/enrollment/enrollment-service.ts';
import { buildRootCertificate, keyIdOf } from '../../../../src/reload/security/authority-certificates.ts';
import { Certificate } from '../../../../src/reload/security/certificate.ts';
import { CertificateStore } from '../../../../src/reload/security/certificate-store.ts';
import { ChainTrust } from '../../../../src/reload/security/chain-trust.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { forgeRequest, formBody, MemoryAccounts, type RequestNames } from '../../../support/enrollment.ts';
import { directClient } from '../../../support/https.ts';

const OVERLAY = 'example.org';
const ALICE = `alice@${OVERLAY}`;
const DAY_MS = 86_400_000;

type Fields = Parameters<typeof formBody>[0];

function setUp() {
  const clock = new VirtualClock();
  const random = new SeededRandom(11);
  const accounts = new MemoryAccounts({ random });
  accounts.add(ALICE, 'right');
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const root = buildRootCertificate(
    {
      name: 'CA',
      spki,
      serial: random.bytes(8),
      notBefore: clock.now() - 2 * DAY_MS,
      notAfter: clock.now() + 365 * DAY_MS,
    },
    privateKey,
  );
  const revokedUsers = new Map<string, number>();
  const badNodes = new Set<string>();
  const metrics = new CountingMetrics();
  const warnings: string[] = [];
  const issuer = new CertificateIssuer(
    { clock, random, key: privateKey, revokedUsers: () => revokedUsers },
    { overlay: OVERLAY, issuer: { name: 'CA', keyId: keyIdOf(spki) } },
  );
  const service = new EnrollmentService({
    clock,
    accounts,
    issuer,
    badNodes: () => badNodes,
    logger: { ...silentLogger, warn: (message) => warnings.push(message) },
    metrics,
  });
  const trust = new ChainTrust({ clock }, { overlay: OVERLAY, roots: [root] });
  const store = new CertificateStore({ clock, trust });

  const post = (
    fields: Fields,
    {
      headers = {},
      host = '192.0.2.1',
      raw,
    }: { headers?: Record<string, string>; host?: string; raw?: string } = {},
  ): Promise<HttpResponse> => {
    const { contentType, body } = formBody(fields);
    return directClient(service.handle, { host, port: 1 }).request({
      method: 'POST',
      url: 'https://example.org/enroll',
      headers: { 'Content-Type': contentType, Accept: 'application/pkix-cert', ...headers },
      body: raw === undefined ? body : utf8(raw),
      timeoutMs: 1000,
      maxBytes: 10_000,
    });
  };
  const enroll = (changes: Fields = {}, names: RequestNames = {}, options: Parameters<typeof post>[1] = {}) =>
    post(
      {
        csr: { type: 'application/pkcs10', body: forgeRequest(names) },
        username: ALICE,
        password: 'right',
        ...changes,
      },
      options,
    );
  return { clock, accounts, service, store, enroll, post, badNodes, revokedUsers, metrics, warnings, root };
}

const textOf = ({ body }: HttpResponse) => Buffer.from(body).toString();

test('A19: the right password gets a certificate that says only the Node-ID and the user name', async (t) => {
  const { enroll, store, root } = setUp();
  const answer = await enroll();
  t.is(answer.status, 200);
  t.is(answer.headers.get('content-type'), 'application/pkix-cert');
  const certificate = store.verify(answer.body);
  t.is(certificate.nodeIds.length, 1);
  t.deepEqual(certificate.userNames, [ALICE]);
  const x509 = new X509Certificate(answer.body);
  t.is(x509.subject, undefined as never, 'the subject is empty');
  t.is(x509.subjectAltName, `URI:reload://0110${certificate.nodeIds[0]}@${OVERLAY}/, email:${ALICE}`);
  t.true(x509.verify(new X509Certificate(root).publicKey));
});

test('A19: the Node-IDs of an account are the same whenever it comes back, and never another’s', async (t) => {
  const { enroll, accounts } = setUp();
  accounts.add(`bob@${OVERLAY}`, 'right');
  const idsOf = async (changes: Fields = {}) => Certificate.parse((await enroll(changes)).body).nodeIds;
  const [first] = await idsOf();
  t.deepEqual(await idsOf(), [first]);
  const three = await idsOf({ nodeids: '3' });
  t.is(three.length, 3);
  t.is(three[0], first);
  t.deepEqual(await idsOf(), [first]);
  const [bobs] = await idsOf({ username: `bob@${OVERLAY}` });
  t.false(three.includes(bobs!));
});

test('A19: a wrong password, an unknown name and missing fields are failed_authentication', async (t) => {
  const { enroll, accounts } = setUp();
  for (const changes of [
    { password: 'wrong' },
    { username: `nobody@${OVERLAY}` },
    { password: '' },
    { username: '' },
    { password: 'x'.repeat(2_000) },
  ]) {
    const answer = await enroll(changes);
    t.is(answer.status, 403);
    t.is(answer.headers.get('content-type'), 'text/plain');
    t.is(textOf(answer), 'failed_authentication');
  }
  accounts.remove(ALICE);
  t.is(textOf(await enroll()), 'failed_authentication', 'a removed user is an unknown one');
});

test('A19: whoever tries no password, and so is not slowed down, does not fill the log either', async (t) => {
  const { enroll, warnings, metrics } = setUp();
  for (let i = 0; i < 30; i++) t.is(textOf(await enroll({ username: '' })), 'failed_authentication');
  t.deepEqual(warnings, []);
  t.is(metrics.value('enrollment_refusals_total', { reason: 'failed_authentication' }), 30);
  await enroll({ password: 'wrong' });
  t.deepEqual(warnings, ['enrollment refused']);
});

test('A24: a name that is not the account’s is username_not_available, wherever the request has it', async (t) => {
  const { enroll, accounts } = setUp();
  accounts.add(`bob@${OVERLAY}`, 'right');
  for (const names of [{ email: [ALICE] }, { subject: ALICE, email: [ALICE] }, { subject: 'alice' }]) {
    t.is((await enroll({}, names)).status, 200);
  }
  for (const names of [
    { email: [`bob@${OVERLAY}`] },
    { subject: `bob@${OVERLAY}` },
    { email: [ALICE, `bob@${OVERLAY}`] },
    { email: [`free@${OVERLAY}`] },
  ]) {
    const answer = await enroll({}, names);
    t.is(answer.status, 403);
    t.is(textOf(answer), 'username_not_available');
  }
});

test('A19: a request with foreign names, a wrong type, rubbish or a broken signature is bad_CSR', async (t) => {
  const { enroll } = setUp();
  const csr = (body: Uint8Array, type = 'application/pkcs10') => ({ csr: { type, body } });
  const good = Buffer.from(forgeRequest());
  const broken = Buffer.from(good);
  broken[broken.length - 1]! ^= 1;
  t.is(textOf(await enroll({}, { email: [ALICE], dns: 'www.example.org' })), 'bad_CSR');
  for (const changes of [
    csr(broken),
    csr(good.subarray(0, 100)),
    csr(utf8('nonsense')),
    csr(new Uint8Array()),
    csr(good, 'text/plain'),
  ]) {
    const answer = await enroll(changes);
    t.is(answer.status, 403);
    t.is(textOf(answer), 'bad_CSR');
  }
  const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${good.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  t.is((await enroll(csr(utf8(pem)))).status, 200, 'what openssl writes unless told is read all the same');
});

test('A19: too many Node-IDs, none, or not a number is Node-IDs_not_available', async (t) => {
  const { enroll, badNodes } = setUp();
  for (const nodeids of ['0', '9', '99999', 'many', '-1', '']) {
    const answer = await enroll({ nodeids });
    t.is(answer.status, 403, nodeids);
    t.is(textOf(answer), 'Node-IDs_not_available');
  }
  const { nodeIds } = Certificate.parse((await enroll()).body);
  badNodes.add(nodeIds[0]!);
  t.is(textOf(await enroll()), 'Node-IDs_not_available', 'a bad-node stays out');
});

test('A19: other methods, types and forms are refused with the status of HTTP', async (t) => {
  const { enroll, post, service } = setUp();
  t.is((await enroll({}, {}, { headers: { 'Content-Type': 'application/json' } })).status, 415);
  t.is((await enroll({}, {}, { headers: { Accept: 'text/html' } })).status, 406);
  t.is((await enroll({}, {}, { headers: { Accept: '*/*' } })).status, 200);
  for (const raw of [
    '',
    'nothing',
    '--x\r\n',
    '--x\r\n\r\n\r\n--x--',
    '--x\r\nContent-Disposition: form-data; name="a"',
  ]) {
    const headers = { 'Content-Type': 'multipart/form-data; boundary=x' };
    t.is((await post({}, { headers, raw })).status, 400, JSON.stringify(raw));
  }
  const client = directClient(service.handle);
  const got = await client.request({ method: 'GET', url: 'https://example.org/', timeoutMs: 1, maxBytes: 1 });
  t.is(got.status, 405);
  t.is(got.headers.get('allow'), 'POST');
});

test('A19: guessing is slowed down for one address and one account; others and right passwords are not', async (t) => {
  const { enroll, clock, accounts, metrics } = setUp();
  accounts.add(`bob@${OVERLAY}`, 'right');
  const guess = () => enroll({ password: 'wrong' });
  for (let i = 0; i < 5; i++) t.is((await guess()).status, 403);
  const slowed = await guess();
  t.is(slowed.status, 429);
  t.is(slowed.headers.get('retry-after'), '30');
  t.is((await enroll()).status, 429, 'nor does a right guess get through now');
  t.is((await enroll({}, {}, { host: '192.0.2.2' })).status, 200, 'alice herself, from where she is');
  t.is((await enroll({ username: `bob@${OVERLAY}` })).status, 200);
  await clock.advance(30_000);
  t.is((await enroll()).status, 200);
  for (let i = 0; i < 100; i++)
    t.is((await enroll({ nodeids: '0' })).status, 403, 'right passwords cost nothing');
  t.true(metrics.value('enrollment_refusals_total', { reason: 'too_many_attempts' }) >= 2);
});

test('A19: an account guessed at from many addresses is slowed down as well', async (t) => {
  const { enroll } = setUp();
  let refused = 0;
  for (let i = 0; i < 60; i++) {
    const { status } = await enroll({ password: 'wrong' }, {}, { host: `198.51.100.${i}` });
    if (status === 429) refused += 1;
  }
  t.is(refused, 10);
});

test('T16: a name that is given again after its revocation gets certificates that count', async (t) => {
  const { enroll, revokedUsers, clock } = setUp();
  const before = Certificate.parse((await enroll()).body);
  t.true(before.notBefore <= clock.now() - 23 * 3_600_000, 'dated back for clocks that are behind');
  const since = clock.now() + 1;
  revokedUsers.set(ALICE, since);
  await clock.advance(2_000);
  const after = Certificate.parse((await enroll()).body);
  t.true(before.notBefore < since);
  t.true(after.notBefore >= since);
  t.true(after.notBefore <= clock.now());
});

test('T16: until when certificates are good is remembered, for the revocation', async (t) => {
  const { enroll, accounts } = setUp();
  const { notAfter } = Certificate.parse((await enroll()).body);
  t.true(Math.abs(accounts.certificates.get(ALICE)! - notAfter) < 1000);
});
