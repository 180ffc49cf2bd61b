import { connect as connectPlain, createServer } from 'node:net';
import { connect } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import {
  type HttpClientRequest,
  type HttpHandler,
  type HttpServerOptions,
  silentLogger,
  splitPin,
  type TlsIdentity,
  utf8,
} from '../../../../src/base/index.ts';
import { HttpsClient, HttpsServer } from '../../../../src/net/index.ts';
import { HttpsAuthority } from '../../../support/https.ts';

const authority = new HttpsAuthority();
const stranger = new HttpsAuthority('Stranger');
const LIMITS = {
  listen: { host: '127.0.0.1', port: 0 },
  maxBodyBytes: 1_000,
  requestTimeoutMs: 2_000,
  maxConnections: 32,
  maxConnectionsPerOrigin: 16,
  maxRunning: 2,
};
const ok = (text: string) => ({
  status: 200,
  headers: new Map([['content-type', 'text/plain']]),
  body: utf8(text),
});
const echo: HttpHandler = async ({ method, path, query, body }) =>
  ok(`${method} ${path} ${query.get('a')} ${Buffer.from(body).toString()}`);

async function setUp(
  t: ExecutionContext,
  handler: HttpHandler = echo,
  options: Partial<HttpServerOptions> = {},
) {
  const server = await HttpsServer.listen(
    { handler, logger: silentLogger },
    { identity: authority.server(), ...LIMITS, ...options },
  );
  const client = new HttpsClient();
  t.teardown(async () => {
    client.close();
    await server.close();
  });
  const ask = (request: Partial<HttpClientRequest> = {}) =>
    client.request({
      method: 'GET',
      url: `https://127.0.0.1:${server.local.port}/x?a=b#fragment`,
      timeoutMs: 5_000,
      maxBytes: 10_000,
      tls: { ca: [authority.root] },
      ...request,
    });
  return { server, client, ask };
}

const textOf = ({ body }: { body: Uint8Array }) => Buffer.from(body).toString();

test('A14: HTTPS there and back: method, path, query and body arrive, a fragment does not', async (t) => {
  const { ask } = await setUp(t);
  const answer = await ask({ method: 'POST', body: utf8('hello') });
  t.is(answer.status, 200);
  t.is(answer.headers.get('content-type'), 'text/plain');
  t.is(textOf(answer), 'POST /x b hello');
});

test('a client certificate is handed to the handler as TLS has proved it; without one there is none', async (t) => {
  const seen: (Uint8Array | undefined)[] = [];
  const { ask } = await setUp(t, async ({ clientCertificate }) => {
    seen.push(clientCertificate);
    return ok('');
  });
  const identity: TlsIdentity = stranger.server();
  await ask();
  await ask({ tls: { ca: [authority.root], identity } });
  t.is(seen[0], undefined);
  t.deepEqual(Buffer.from(seen[1]!), Buffer.from(identity.certificates[0]!));
});

test('A14: a pinned certificate is the only authority, whatever else the server shows', async (t) => {
  const { ask } = await setUp(t);
  t.is((await ask({ tls: { pin: authority.pin } })).status, 200);
  await t.throwsAsync(ask({ tls: { pin: stranger.pin } }), {
    code: 'http-certificate',
    message: /no certificate of the server has the SHA-256/,
  });
});

test('A14: a chain that only shows the pinned certificate is refused: it has to be the issuer', async (t) => {
  const forged = stranger.server();
  const { ask } = await setUp(t, echo, {
    identity: { ...forged, certificates: [forged.certificates[0]!, authority.root] },
  });
  await t.throwsAsync(ask({ tls: { pin: authority.pin } }), { code: 'http-certificate' });
});

test('A14: the host of the URL has to be a name of the certificate, with a pin and without', async (t) => {
  const { ask, server } = await setUp(t, echo, {
    identity: authority.server({ dnsNames: ['example.org'], ipAddresses: [] }),
  });
  for (const tls of [{ ca: [authority.root] }, { pin: authority.pin }]) {
    await t.throwsAsync(ask({ tls }), { code: 'http-certificate', message: /is for another name/ });
    const connectTo = server.local;
    const there = await ask({ tls, url: 'https://example.org/x', connectTo });
    t.is(there.status, 200, 'the address may come from elsewhere, such as an SRV record');
    await t.throwsAsync(ask({ tls, url: 'https://example.net/x', connectTo }), { code: 'http-certificate' });
  }
});

test('A14: an expired certificate and one of nobody known are refused, each in one clear line', async (t) => {
  const expired = await setUp(t, echo, { identity: authority.server({ notAfter: Date.now() - 1000 }) });
  await t.throwsAsync(expired.ask(), {
    code: 'http-certificate',
    message: /^the certificate of 127\.0\.0\.1:\d+ has expired$/,
  });
  const { ask } = await setUp(t);
  for (const tls of [{}, { ca: [stranger.root] }]) {
    await t.throwsAsync(ask({ tls }), { code: 'http-certificate', message: /signed by nobody we trust/ });
  }
});

