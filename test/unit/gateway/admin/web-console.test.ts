import test, { type ExecutionContext } from 'ava';
import { silentLogger } from '../../../../src/base/index.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { AdminServer } from '../../../../src/gateway/admin/admin-server.ts';
import { LiveFeed } from '../../../../src/gateway/admin/live-feed.ts';
import { phoneSettings } from '../../../../src/gateway/admin/phone-settings.ts';
import { peerRoutes } from '../../../../src/gateway/admin/routes.ts';
import { WebConsole } from '../../../../src/gateway/admin/web-console.ts';
import { WebFiles } from '../../../../src/gateway/admin/web-files.ts';
import { LogTail } from '../../../../src/gateway/logging/log-tail.ts';
import { PrometheusMetrics } from '../../../../src/gateway/metrics/prometheus-metrics.ts';
import { eventually } from '../../../support/wait.ts';
import { FakePeerAdmin } from '../fake-peer-admin.ts';

const URIS = [
  'sip:127.0.0.1:5060;transport=udp',
  'sip:127.0.0.1:5066;transport=ws',
  'sips:[::1]:5067;transport=ws',
];

async function start(t: ExecutionContext, token?: string) {
  const admin = new FakePeerAdmin();
  const clock = new VirtualClock();
  const log = new LogTail();
  const metrics = new PrometheusMetrics();
  const phone = () => phoneSettings(URIS, { domain: 'example.org', hasRelay: false });
  const files = new WebFiles({ connectTo: () => phone().webSockets });
  const console = new WebConsole({
    files,
    phone,
    feed: new LiveFeed({ clock, admin, metrics, logger: silentLogger, log }),
  });
  const server = new AdminServer(
    { routes: peerRoutes(admin), metrics, logger: silentLogger, console },
    { listen: { host: '127.0.0.1', port: 0 }, token },
  );
  const url = await server.start();
  t.teardown(() => server.stop());
  const get = (path: string, init: RequestInit = {}) => fetch(url + path, { redirect: 'manual', ...init });
  return { admin, clock, log, metrics, get, url };
}

/** The events that come, by name; ends with the test. */
async function watch(t: ExecutionContext, response: Response) {
  const events: { name: string; data: unknown }[] = [];
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  t.teardown(() => reader.cancel());
  let text = '';
  const read = async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += part.value;
      for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
        const match = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end));
        if (match !== null) events.push({ name: match[1]!, data: JSON.parse(match[2]!) });
        text = text.slice(end + 2);
      }
    }
  };
  read().catch(() => {});
  const named = (name: string) => events.filter((event) => event.name === name).map(({ data }) => data);
  return { events, named };
}

test('/ leads to the console; pages come with a policy that runs nothing but our own files', async (t) => {
  const { get } = await start(t);
  t.is((await get('/')).headers.get('location'), '/console/');
  t.is((await get('/phone')).headers.get('location'), '/phone/');
  for (const [path, type] of [
    ['/console/', 'text/html; charset=utf-8'],
    ['/console/main.js', 'text/javascript; charset=utf-8'],
    ['/shared/base.css', 'text/css; charset=utf-8'],
    ['/phone/sip.js', 'text/javascript; charset=utf-8'],
  ] as const) {
    const page = await get(path);
    t.is(page.status, 200, path);
    t.is(page.headers.get('content-type'), type);
    const policy = page.headers.get('content-security-policy')!;
    t.regex(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
    t.notRegex(policy, /unsafe|\*|https?:/);
    const again = await get(path, { headers: { 'if-none-match': page.headers.get('etag')! } });
    t.is(again.status, 304);
  }
  for (const path of [
    '/console/../package.json',
    '/console/%2e%2e/%2e%2e/package.json',
    '/console/nothing.js',
  ]) {
    t.is((await get(path)).status, 404, path);
  }
});

test('the phone is told of the WebSocket listeners, and may connect to nothing else', async (t) => {
  const { get } = await start(t);
  const webSockets = ['ws://127.0.0.1:5066', 'wss://[::1]:5067'];
  t.deepEqual(await (await get('/phone/settings')).json(), {
    webSockets,
    domain: 'example.org',
    hasRelay: false,
  });
  const policy = (await get('/phone/')).headers.get('content-security-policy')!;
  t.regex(
    policy,
    /connect-src 'self' ws:\/\/127\.0\.0\.1:5066 wss:\/\/\[::1\]:5067 wss:\/\/127\.0\.0\.1:5067;/,
  );
});

test('with a token: pages open without it, all they show takes the token once, then a cookie that changes nothing', async (t) => {
  const token = 'abcdefghijklmnopqrstuvwx';
  const { get, url, admin } = await start(t, token);
  t.is((await get('/console/')).status, 200);
  t.is((await get('/events')).status, 401);
  t.is((await get('/session', { method: 'POST' })).status, 401);
  const headers = { Authorization: `Bearer ${token}` };
  const foreign = { ...headers, Origin: 'http://evil.example' };
  t.is((await get('/session', { method: 'POST', headers: foreign })).status, 403);
  t.is((await get('/session', { headers })).status, 405);
  const session = await get('/session', { method: 'POST', headers: { ...headers, Origin: url } });
  t.is(session.status, 200);
  const cookie = session.headers.get('set-cookie')!;
  t.regex(cookie, /; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
  t.false(cookie.includes(token));
  const shown = { Cookie: `other=1; ${cookie.split(';', 1)[0]}` };
  t.is((await get('/status', { headers: shown })).status, 200);
  t.is((await get('/reload', { method: 'POST', headers: shown })).status, 401);
  t.deepEqual(admin.asked, []);
  const forged = { Cookie: cookie.replace(/=\d+/, '=99999999999').split(';', 1)[0]! };
  t.is((await get('/status', { headers: forged })).status, 401);
});

test('/events: all there is at first, then what has changed, once a second', async (t) => {
  const { get, clock, log, admin, metrics } = await start(t);
  log.add('info', 'before');
  const { named } = await watch(t, await get('/events'));
  await eventually('events', 5000, () => named('totals').length === 1);
  t.deepEqual(named('status'), [admin.status()]);
  t.deepEqual(named('ring'), [admin.ring()]);
  t.like(named('calls')[0], { whole: true, items: [] });
  t.like(named('log')[0], [{ number: 1, level: 'info', text: 'before' }]);
  log.add('warn', 'one');
  log.add('warn', 'two');
  metrics.counter('sip_requests_received_total', 'x').inc(7);
  await clock.advance(1000);
  await eventually('events', 5000, () => named('log').length === 2);
  t.like(named('log')[1], [
    { number: 2, text: 'one' },
    { number: 3, text: 'two' },
  ]);
  await clock.advance(1000);
  await eventually('events', 5000, () => named('totals').length === 2);
  t.like(named('totals')[1], { requests: 7, lookups: 0 });
  t.is(named('calls').length, 1);
});

test('nothing is computed while nobody watches, and no more than 8 may', async (t) => {
  const { get, clock, admin } = await start(t);
  let asked = 0;
  const version = admin.callsVersion.bind(admin);
  admin.callsVersion = () => {
    asked += 1;
    return version();
  };
  await clock.advance(10_000);
  t.is(asked, 0);
  const streams = await Promise.all(Array.from({ length: 8 }, () => get('/events')));
  t.like(await get('/events'), { status: 503 });
  await clock.advance(1000);
  t.true(asked > 0);
  await Promise.all(streams.map(({ body }) => body!.cancel()));
  await eventually('events', 5000, async () => (await get('/events')).status === 200);
});
