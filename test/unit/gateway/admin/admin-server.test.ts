import { request } from 'node:http';
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { silentLogger } from '../../../../src/base/index.ts';
import { AdminServer } from '../../../../src/gateway/admin/admin-server.ts';
import { peerRoutes } from '../../../../src/gateway/admin/routes.ts';
import { PrometheusMetrics } from '../../../../src/gateway/metrics/prometheus-metrics.ts';
import { FakePeerAdmin, next, own } from '../fake-peer-admin.ts';

async function start(t: ExecutionContext, token?: string) {
  const admin = new FakePeerAdmin();
  const metrics = new PrometheusMetrics();
  metrics.counter('sip_requests_total', 'Requests').inc(3);
  const server = new AdminServer(
    { routes: peerRoutes(admin), metrics, logger: silentLogger },
    { listen: { host: '127.0.0.1', port: 0 }, token },
  );
  const url = await server.start();
  t.teardown(() => server.stop());
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(url + path, init);
    const text = await response.text();
    const body = text.startsWith('{') || text.startsWith('[') ? (JSON.parse(text) as unknown) : text;
    return { status: response.status, headers: response.headers, body };
  };
  return { admin, server, url, get };
}

test('/status /ring /registrations answer JSON', async (t) => {
  const { admin, get } = await start(t);
  t.deepEqual((await get('/status')).body, admin.status());
  t.deepEqual((await get('/ring')).body, admin.ring());
  t.deepEqual((await get('/registrations')).body, admin.registrations());
  t.is((await get('/status')).headers.get('content-type'), 'application/json; charset=utf-8');
});

test('/lookup/AOR: the entries; 404 with an empty list when there are none', async (t) => {
  const { admin, get } = await start(t);
  t.like(await get('/lookup/bob@example.org'), { status: 200, body: { aor: 'bob@example.org' } });
  t.like(await get('/lookup/sip%3Acarol%40example.org'), {
    status: 404,
    body: { aor: 'carol@example.org', entries: [] },
  });
  t.deepEqual(admin.asked, ['bob@example.org', 'carol@example.org']);
});

test('/ping/NODE takes a Node-ID in either case and nothing else', async (t) => {
  const { admin, get } = await start(t);
  t.deepEqual((await get(`/ping/${'AB'.repeat(16)}`)).body, { node: 'ab'.repeat(16), ms: 3.21 });
  t.like(await get('/ping/bob'), { status: 400, body: { error: { code: 'bad-node-id' } } });
  t.is(admin.asked.length, 1);
  t.true(own !== next);
});

test('long lists come in pages: /registrations and /calls with offset, limit and match', async (t) => {
  const { admin, get } = await start(t);
  const [alice] = admin.people;
  admin.people = [alice!, { ...alice!, aor: 'bob@example.org' }, { ...alice!, aor: 'bo@example.org' }];
  const page = (await get('/registrations?limit=1&offset=1&match=bo')).body;
  t.like(page, { total: 2, items: { length: 1, 0: { aor: 'bo@example.org' } } });
  t.like(await get('/calls?limit=5'), { status: 200, body: { running: 0, kept: 0, items: [] } });
  t.like(await get('/calls/7'), { status: 404, body: { error: { code: 'not-found' } } });
  for (const query of ['limit=501', 'limit=-1', 'offset=x'])
    t.like(await get(`/calls?${query}`), { status: 400, body: { error: { code: 'bad-query' } } });
});

test('/holders/AOR names the peers that hold a record', async (t) => {
  const { admin, get } = await start(t);
  t.deepEqual((await get('/holders/bob%40example.org')).body, await admin.holders('bob@example.org'));
});

test('/bans lists who gets no answer', async (t) => {
  const { admin, get } = await start(t);
  t.deepEqual((await get('/bans')).body, admin.bans());
});

test('/reload is asked by POST, with the token where there is one, and never by a web page', async (t) => {
  const { admin, get } = await start(t, 'a-token');
  const headers = { authorization: 'Bearer a-token' };
  t.like(await get('/reload', { headers }), { status: 405, body: { error: { code: 'method-not-allowed' } } });
  t.is((await get('/reload', { method: 'POST' })).status, 401);
  const page = { ...headers, origin: 'http://evil.example' };
  t.like(await get('/reload', { method: 'POST', headers: page }), {
    status: 403,
    body: { error: { code: 'foreign-origin' } },
  });
  t.is((await get('/status', { method: 'POST', headers })).status, 405);
  t.deepEqual(admin.asked, []);
  t.deepEqual((await get('/reload', { method: 'POST', headers })).body, admin.reload());
});

