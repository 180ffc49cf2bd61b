import { createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { type HttpClientRequest, splitPin, type TlsIdentity } from '../../../../src/base/index.ts';
import { AccountFiles } from '../../../../src/gateway/enrollment/account-files.ts';
import { AuthorityDirectory, enrollmentUrl } from '../../../../src/gateway/enrollment/authority-directory.ts';
import { DocumentEditor } from '../../../../src/gateway/enrollment/document-editor.ts';
import { startEnrollmentServer } from '../../../../src/gateway/enrollment/enrollment-server.ts';
import { createLogger } from '../../../../src/gateway/logging/winston-logger.ts';
import { PrometheusMetrics } from '../../../../src/gateway/metrics/prometheus-metrics.ts';
import { HttpsClient, systemClock, systemRandom } from '../../../../src/net/index.ts';
import { readDocument } from '../../../../src/reload/document/document-reader.ts';
import { trustOfDocument } from '../../../../src/reload/document/document-trust.ts';
import { Certificate } from '../../../../src/reload/security/certificate.ts';
import { buildCertificateRequest } from '../../../../src/reload/security/certificate-request-builder.ts';
import { generateKey } from '../../../../src/reload/security/identity.ts';
import { formBody } from '../../../support/enrollment.ts';
import { HttpsAuthority } from '../../../support/https.ts';
import { freePort } from '../../../support/ports.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';
import { eventually } from '../../../support/wait.ts';

const OVERLAY = 'example.org';
const deps = { clock: systemClock, random: systemRandom };

async function setUp(t: ExecutionContext) {
  const port = await freePort();
  const directory = AuthorityDirectory.create(deps, path.join(temporaryDirectory('enrollment'), 'overlay'), {
    name: OVERLAY,
    keyType: 'ec',
    enrollmentUrl: `https://127.0.0.1:${port}/`,
    bootstrapNodes: [],
  });
  const accounts = new AccountFiles(deps, { ...directory.places, overlay: OVERLAY });
  await accounts.add(`alice@${OVERLAY}`, 'secret');
  await accounts.add(`gw1@${OVERLAY}`, 'secret', { adapter: true });
  const log = { text: '' };
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      log.text += String(chunk);
      done();
    },
  });
  const logger = createLogger({ level: 'info', format: 'text', stream });
  const options = {
    directory: directory.path,
    listen: { host: '127.0.0.1', port },
    admin: { listen: { host: '127.0.0.1', port: 0 }, token: undefined },
  };
  const server = await startEnrollmentServer({ ...deps, logger, metrics: new PrometheusMetrics() }, options);
  const client = new HttpsClient();
  t.teardown(async () => {
    client.close();
    await server.stop();
  });
  const { url, pin } = splitPin(server.url)!;
  const ask = (request: Partial<HttpClientRequest> = {}) =>
    client.request({
      method: 'GET',
      url,
      timeoutMs: 10_000,
      maxBytes: 300_000,
      tls: { pin: pin! },
      ...request,
    });
  const enroll = async (username: string, password = 'secret') => {
    const privateKey = generateKey('ec');
    const csr = buildCertificateRequest(privateKey, username);
    const { contentType, body } = formBody({
      csr: { type: 'application/pkcs10', body: csr },
      username,
      password,
    });
    const headers = { 'Content-Type': contentType, Accept: 'application/pkix-cert' };
    const answer = await ask({ method: 'POST', headers, body });
    return { answer, privateKey };
  };
  const identityOf = async (username: string): Promise<TlsIdentity> => {
    const { answer, privateKey } = await enroll(username);
    return { certificates: [answer.body], privateKey };
  };
  const document = async () => readDocument((await ask()).body);
  const editor = new DocumentEditor({ clock: systemClock, directory });
  return {
    directory,
    accounts,
    server,
    client,
    ask,
    enroll,
    identityOf,
    document,
    editor,
    log,
    options,
    logger,
  };
}

test('A14 A20: one pinned URL is enough: it hands out the document, and so does the well-known path', async (t) => {
  const { ask, directory, server } = await setUp(t);
  const file = readFileSync(path.join(directory.path, 'overlay.xml'));
  t.deepEqual(Buffer.from((await ask()).body), file);
  const { origin } = new URL(server.url);
  const wellKnown = await ask({ url: `${origin}/.well-known/reload-config` });
  t.deepEqual(Buffer.from(wellKnown.body), file);
  t.is((await ask({ url: `${origin}/accounts/alice@example.org.json` })).status, 404);
});

test('A19 A24: accounts of the command line enroll, with stable Node-IDs that survive a restart', async (t) => {
  const { enroll, document, accounts, server, options, logger } = await setUp(t);
  const { answer, privateKey } = await enroll(`alice@${OVERLAY}`);
  t.is(answer.status, 200);
  const certificate = Certificate.parse(answer.body);
  t.notThrows(async () => trustOfDocument(deps, await document()).check(certificate));
  t.true(certificate.publicKey.equals(createPublicKey(privateKey)));
  t.deepEqual((await accounts.find(`alice@${OVERLAY}`))?.nodeIds, certificate.nodeIds);
  t.is((await enroll(`alice@${OVERLAY}`, 'wrong')).answer.status, 403);
  await server.stop();
  const again = await startEnrollmentServer({ ...deps, logger, metrics: new PrometheusMetrics() }, options);
  t.teardown(() => again.stop());
  const renewed = Certificate.parse((await enroll(`alice@${OVERLAY}`)).answer.body);
  t.deepEqual(renewed.nodeIds, certificate.nodeIds);
});

