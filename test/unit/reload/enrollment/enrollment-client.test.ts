import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import test from 'ava';
import { CodedError, type HttpClient, type HttpResponse, utf8 } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { readDocument } from '../../../../src/reload/document/document-reader.ts';
import type { OverlayDocument } from '../../../../src/reload/document/overlay-document.ts';
import { EnrollmentClient } from '../../../../src/reload/enrollment/enrollment-client.ts';
import { OverlayServers } from '../../../../src/reload/enrollment/overlay-servers.ts';
import { TestAuthority } from '../../../support/enrollment-server.ts';
import { directClient } from '../../../support/https.ts';
import { Authority } from '../document/support.ts';

const OVERLAY = 'example.org';
const GATEWAY = `gw1@${OVERLAY}`;
const DAY_MS = 86_400_000;
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

function world(options: { changes?: Partial<OverlayDocument> } = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(5);
  const authority = new TestAuthority({ clock, ...options });
  authority.accounts.add(GATEWAY, 'grüße');
  const servers = new OverlayServers({ dns: { srv: async () => [] }, random }, { overlay: OVERLAY });
  const document = readDocument(authority.document);
  const enroll = (
    changes: { username?: string; password?: string; http?: HttpClient; key?: typeof privateKey } = {},
  ) => {
    const { username = GATEWAY, password = 'grüße', http = directClient(authority.handle) } = changes;
    const client = new EnrollmentClient(
      { clock, random, http, servers },
      { username, password: () => password },
    );
    return client.enroll(document, changes.key ?? privateKey);
  };
  return { clock, authority, document, enroll };
}

/** The server answers this, whatever it is asked. */
function always(status: number, body: string | Uint8Array, contentType = 'text/plain'): HttpClient {
  const bytes = typeof body === 'string' ? utf8(body) : body;
  const response: HttpResponse = { status, headers: new Map([['content-type', contentType]]), body: bytes };
  return { request: async () => response, close() {} };
}

test('A19 B32: name, password and a certification request; back comes a certificate of the overlay', async (t) => {
  const { enroll } = world();
  const certificate = await enroll();
  t.is(certificate.nodeIds.length, 1);
  t.deepEqual(certificate.userNames, [GATEWAY]);
  t.true(new X509Certificate(certificate.der).checkPrivateKey(privateKey));
  t.deepEqual((await enroll()).nodeIds, certificate.nodeIds, 'the same Node-ID whenever the account returns');
});

test('A19 B32: with an RSA key, too', async (t) => {
  const { privateKey: key } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const certificate = await world().enroll({ key });
  t.is(certificate.publicKey.asymmetricKeyType, 'rsa');
});

test('B32: a wrong password and an unknown account are told in one line', async (t) => {
  const { enroll } = world();
  const message =
    'example.org refuses to enroll us: gw1@example.org has no account there, or another password';
  await t.throwsAsync(enroll({ password: 'wrong' }), { code: 'enrollment-refused', message });
  await t.throwsAsync(enroll({ username: 'nobody' }), {
    code: 'enrollment-refused',
    message: /nobody has no account/,
  });
});

for (const [what, http, code, message] of [
  [
    'another user name',
    always(403, 'username_not_available'),
    'enrollment-refused',
    /may not have that user name/,
  ],
  [
    'no Node-ID left',
    always(403, 'Node-IDs_not_available\n'),
    'enrollment-refused',
    /it has no Node-ID to give/,
  ],
  ['a bad request', always(403, 'bad_CSR'), 'enrollment-refused', /it cannot use our certification request/],
  [
    'an unknown token',
    always(403, 'out_of_cheese\nerror'),
    'enrollment-refused',
    /for a reason that it does not give/,
  ],
  ['too many attempts', always(429, ''), 'enrollment-unreachable', /example.org answers 429/],
  ['a fault', always(500, ''), 'enrollment-unreachable', /example.org answers 500/],
  ['a page', always(200, '<html>', 'text/html'), 'enrollment-invalid', /does not answer with a certificate/],
  [
    'no certificate',
    always(200, 'x', 'application/pkix-cert'),
    'enrollment-invalid',
    /unusable certificate: malformed certificate/,
  ],
] as [string, HttpClient, string, RegExp][]) {
  test(`B32: the enrollment server answers with ${what}: one line`, async (t) => {
    const error = await t.throwsAsync(world().enroll({ http }), { code, message });
    t.notRegex(error?.message ?? '', /\n/);
  });
}

test('B32: a certificate that is not for us in this overlay is not taken', async (t) => {
  const { clock, authority, enroll } = world();
  const nodeId = '12'.repeat(16);
  const names = { overlay: OVERLAY, nodeId, userName: GATEWAY };
  const giving = (certificate: { der: Uint8Array }) =>
    enroll({ http: always(200, certificate.der, 'application/pkix-cert') });
  const root = authority.authority;
  const refused = (message: RegExp) => ({ code: 'enrollment-invalid', message });
  await t.throwsAsync(
    giving(new Authority('x', clock).certify(publicKey, names)),
    refused(/issued by no root-cert/),
  );
  await t.throwsAsync(
    giving(root.certify(publicKey, { ...names, overlay: 'other.example.org' })),
    refused(/is for overlay other/),
  );
  await t.throwsAsync(giving(root.enroll(names).certificate), refused(/another key/));
  await t.throwsAsync(
    giving(root.certify(publicKey, { ...names, notAfter: clock.now() - DAY_MS })),
    refused(/valid until/),
  );
  await t.notThrowsAsync(giving(root.certify(publicKey, names)));
});

test('B32: servers of the document are asked in order, until one has an answer', async (t) => {
  const enrollmentServers = ['https://down.example.org/', 'https://up.example.org/enroll'];
  const { authority, enroll } = world({ changes: { enrollmentServers } });
  const direct = directClient(authority.handle);
  const asked: string[] = [];
  const http: HttpClient = {
    request: async (request) => {
      asked.push(new URL(request.url).host);
      if (request.url.includes('down'))
        throw new CodedError('http-unreachable', 'no answer from down.example.org');
      return direct.request(request);
    },
    close() {},
  };
  await t.notThrowsAsync(enroll({ http }));
  t.deepEqual(asked, ['down.example.org', 'up.example.org']);
  // A no is an answer.
  asked.length = 0;
  await t.throwsAsync(
    world({ changes: { enrollmentServers: [...enrollmentServers].reverse() } }).enroll({
      http,
      password: 'wrong',
    }),
    {
      code: 'enrollment-refused',
    },
  );
  t.deepEqual(asked, ['up.example.org']);
});

test('B32: a document without an enrollment server cannot be enrolled with', async (t) => {
  const { enroll } = world({ changes: { enrollmentServers: [] } });
  await t.throwsAsync(enroll(), { code: 'no-enrollment-server' });
});