test('another certificate is shown from the next connection on', async (t) => {
  const { ask, server, client } = await setUp(t);
  t.is((await ask()).status, 200);
  server.setIdentity(stranger.server());
  t.is((await ask()).status, 200, 'a connection that stands goes on');
  client.close();
  await t.throwsAsync(ask(), { code: 'http-certificate' });
  t.is((await ask({ tls: { ca: [stranger.root] } })).status, 200);
});

test('a body over the bound is answered with 413, with a length and without', async (t) => {
  let asked = 0;
  const { ask, server } = await setUp(t, async () => {
    asked += 1;
    return ok('');
  });
  t.is((await ask({ method: 'POST', body: new Uint8Array(1_001) })).status, 413);
  const chunked = await rawRequest(
    server.local.port,
    `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4b0\r\n${'x'.repeat(1_200)}\r\n0\r\n\r\n`,
  );
  t.regex(chunked, /^HTTP\/1\.1 413 /);
  t.is(asked, 0);
});

test('more requests than may run at once get 503, one whose handler fails 500', async (t) => {
  let release!: () => void;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let entered = 0;
  let onEntry = () => {};
  const untilEntered = (count: number) =>
    new Promise<void>((resolve) => {
      onEntry = () => {
        if (entered >= count) resolve();
      };
      onEntry();
    });
  const { ask, server } = await setUp(t, async ({ path }) => {
    entered += 1;
    onEntry();
    if (path === '/held') await held;
    if (path === '/bad') throw new Error('out of order');
    return ok('');
  });
  const at = (path: string) => `https://127.0.0.1:${server.local.port}${path}`;
  const waiting = [ask({ url: at('/held') }), ask({ url: at('/held') })];
  await untilEntered(2);
  t.is((await ask({ url: at('/free') })).status, 503);
  release();
  t.deepEqual(
    (await Promise.all(waiting)).map(({ status }) => status),
    [200, 200],
  );
  t.is((await ask({ url: at('/bad') })).status, 500);
});

test('a handler that takes too long is answered for with 503, and counts until it is done', async (t) => {
  let release!: () => void;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const handler: HttpHandler = async ({ path }) => {
    if (path === '/held') await held;
    return ok('done');
  };
  const { ask, server } = await setUp(t, handler, { requestTimeoutMs: 300, maxRunning: 1 });
  const at = (path: string) => ask({ url: `https://127.0.0.1:${server.local.port}${path}` });
  const late = await at('/held');
  t.deepEqual([late.status, textOf(late)], [503, 'no answer in time\n']);
  t.is((await at('/free')).status, 503);
  release();
  t.is((await at('/free')).status, 200);
});

test('an answer over the bound, a silent server and a closed port have their codes', async (t) => {
  const { ask } = await setUp(t, async () => ok('x'.repeat(11_000)));
  await t.throwsAsync(ask(), { code: 'http-too-large' });
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.teardown(() => silent.close());
  const { port } = silent.address() as { port: number };
  const slow = ask({ url: `https://127.0.0.1:${port}/`, timeoutMs: 200 });
  await t.throwsAsync(slow, {
    code: 'http-timeout',
    message: /no answer from 127\.0\.0\.1:\d+ within 200 ms/,
  });
  await t.throwsAsync(ask({ url: 'https://127.0.0.1:1/' }), { code: 'http-unreachable' });
  await t.throwsAsync(ask({ url: 'http://127.0.0.1:1/' }), { code: 'http-bad-url' });
  const reason = new Error('enough');
  await t.throwsAsync(ask({ signal: AbortSignal.abort(reason) }), { is: reason });
});

test('connections of one address are bounded', async (t) => {
  const { server } = await setUp(t, echo, { maxConnectionsPerOrigin: 2 });
  const open = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect({ port: server.local.port, host: '127.0.0.1', rejectUnauthorized: false });
      t.teardown(() => socket.destroy());
      socket.once('secureConnect', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('close', () => resolve(false));
    });
  t.true(await open());
  t.true(await open());
  t.false(await open());
});

test('a request that does not arrive whole is answered with 408 and its connection closed', async (t) => {
  const { server } = await setUp(t, echo, { requestTimeoutMs: 300 });
  t.regex(
    await rawRequest(server.local.port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab'),
    / 408 /,
  );
});

test('a TCP client that never begins its handshake does not keep the server from closing', async (t) => {
  const { server } = await setUp(t);
  const socket = connectPlain(server.local.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  await t.notThrowsAsync(server.close());
});

test('a URL carries its pin as a fragment', (t) => {
  const hex = 'ab'.repeat(32);
  t.deepEqual(splitPin(`https://h:1/p#sha256=${hex.toUpperCase()}`), { url: 'https://h:1/p', pin: hex });
  t.deepEqual(splitPin('https://h/'), { url: 'https://h/' });
  for (const text of ['http://h/', 'h', `https://h/#sha256=${hex}00`, 'https://h/#x', 'https://u:p@h/']) {
    t.is(splitPin(text), undefined, text);
  }
});

/** What the server says to these bytes before it closes. */
function rawRequest(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => socket.write(text));
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}
