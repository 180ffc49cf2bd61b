import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Answer } from 'dns-packet';
import { errorMessage, type Logger, noMetrics, silentLogger } from '../../../../src/base/index.ts';
import { openMembership } from '../../../../src/gateway/compose/membership.ts';
import { buildConfig } from '../../../../src/gateway/config/load-config.ts';
import { type DataDirectory, openDataDirectory } from '../../../../src/gateway/persistence/data-directory.ts';
import {
  HttpsClient,
  SystemDns,
  SystemNetwork,
  systemClock,
  systemRandom,
} from '../../../../src/net/index.ts';
import { pemOf } from '../../../../src/net/tls-context.ts';
import { nodeIdOfKey } from '../../../../src/reload/security/node-id.ts';
import { CountingMetrics } from '../../../support/counting-metrics.ts';
import { TestEnrollmentServer } from '../../../support/enrollment-server.ts';
import { NameServer, srvRecord } from '../../../support/name-server.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';

const OVERLAY = 'example.org';
const GATEWAY = `gw1@${OVERLAY}`;
const DAY_MS = 86_400_000;

interface Site {
  server: TestEnrollmentServer;
  /** Written into the configuration beside name and account. */
  overlay?: Record<string, unknown>;
  records?: Answer[];
  password?: string;
}

/** A peer's directory, and what it comes to when it is started there. */
async function peer(t: ExecutionContext, { server, overlay = {}, records = [], password = 'secret' }: Site) {
  const directory = temporaryDirectory('membership');
  writeFileSync(path.join(directory, 'password'), `${password}\n`, { mode: 0o600 });
  writeFileSync(path.join(directory, 'ca.pem'), pemOf(server.https.root));
  const network = new SystemNetwork();
  const nameServer = await NameServer.open(network, '127.0.0.1', records);
  t.teardown(() => nameServer.close());
  const dns = new SystemDns(
    { network, clock: systemClock, random: systemRandom, metrics: noMetrics },
    { servers: [nameServer.address] },
  );
  const tree = {
    overlay: {
      ...{ name: OVERLAY, first: true, enroll: { username: GATEWAY, 'password-file': './password' } },
      ...overlay,
    },
    sip: { mode: 'off' },
    data: './data',
  };
  const { config } = buildConfig(tree, { file: 'gateway.yaml', directory });
  const log: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (text, fields) => log.push(`${text} ${JSON.stringify(fields)}`),
  };
  const http = new HttpsClient();
  t.teardown(() => http.close());
  const open = async (account?: string, change = (data: DataDirectory) => data) => {
    const data = await openDataDirectory(config.data, { durability: 'commit' });
    const enroll = config.overlay.enroll && {
      ...config.overlay.enroll,
      ...(account && { username: account }),
    };
    try {
      return await openMembership(
        { ...config, overlay: { ...config.overlay, enroll } },
        {
          ...{ clock: systemClock, random: systemRandom, logger, metrics: new CountingMetrics() },
          ...{ data: change(data), http, dns, signal: undefined },
        },
      );
    } finally {
      await data.close();
    }
  };
  return { open, log };
}

async function serverOf(
  t: ExecutionContext,
  names: ConstructorParameters<typeof TestEnrollmentServer>[1] = {},
): Promise<TestEnrollmentServer> {
  const server = new TestEnrollmentServer({ overlay: OVERLAY }, names);
  server.accounts.add(GATEWAY, 'secret');
  await server.start();
  t.teardown(() => server.stop());
  return server;
}

test('A20 B32: name and account are enough: an SRV record leads to the server, whose certificate has the name of the overlay', async (t) => {
  const server = await serverOf(t, { dnsNames: [OVERLAY] });
  // The enrollment server of the document is the same origin, which only the SRV record tells where to find.
  server.enrollmentUrl = `https://${OVERLAY}/enroll`;
  server.document = server.documentOf(1);
  const records = [srvRecord(`_reload-config._tcp.${OVERLAY}`, 'localhost', server.port)];
  const { open } = await peer(t, { server, records, overlay: { 'ca-file': './ca.pem' } });
  const { document, identity } = await open();
  t.is(document.sequence, 1);
  t.is(identity.userName, GATEWAY);
  t.deepEqual(server.requests, ['GET /.well-known/reload-config', 'POST /enroll']);

  // The next start asks for the document only, and takes the newer one.
  server.document = server.documentOf(2);
  const again = await open();
  t.is(again.document.sequence, 2);
  t.is(again.identity.nodeId, identity.nodeId);
  t.deepEqual(again.identity.certificate.der, identity.certificate.der);
  t.deepEqual(server.requests.slice(2), ['GET /.well-known/reload-config']);
});

test('B32: a certificate with the name of the SRV target only proves nothing: DNS may lie', async (t) => {
  const server = await serverOf(t, { dnsNames: ['localhost'] });
  const records = [srvRecord(`_reload-config._tcp.${OVERLAY}`, 'localhost', server.port)];
  const { open } = await peer(t, { server, records, overlay: { 'ca-file': './ca.pem' } });
  await t.throwsAsync(open(), {
    code: 'configuration-untrusted',
    message: /the certificate of example.org is for another name/,
  });
  t.deepEqual(server.requests, []);
});

