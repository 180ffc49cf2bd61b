import test from 'ava';
import { CodedError, type SrvRecord } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import {
  OverlayServers,
  type OverlayServersOptions,
} from '../../../../src/reload/enrollment/overlay-servers.ts';

const OVERLAY = 'example.org';
const WELL_KNOWN = 'https://example.org/.well-known/reload-config';
const PIN = 'ab'.repeat(32);

const record = (target: string, port: number, priority = 0): SrvRecord => ({
  target,
  port,
  priority,
  weight: 0,
});

function serversOf(
  options: Partial<OverlayServersOptions> = {},
  srv: (name: string) => Promise<readonly SrvRecord[]> = async () => [],
): OverlayServers {
  return new OverlayServers({ dns: { srv }, random: new SeededRandom(3) }, { overlay: OVERLAY, ...options });
}

test('A20 B32: the name alone: SRV targets in order of priority, the certificate has the name of the overlay', async (t) => {
  const asked: string[] = [];
  const servers = serversOf({}, async (name) => {
    asked.push(name);
    return [record('b.example.net', 8443, 20), record('a.example.net', 443, 10)];
  });
  const tls = {};
  t.deepEqual(await servers.configuration(), [
    { url: WELL_KNOWN, tls, connectTo: { host: 'a.example.net', port: 443 } },
    { url: WELL_KNOWN, tls, connectTo: { host: 'b.example.net', port: 8443 } },
  ]);
  t.deepEqual(asked, ['_reload-config._tcp.example.org']);
});

test('A20 B32: without SRV records the host of that name is asked', async (t) => {
  t.deepEqual(await serversOf().configuration(), [{ url: WELL_KNOWN, tls: {} }]);
  const ca = [Uint8Array.of(1)];
  t.deepEqual(await serversOf({ ca }).configuration(), [{ url: WELL_KNOWN, tls: { ca } }]);
});

test('B32: DNS that says there is no such service, or says nothing, is not taken for the lack of a record', async (t) => {
  const none = serversOf({}, async () => [record('', 0)]);
  await t.throwsAsync(none.configuration(), { code: 'no-configuration-server' });
  const broken = serversOf({}, async () => {
    throw new CodedError('dns-failed', 'DNS for _reload-config._tcp.example.org: timeout');
  });
  await t.throwsAsync(broken.configuration(), { code: 'dns-failed' });
});

test('B32: eight servers at the most, whatever DNS says', async (t) => {
  const many = Array.from({ length: 50 }, (_, i) => record(`s${i}.example.net`, 443));
  t.is((await serversOf({}, async () => many).configuration()).length, 8);
});

test('B32: a URL that the operator gives is not looked up; without a path the well-known one is meant', async (t) => {
  const unasked = async () => {
    throw new Error('asked');
  };
  const at = (url: string, pin?: string) => serversOf({ url: { url, pin } }, unasked).configuration();
  t.deepEqual(await at('https://192.0.2.1:8443/', PIN), [
    { url: 'https://192.0.2.1:8443/.well-known/reload-config', tls: { pin: PIN } },
  ]);
  t.deepEqual(await at('https://conf.example.net/overlays/example.xml'), [
    { url: 'https://conf.example.net/overlays/example.xml', tls: {} },
  ]);
});

test('B32: the pin of the configuration server holds for an enrollment server of the same origin only', (t) => {
  const ca = [Uint8Array.of(1)];
  const servers = serversOf({ url: { url: 'https://192.0.2.1:8443/', pin: PIN }, ca });
  const other = 'cd'.repeat(32);
  t.deepEqual(
    servers.enrollment([
      'https://192.0.2.1:8443/enroll',
      'https://192.0.2.1:8444/enroll',
      `https://192.0.2.2/#sha256=${other}`,
      'http://192.0.2.1:8443/enroll',
      'nonsense',
    ]),
    [
      { url: 'https://192.0.2.1:8443/enroll', tls: { pin: PIN } },
      { url: 'https://192.0.2.1:8444/enroll', tls: { ca } },
      { url: 'https://192.0.2.2/', tls: { pin: other } },
    ],
  );
});

test('B32: a server found by SRV record is the enrollment server as well when the document names the same origin', async (t) => {
  const servers = serversOf({}, async () => [record('a.example.net', 8443)]);
  const [found] = await servers.configuration();
  t.deepEqual(servers.enrollment(['https://example.org/enroll']), [
    { url: 'https://example.org/enroll', tls: {} },
  ]);
  servers.answered(found!);
  t.deepEqual(servers.enrollment(['https://example.org/enroll']), [
    { url: 'https://example.org/enroll', tls: {}, connectTo: { host: 'a.example.net', port: 8443 } },
  ]);
});
