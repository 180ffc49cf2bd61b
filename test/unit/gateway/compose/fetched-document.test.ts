import test from 'ava';
import {
  fromUtf8,
  type Logger,
  MemoryKeyValueStore,
  silentLogger,
  utf8,
} from '../../../../src/base/index.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { openFetchedDocument } from '../../../../src/gateway/compose/fetched-document.ts';
import { ConfigError } from '../../../../src/gateway/config/config-error.ts';
import { buildConfig } from '../../../../src/gateway/config/load-config.ts';
import type { OverlayDocument } from '../../../../src/reload/document/overlay-document.ts';
import { ConfigurationFetcher } from '../../../../src/reload/enrollment/configuration-fetcher.ts';
import { OverlayServers } from '../../../../src/reload/enrollment/overlay-servers.ts';
import { TestAuthority } from '../../../support/enrollment-server.ts';
import { directClient } from '../../../support/https.ts';
import { replaced } from '../../reload/document/support.ts';

const DAY_MS = 86_400_000;

function world(changes: Partial<OverlayDocument> = {}) {
  const clock = new VirtualClock();
  const authority = new TestAuthority({ clock, changes });
  const url = 'https://example.org/';
  const tree = {
    overlay: {
      name: 'example.org',
      document: url,
      first: true,
      enroll: { username: 'gw1', 'password-file': import.meta.filename },
    },
    sip: { mode: 'off' },
    data: 'memory',
  };
  const { config } = buildConfig(tree, { file: 'gateway.yaml', directory: '/' });
  const kv = new MemoryKeyValueStore();
  const log: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (text, fields) => log.push(`${text} ${JSON.stringify(fields)}`),
  };
  const state = { isSilent: false };
  const direct = directClient(authority.handle);
  const http = {
    ...direct,
    request: (request: Parameters<typeof direct.request>[0]) =>
      state.isSilent
        ? new Promise<never>((_, reject) => {
            request.signal?.addEventListener('abort', () => reject(request.signal?.reason));
          })
        : direct.request(request),
  };
  const servers = new OverlayServers(
    { dns: { srv: async () => [] }, random: { bytes: () => new Uint8Array(1), float: () => 0 } },
    { overlay: 'example.org' },
  );
  const open = () =>
    openFetchedDocument(config, config.overlay.server!, {
      ...{ clock, logger, kv, signal: undefined },
      fetcher: new ConfigurationFetcher({ http, servers }),
    });
  return { clock, authority, kv, open, log, state };
}

test('A20 B31: the first document is believed because of the server; the next one because of its signer', async (t) => {
  const { authority, open, log } = world();
  t.is((await open()).document.sequence, 1);
  authority.document = authority.documentOf(2);
  const opened = await open();
  t.is(opened.document.sequence, 2);
  t.true(opened.isFresh);
  t.true((await open()).isFresh, 'the same again');
  t.deepEqual(log, []);
});

test('B31: Kinds that the overlay has learned stay when the document was replaced while the peer was down', async (t) => {
  const { authority, kv, open } = world();
  await open();
  const learned = { key: 'configuration/kinds', value: utf8('[{"text":"","signer":""}]') };
  await kv.write([learned]);
  authority.document = authority.documentOf(2);
  t.is((await open()).document.sequence, 2);
  t.is(fromUtf8(kv.get(learned.key)!), fromUtf8(learned.value));
});

for (const [what, next, reason] of [
  [
    'one with a changed byte',
    (a) => replaced(a.documentOf(2), '<initial-ttl>100', '<initial-ttl>090'),
    /signature/,
  ],
  ['an older one', (a) => a.documentOf(0), /sequence 0 is not newer than 1/],
  [
    'one of another signer',
    (a) => {
      const other = new TestAuthority({});
      return other.documentOf(2, { rootCertificates: [a.authority.root, other.authority.root] });
    },
    /does not count|may not sign/,
  ],
  ['nonsense', () => Buffer.from('<html>'), /./],
] as [string, (authority: TestAuthority) => Uint8Array, RegExp][]) {
  test(`B31 B32: a peer that has a document goes on with it when the server hands out ${what}`, async (t) => {
    const { authority, open, log } = world();
    await open();
    authority.document = next(authority);
    const { document, isFresh } = await open();
    t.is(document.sequence, 1);
    t.false(isFresh);
    t.is(log.length, 1);
    t.regex(log[0] ?? '', reason);
  });
}

test('B32: a server that does not answer holds up a start by 4 s at the most, if there is a document to begin with', async (t) => {
  const { clock, open, state, log } = world();
  await open();
  state.isSilent = true;
  const opening = open();
  await clock.advance(4_000);
  t.is((await opening).document.sequence, 1);
  t.regex(log[0] ?? '', /https:\/\/example.org\/ does not answer/);
});

for (const [what, prepare, message] of [
  [
    'one with a changed byte',
    (a) => {
      a.document = replaced(a.document, '<initial-ttl>100', '<initial-ttl>090');
    },
    /^gateway.yaml: overlay.document: https:\/\/example.org\/: the signature .*; get the document again/,
  ],
  [
    'one with an unknown mandatory extension',
    (a) => {
      a.document = a.documentOf(1, { mandatoryExtensions: ['urn:x'] });
    },
    /mandatory-extension "urn:x" is unknown here; this version cannot take part/,
  ],
  [
    'one of another overlay',
    (a) => {
      a.document = new TestAuthority({ overlay: 'other.example.org' }).document;
    },
    /has no configuration of "example.org"/,
  ],
  [
    'one without a root-cert',
    (a) => {
      a.document = a.documentOf(1, { rootCertificates: [], selfSignedPermitted: { digest: 'sha256' } });
    },
    /the document names no root-cert|does not count/,
  ],
] as [string, (authority: TestAuthority) => void, RegExp][]) {
  test(`B31: a first document that is ${what} ends the start with one line, and is not kept`, async (t) => {
    const { authority, open } = world();
    const good = authority.document;
    prepare(authority);
    const error = await t.throwsAsync(open(), { instanceOf: ConfigError, message });
    t.notRegex(error?.message ?? '', /\n/);
    authority.document = good;
    t.is((await open()).document.sequence, 1);
  });
}

test('B31 B32: an expired document is replaced at the start, or the start ends', async (t) => {
  const { clock, authority, open } = world();
  const expiresAt = clock.now() + DAY_MS;
  authority.document = authority.documentOf(1, { expiresAt });
  await open();
  await clock.advance(2 * DAY_MS);
  const old = authority.document;
  authority.document = authority.documentOf(2, { expiresAt: expiresAt + 10 * DAY_MS });
  const renewed = authority.document;
  authority.document = old;
  await t.throwsAsync(open(), { instanceOf: ConfigError, message: /expired on/ });
  authority.document = renewed;
  t.is((await open()).document.sequence, 2);
});