test('P10: /readyz fails with the reason when the peer is isolated, /healthz does not', async (t) => {
  const { admin, get } = await start(t);
  t.like(await get('/readyz'), { status: 200, body: { ready: true } });
  admin.readiness = { ready: false, reason: 'isolated' };
  t.like(await get('/readyz'), { status: 503, body: { ready: false, reason: 'isolated' } });
  t.is((await get('/healthz')).status, 200);
});

test('/metrics answers the Prometheus text format', async (t) => {
  const { get } = await start(t);
  const { body, headers } = await get('/metrics');
  t.regex(String(body), /^sip_requests_total 3$/m);
  t.regex(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
});

test('errors of the peer get a status; what we did not foresee is not shown', async (t) => {
  const { get } = await start(t);
  t.like(await get('/lookup/nonsense'), { status: 400, body: { error: { code: 'bad-aor' } } });
  t.like(await get('/lookup/late@example.org'), {
    status: 504,
    body: { error: { code: 'request-timeout' } },
  });
  const crash = await get('/lookup/crash@example.org');
  t.is(crash.status, 500);
  t.notRegex(JSON.stringify(crash.body), /secret detail/);
});

test('what is not there: 404 and what is', async (t) => {
  const { get } = await start(t);
  for (const path of ['/', '/nothing', '/status/x', '/lookup', '/lookup/a/b', '/metrics/x']) {
    const { status, body } = await get(path);
    t.is(status, 404, path);
    t.regex(JSON.stringify(body), /known: \/status .*\/lookup\/\.\.\..* \/metrics/);
  }
  t.is((await get('/lookup/%ff')).status, 400);
});

test('with a token: all but the probes ask for it', async (t) => {
  const token = 'abcdefghijklmnopqrstuvwx';
  const { get } = await start(t, token);
  const withToken = (shown: string) => ({ headers: { Authorization: `Bearer ${shown}` } });
  t.is((await get('/healthz')).status, 200);
  t.is((await get('/readyz')).status, 200);
  for (const path of ['/status', '/metrics', '/nothing', '/lookup/bob@example.org']) {
    const refused = await get(path);
    t.is(refused.status, 401, path);
    t.is(refused.headers.get('www-authenticate'), 'Bearer realm="p2psip"');
    t.is((await get(path, withToken('wrong'))).status, 401);
    t.not((await get(path, withToken(token))).status, 401);
  }
});

test('without a token a web page with another host name is refused (DNS rebinding)', async (t) => {
  const { url } = await start(t);
  const status = (host: string) =>
    new Promise((resolve) => {
      request(`${url}/status`, { headers: { Host: host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end();
    });
  t.is(await status('evil.example'), 403);
  t.is(await status('localhost:8060'), 200);
  t.is(await status('[::1]:8060'), 200);
});

test('bounds: other methods, bodies, long URLs, large headers', async (t) => {
  const { get } = await start(t);
  const post = await get('/status', { method: 'POST', body: 'x' });
  t.is(post.status, 405);
  t.is(post.headers.get('allow'), 'GET, HEAD');
  t.is((await get(`/lookup/${'a'.repeat(3000)}`)).status, 414);
  t.is((await get('/status', { headers: { 'X-Large': 'x'.repeat(10_000) } })).status, 431);
  t.is((await get('/status', { method: 'HEAD' })).status, 200);
});

test('bounds: a GET with a body is refused before the body is read', async (t) => {
  const { url } = await start(t);
  const { port } = new URL(url);
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    socket.write('GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000000\r\n\r\n');
  });
  t.regex(answer, /^HTTP\/1\.1 413 /);
});

test('a port in use is told as such', async (t) => {
  const { url } = await start(t);
  const second = new AdminServer(
    { routes: peerRoutes(new FakePeerAdmin()), metrics: new PrometheusMetrics(), logger: silentLogger },
    { listen: { host: '127.0.0.1', port: Number(new URL(url).port) }, token: undefined },
  );
  const error = await t.throwsAsync(second.start(), { code: 'address-in-use' });
  t.regex(error?.message ?? '', /^TCP 127\.0\.0\.1:\d+ is in use by another program$/);
});

test('stop() ends idle connections and lets go of the port', async (t) => {
  const { server, url } = await start(t);
  await fetch(`${url}/healthz`);
  await server.stop();
  await t.throwsAsync(fetch(`${url}/healthz`));
});