test('B32: a server with an expired certificate, of an unknown authority, or with another pin, is not spoken to', async (t) => {
  const server = await serverOf(t);
  const url = `https://127.0.0.1:${server.port}/`;
  const cases: [string, string][] = [
    [url, 'is signed by nobody we trust'],
    [`${url}#sha256=${'ab'.repeat(32)}`, ''],
  ];
  for (const [document, message] of cases) {
    const { open } = await peer(t, { server, overlay: { document } });
    const error = await t.throwsAsync(open(), { code: 'configuration-untrusted' });
    t.true(error?.message.includes(message), error?.message);
    t.notRegex(errorMessage(error), /\n/);
  }
  await server.stop();
  await server.start(server.https.server({ notAfter: Date.now() - DAY_MS }));
  const { open } = await peer(t, { server, overlay: { document: server.url } });
  await t.throwsAsync(open(), { code: 'configuration-untrusted', message: /127.0.0.1:\d+ has expired/ });
  t.deepEqual(server.requests, []);
});

test('A22 B32: without its servers a peer begins with what it has; without anything it says who does not answer', async (t) => {
  const server = await serverOf(t);
  const { open, log } = await peer(t, { server, overlay: { document: server.url } });
  const { identity } = await open();
  await server.stop();
  const again = await open();
  t.is(again.identity.nodeId, identity.nodeId);
  t.is(log.length, 1);
  t.regex(log[0] ?? '', /no newer document is at hand.*127\.0\.0\.1/);

  const stranger = await peer(t, { server, overlay: { document: server.url } });
  await t.throwsAsync(stranger.open(), {
    code: 'configuration-unreachable',
    message: /the configuration server does not answer: .*127.0.0.1/,
  });
});

test('B32: a wrong password: one line, and nothing is written but the document', async (t) => {
  const server = await serverOf(t);
  const { open } = await peer(t, { server, password: 'wrong', overlay: { document: server.url } });
  await t.throwsAsync(open(), {
    code: 'enrollment-refused',
    message: /gw1@example.org has no account there/,
  });
  await t.throwsAsync(open(), { code: 'enrollment-refused' });
  t.is(server.requests.filter((request) => request.startsWith('POST')).length, 2);
});

test('B32: a certificate that the document no longer welcomes is replaced at the start, for the same key', async (t) => {
  const server = await serverOf(t);
  const { open } = await peer(t, { server, overlay: { document: server.url } });
  const { identity } = await open();
  // The authority is replaced; its new certificates have the Node-ID of before.
  const renewed = new TestEnrollmentServer({ overlay: OVERLAY, enrollmentUrl: server.enrollmentUrl });
  renewed.accounts.add(GATEWAY, 'secret');
  server.document = server.documentOf(2, {
    rootCertificates: [renewed.authority.root, server.authority.root],
  });
  await open();
  const signers = new Set([renewed.signer.nodeId, server.signer.nodeId]);
  server.document = server.documentOf(3, {
    rootCertificates: [renewed.authority.root, server.authority.root],
    configurationSigners: signers,
  });
  await open();
  server.document = renewed.documentOf(4);
  server.instead = ({ path: wanted, ...request }) =>
    wanted === '/enroll'
      ? renewed.handle({ path: wanted, ...request })
      : Promise.resolve({ status: 200, headers: new Map(), body: server.document });
  const again = await open();
  t.is(again.document.sequence, 4);
  t.true(again.identity.privateKey.equals(identity.privateKey));
  t.notDeepEqual(again.identity.certificate.der, identity.certificate.der);
});

test('A20 B31: a self-signed overlay may have its document on a server, too, and needs no account', async (t) => {
  const server = await serverOf(t);
  server.document = server.documentOf(1, { selfSignedPermitted: { digest: 'sha1' }, enrollmentServers: [] });
  const { open } = await peer(t, { server, overlay: { document: server.url, enroll: null } });
  const { document, identity } = await open();
  t.is(document.sequence, 1);
  t.is(identity.nodeId, nodeIdOfKey(identity.certificate.spki, 'sha1'));
  t.deepEqual(server.requests, ['GET /.well-known/reload-config']);

  server.document = server.documentOf(2);
  await t.throwsAsync(open(), {
    code: 'bad-config',
    message: /overlay.enroll: is missing: .*; name the account of this peer/,
  });
});

test('B32: a change of account that is broken off is made up for at the next start', async (t) => {
  const server = await serverOf(t);
  server.accounts.add(`gw2@${OVERLAY}`, 'secret');
  const { open } = await peer(t, { server, overlay: { document: server.url } });
  await open();
  const full = () => {
    throw new Error('no space left');
  };
  await t.throwsAsync(
    open(`gw2@${OVERLAY}`, (data) => Object.assign(data, { saveIdentity: full })),
    { message: /no space left/ },
  );
  t.is((await open(`gw2@${OVERLAY}`)).identity.userName, `gw2@${OVERLAY}`);
});

test('B32: another account in the configuration is enrolled at the next start, with the Node-ID of that account', async (t) => {
  const server = await serverOf(t);
  server.accounts.add(`gw2@${OVERLAY}`, 'secret');
  const { open } = await peer(t, { server, overlay: { document: server.url } });
  const first = await open();
  const second = await open(`gw2@${OVERLAY}`);
  t.is(second.identity.userName, `gw2@${OVERLAY}`);
  t.not(second.identity.nodeId, first.identity.nodeId);
  t.is((await open(`gw2@${OVERLAY}`)).identity.nodeId, second.identity.nodeId);
  t.is(server.requests.filter((request) => request.startsWith('POST')).length, 2);
});