test('T16: a removed account is published as revoked within 2 s: no enrollment, and its certificate is void', async (t) => {
  const { enroll, document, accounts, editor } = await setUp(t);
  const certificate = Certificate.parse((await enroll(`alice@${OVERLAY}`)).answer.body);
  const others = Certificate.parse((await enroll(`gw1@${OVERLAY}`)).answer.body);
  await editor.remove(accounts, `alice@${OVERLAY}`);
  t.is((await enroll(`alice@${OVERLAY}`)).answer.status, 403);
  await eventually('the next document', 2_000, async () => (await document()).sequence === 2);
  const trust = trustOfDocument(deps, await document());
  t.throws(() => trust.check(certificate), { code: 'certificate-revoked' });
  t.notThrows(() => trust.check(others));
  await accounts.add(`alice@${OVERLAY}`, 'new');
  const anew = Certificate.parse((await enroll(`alice@${OVERLAY}`, 'new')).answer.body);
  t.notThrows(() => trust.check(anew), 'the name was given again');
  t.notDeepEqual(anew.nodeIds, certificate.nodeIds);
});

test('T2: the private endpoints answer the certificate of an adapter account, and no other', async (t) => {
  const { ask, identityOf, server, editor, accounts } = await setUp(t);
  const { origin } = new URL(server.url);
  const pin = splitPin(server.url)!.pin!;
  const keys = async (identity?: TlsIdentity) =>
    (await ask({ url: `${origin}/p2psip/adapter-key`, tls: { pin, ...(identity && { identity }) } })).status;
  const adapter = await identityOf(`gw1@${OVERLAY}`);
  t.is(await keys(), 401);
  t.is(await keys(await identityOf(`alice@${OVERLAY}`)), 403);
  t.is(await keys(adapter), 200);
  t.is(await keys(new HttpsAuthority().server()), 403, 'a certificate of somebody else');
  await editor.remove(accounts, `gw1@${OVERLAY}`);
  t.is(await keys(adapter), 403, 'the account is gone');
});

test('a document that is damaged under the server leaves the good one in force and is complained about', async (t) => {
  const { directory, document, log } = await setUp(t);
  const file = path.join(directory.path, 'overlay.xml');
  const good = readFileSync(file);
  writeFileSync(file, good.subarray(0, 1_000));
  await eventually('a complaint', 5_000, () => log.text.includes('cannot be served'));
  t.is((await document()).sequence, 1);
  writeFileSync(file, good);
});

test('a certificate that the operator puts in is shown from the next connection on', async (t) => {
  const { directory, client, ask } = await setUp(t);
  const other = new HttpsAuthority();
  const { certificates, privateKey } = other.server();
  writeFileSync(path.join(directory.path, 'server.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(
    path.join(directory.path, 'server.pem'),
    certificates.map((der) => new X509Certificate(der).toString()).join(''),
  );
  await eventually('the other certificate', 5_000, async () => {
    client.close();
    return ask({ tls: { ca: [other.root] } }).then(
      ({ status }) => status === 200,
      () => false,
    );
  });
  t.is(
    enrollmentUrl(directory.document(), directory.server()).includes('#'),
    false,
    'our root says nothing about it',
  );
});

test('a port in use is told with its code; the root’s key on the machine is warned of', async (t) => {
  const { options, log, logger } = await setUp(t);
  t.regex(log.text, /the key of the root is still on this machine/);
  await t.throwsAsync(startEnrollmentServer({ ...deps, logger, metrics: new PrometheusMetrics() }, options), {
    code: 'address-in-use',
  });
});

test('operators can ask the server how it stands, and scrape it', async (t) => {
  const { server, enroll } = await setUp(t);
  await enroll(`alice@${OVERLAY}`);
  await enroll(`alice@${OVERLAY}`, 'wrong');
  const get = async (resource: string) => (await fetch(server.adminUrl + resource)).text();
  const { overlay, sequence, revokedUsers } = JSON.parse(await get('/status'));
  t.deepEqual({ overlay, sequence, revokedUsers }, { overlay: OVERLAY, sequence: 1, revokedUsers: 0 });
  t.deepEqual(JSON.parse(await get('/readyz')), { ready: true });
  const metrics = await get('/metrics');
  t.regex(metrics, /^enrollment_certificates_total 1$/m);
  t.regex(metrics, /^enrollment_refusals_total\{reason="failed_authentication"\} 1$/m);
  t.regex(metrics, /^enrollment_document_expires_seconds 315\d{5}(\.\d+)?$/m);
  t.regex(metrics, /^enrollment_server_certificate_expires_seconds \d+/m);
});
