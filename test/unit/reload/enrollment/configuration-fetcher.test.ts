import test from 'ava';
import {
  CodedError,
  type HttpClientRequest,
  type HttpResponse,
  type SrvRecord,
  utf8,
} from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { ConfigurationFetcher } from '../../../../src/reload/enrollment/configuration-fetcher.ts';
import { OverlayServers } from '../../../../src/reload/enrollment/overlay-servers.ts';

type Answer = (request: HttpClientRequest) => HttpResponse;

const answer = (status: number, body = '', headers: Record<string, string> = {}): HttpResponse => ({
  status,
  headers: new Map(Object.entries(headers)),
  body: utf8(body),
});

function fetcherOf(reply: Answer, srv: readonly SrvRecord[] = []) {
  const requests: HttpClientRequest[] = [];
  const servers = new OverlayServers(
    { dns: { srv: async () => srv }, random: new SeededRandom(3) },
    { overlay: 'example.org' },
  );
  const http = {
    request: async (request: HttpClientRequest) => {
      requests.push(request);
      return reply(request);
    },
    close() {},
  };
  return { fetcher: new ConfigurationFetcher({ http, servers }), requests, servers };
}

const fail = (code: string, message: string): Answer => {
  return () => {
    throw new CodedError(code, message);
  };
};

test('A20 B32: the document is fetched with GET, in bounds of size and time, and asked for by its tag from then on', async (t) => {
  const { fetcher, requests } = fetcherOf(({ headers }) =>
    headers?.['if-none-match'] === '"7"'
      ? answer(304, '', { 'cache-control': 'max-age=60' })
      : answer(200, 'document 7', { etag: '"7"' }),
  );
  t.deepEqual(await fetcher.fetch(), { bytes: utf8('document 7'), freshMs: undefined });
  t.deepEqual(await fetcher.fetch(), { bytes: utf8('document 7'), freshMs: 60_000 });
  const [first] = requests;
  t.is(first?.method, 'GET');
  t.is(first?.url, 'https://example.org/.well-known/reload-config');
  t.is(first?.maxBytes, 262_144);
  t.is(first?.timeoutMs, 5_000);
});

test('B32: the next server is asked when one does not answer', async (t) => {
  const records = [1, 2, 3].map((i) => ({ target: `s${i}.example.net`, port: 443, priority: i, weight: 0 }));
  const { fetcher, requests } = fetcherOf((request) => {
    if (request.connectTo?.host === 's1.example.net') throw new CodedError('http-timeout', 'no answer');
    if (request.connectTo?.host === 's2.example.net') return answer(503);
    return answer(200, 'found');
  }, records);
  t.deepEqual((await fetcher.fetch()).bytes, utf8('found'));
  t.is(requests.length, 3);
});

for (const [what, reply, code, message] of [
  [
    'nobody answers',
    fail('http-unreachable', 'no answer from example.org'),
    'configuration-unreachable',
    /no answer/,
  ],
  [
    'the server has no time',
    () => answer(503),
    'configuration-unreachable',
    /example.org answers 503 when asked for \/\.well/,
  ],
  ['there is no document', () => answer(404), 'configuration-refused', /example.org answers 404/],
  [
    'it is somewhere else',
    () => answer(302, '', { location: 'https://evil.example' }),
    'configuration-refused',
    /302/,
  ],
  [
    'the certificate has expired',
    fail('http-certificate', 'the certificate of example.org has expired'),
    'configuration-untrusted',
    /has expired/,
  ],
  ['it is too long', fail('http-too-large', 'the answer is longer'), 'configuration-refused', /longer/],
] as [string, Answer, string, RegExp][]) {
  test(`B32: no document, one line: ${what}`, async (t) => {
    const { fetcher } = fetcherOf(reply);
    const error = await t.throwsAsync(fetcher.fetch(), { code, message });
    t.notRegex(error?.message ?? '', /\n/);
  });
}
