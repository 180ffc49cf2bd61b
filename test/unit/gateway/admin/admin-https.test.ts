import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { Event, silentLogger, type TlsIdentity } from '../../../../src/base/index.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { AdminServer } from '../../../../src/gateway/admin/admin-server.ts';
import { LiveFeed } from '../../../../src/gateway/admin/live-feed.ts';
import { peerRoutes } from '../../../../src/gateway/admin/routes.ts';
import { WebConsole } from '../../../../src/gateway/admin/web-console.ts';
import { WebFiles } from '../../../../src/gateway/admin/web-files.ts';
import { LogTail } from '../../../../src/gateway/logging/log-tail.ts';
import { PrometheusMetrics } from '../../../../src/gateway/metrics/prometheus-metrics.ts';
import { pemOf } from '../../../../src/net/tls-context.ts';
import { HttpsAuthority } from '../../../support/https.ts';
import { FakePeerAdmin } from '../fake-peer-admin.ts';

const TOKEN = 'abcdefghijklmnopqrstuvwx';

interface Got {
  readonly status: number | undefined;
  readonly cookie: string | undefined;
  readonly certificate: PeerCertificate;
}

async function start(t: ExecutionContext) {
  const authority = new HttpsAuthority();
  const served: { identity: TlsIdentity } = { identity: authority.server() };
  const named = authority.server({ dnsNames: ['phones.example.org'] });
  const changed = new Event<void>();
  const admin = new FakePeerAdmin();
  const metrics = new PrometheusMetrics();
  const feed = new LiveFeed({
    ...{ clock: new VirtualClock(), admin, metrics, logger: silentLogger, log: new LogTail() },
  });
  const phone = () => ({ webSockets: [], domain: 'example.org', hasRelay: false });
  const console = new WebConsole({ files: new WebFiles({ connectTo: () => [] }), phone, feed });
  const server = new AdminServer(
    { routes: peerRoutes(admin), metrics, logger: silentLogger, console },
    {
      listen: { host: '127.0.0.1', port: 0 },
      token: TOKEN,
      tls: {
        changed,
        options: {
          get identity() {
            return served.identity;
          },
          identityFor: (name) => (name === 'phones.example.org' ? named : undefined),
        },
      },
    },
  );
  const url = await server.start();
  t.teardown(() => server.stop());
  const ask = (path: string, options: { method?: string; origin?: string; servername?: string } = {}) =>
    new Promise<Got>((resolve, reject) => {
      const { method = 'GET', origin, servername } = options;
      const headers = { Authorization: `Bearer ${TOKEN}`, ...(origin !== undefined && { Origin: origin }) };
      const more = { agent: false, ...(servername !== undefined && { servername }) };
      const onResponse = (response: IncomingMessage) => {
        const certificate = (response.socket as TLSSocket).getPeerCertificate();
        response.resume();
        const cookie = response.headers['set-cookie']?.[0];
        response.on('end', () => resolve({ status: response.statusCode, cookie, certificate }));
      };
      request(url + path, { method, headers, ca: pemOf(authority.root), ...more }, onResponse)
        .on('error', reject)
        .end();
    });
  return { ask, authority, changed, served, url };
}

test('by https its certificate is that of the name that is asked for', async (t) => {
  const { ask, url } = await start(t);
  t.regex(url, /^https:\/\/127\.0\.0\.1:\d+$/);
  const [plain, named] = [await ask('/status'), await ask('/status', { servername: 'phones.example.org' })];
  t.is(plain.status, 200);
  t.regex(plain.certificate.subjectaltname!, /localhost/);
  t.is(named.status, 200);
  t.regex(named.certificate.subjectaltname!, /phones\.example\.org/);
});

test('a renewed certificate counts from the next connection on', async (t) => {
  const { ask, authority, changed, served } = await start(t);
  const before = (await ask('/status')).certificate.fingerprint256;
  served.identity = authority.server();
  changed.emit();
  const after = await ask('/status');
  t.is(after.status, 200);
  t.not(after.certificate.fingerprint256, before);
});

test('the cookie of the console comes back by https alone, and pages of ours may ask for it', async (t) => {
  const { ask, url } = await start(t);
  const { status, cookie } = await ask('/session', { method: 'POST', origin: url });
  t.is(status, 200);
  t.regex(cookie!, /; HttpOnly; SameSite=Strict; Secure$/);
  const plain = await ask('/session', { method: 'POST', origin: url.replace('https', 'http') });
  t.is(plain.status, 403);
});
