import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { silentLogger } from '../../../../src/base/index.ts';
import { AdminServer } from '../../../../src/gateway/admin/admin-server.ts';
import { peerRoutes } from '../../../../src/gateway/admin/routes.ts';
import { PrometheusMetrics } from '../../../../src/gateway/metrics/prometheus-metrics.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';
import { before, FakePeerAdmin, next, own } from '../fake-peer-admin.ts';
import { TestCli } from './run-cli.ts';

async function start(t: ExecutionContext, token?: string) {
  const admin = new FakePeerAdmin();
  const server = new AdminServer(
    { routes: peerRoutes(admin), metrics: new PrometheusMetrics(), logger: silentLogger },
    { listen: { host: '127.0.0.1', port: 0 }, token },
  );
  const url = await server.start();
  t.teardown(() => server.stop());
  const ask = async (...args: string[]) => {
    const cli = new TestCli();
    const code = await cli.run(...args, '--admin', url);
    return { code, out: cli.stdout.text, err: cli.stderr.text };
  };
  return { admin, ask, url };
}

test('lookup: a table, or the JSON as the peer gave it', async (t) => {
  const { ask } = await start(t);
  const { code, out } = await ask('lookup', 'bob@example.org');
  t.is(code, 0);
  t.is(
    out,
    [
      `bob@example.org  resource ${'ab'.repeat(16)}  12 ms`,
      'NODE                              TYPE   DESTINATION LIST                  PREFERENCES       STORED                    EXPIRES',
      `${next}  route  ${next}  (sip.audio=TRUE)  2026-01-01T00:00:00.000Z  2026-01-01T01:00:00.000Z`,
      '',
    ].join('\n'),
  );
  const json = await ask('lookup', 'bob@example.org', '--json');
  t.like(JSON.parse(json.out), { aor: 'bob@example.org', entries: { length: 1 }, ms: 12.3 });
});

test('calls: those of the last minutes, and the messages of one', async (t) => {
  const { admin, ask } = await start(t);
  t.is((await ask('calls')).out, 'no call is kept\n');
  const line = 'INVITE sip:bob@example.org SIP/2.0';
  const bytes = Buffer.from(
    `${line}\r\nFrom: <sip:alice@example.org>;tag=1\r\nTo: <sip:bob@example.org>\r\nCSeq: 1 INVITE\r\n\r\n`,
  );
  const address = { host: '192.0.2.1', port: 5060 };
  const path = { transport: 'UDP', local: address, remote: address };
  const packet = { protocol: 'sip', direction: 'in', at: 1_800_000_000_000, path } as const;
  admin.callList.observe({ ...packet, traceId: 'c', method: line.split(' ')[0], bytes });
  const { out } = await ask('calls');
  t.regex(
    out,
    /^1 {3}calling {2}alice@example\.org {2}bob@example\.org {2}- {7}2027-01-15T08:00:00\.000Z {2}-$/m,
  );
  t.regex((await ask('calls', '1')).out, /^0 {3}sip {7}<- {2}INVITE {3}192\.0\.2\.1:5060 {2}-$/m);
  t.like(JSON.parse((await ask('calls', '1', '--json')).out), { callId: 'c', steps: { length: 1 } });
  t.like(await ask('calls', '9'), { code: 1, out: '' });
});

test('lookup: nobody there is exit 1, with --json the empty answer as well', async (t) => {
  const { ask } = await start(t);
  const plain = await ask('lookup', 'carol@example.org');
  t.deepEqual(plain, {
    code: 1,
    out: '',
    err: 'p2psip: carol@example.org is registered nowhere in the overlay\n',
  });
  const json = await ask('lookup', 'carol@example.org', '--json');
  t.is(json.code, 1);
  t.like(JSON.parse(json.out), { entries: { length: 0 } });
});

test('lookup: what is no AoR is wrong use (2), an overlay that does not answer is a failure (1)', async (t) => {
  const { ask, url } = await start(t);
  t.like(await ask('lookup', 'nonsense'), {
    code: 2,
    err: `p2psip: ${url}: "nonsense" is not an address of record\n`,
  });
  t.is((await ask('lookup', 'late@example.org')).code, 1);
});

test('status', async (t) => {
  const { admin, ask } = await start(t);
  t.is(
    (await ask('status')).out,
    [
      `node           ${own}`,
      'overlay        example.org',
      'certificate    gw1@example.org, until 2030-01-31T00:00:00.000Z',
      'state          joined (peer)',
      'up             1 d 2 h',
      'version        0.1.0',
      'overlay links  2 open, accepted at tls://127.0.0.1:6084',
      'sip            proxy at sip:127.0.0.1:5060;transport=udp',
      `predecessor    ${before}`,
      `successor      ${next}`,
      'stored values  7',
      'registered     1 users, 1 contacts',
      'enrollment     no server answers, 3 of its users known here',
      '',
    ].join('\n'),
  );
  t.deepEqual(JSON.parse((await ask('status', '--json')).out), admin.status());
});

test('ring', async (t) => {
  const { admin, ask } = await start(t);
  t.is(
    (await ask('ring')).out,
    [
      'state joined',
      'PLACE          NODE                              ADDRESS         RTT',
      `predecessor 1  ${before}  -               -`,
      `this peer      ${own}  -               -`,
      `successor 1    ${next}  127.0.0.1:6085  1.3 ms`,
      `link only      ${'33'.repeat(16)}  127.0.0.1:6086  -`,
      '',
    ].join('\n'),
  );
  t.deepEqual(JSON.parse((await ask('ring', '--json')).out), admin.ring());
});

test('registrations', async (t) => {
  const { admin, ask } = await start(t);
  t.is(
    (await ask('registrations')).out,
    [
      'USER               CONTACT                   Q    VIA  SOURCE          EXPIRES                   IN THE OVERLAY UNTIL',
      'alice@example.org  sip:alice@192.0.2.1:5060  0.5  UDP  192.0.2.1:5060  2026-01-01T00:00:00.000Z  2026-01-01T01:00:00.000Z',
      '',
    ].join('\n'),
  );
  t.deepEqual(JSON.parse((await ask('registrations', '--json')).out), admin.registrations());
  admin.people = [];
  t.is((await ask('registrations')).out, 'nobody is registered here\n');
  t.is((await ask('registrations', '--json')).out, '[]\n');
});

test('a Contact from the network cannot steer the terminal', async (t) => {
  const { admin, ask } = await start(t);
  const [alice] = admin.people;
  const contact = 'sip:a\x1b[2J@h';
  admin.people = [{ ...alice!, bindings: [{ ...alice!.bindings[0]!, contact }] }];
  t.true((await ask('registrations')).out.includes('sip:a?[2J@h'));
});

test('trace: each hop with its time, and who serves the user', async (t) => {
  const { ask } = await start(t);
  const { code, out } = await ask('trace', 'sip:bob@example.org');
  t.is(code, 0);
  t.deepEqual(out.split('\n'), [
    `bob@example.org  resource ${'ab'.repeat(16)}  looked up in 12.3 ms`,
    'HOP  NODE                              TIME',
    `0    ${own}  -       this peer`,
    `1    ${before}  1.5 ms`,
    `2    ${next}  3.0 ms  keeps the record`,
    `-    ${next}  4.0 ms  serves the user`,
    `-    ${before}  -       serves the user, does not answer: no answer`,
    '',
  ]);
  t.is((await ask('trace', 'carol@example.org')).code, 1);
  t.like(JSON.parse((await ask('trace', 'bob@example.org', '--json')).out), { hops: { length: 3 } });
});

test('ping', async (t) => {
  const { ask } = await start(t);
  t.is((await ask('ping', next)).out, `${next} answered in 3.2 ms\n`);
  t.deepEqual(JSON.parse((await ask('ping', next, '--json')).out), { node: next, ms: 3.21 });
  t.is((await ask('ping', 'bob')).code, 2);
});

test('a token is read from its file and shown to the peer', async (t) => {
  const token = 'abcdefghijklmnopqrstuvwx';
  const { ask } = await start(t, token);
  const file = path.join(temporaryDirectory('token'), 'token');
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  const refused = await ask('status');
  t.is(refused.code, 1);
  t.regex(refused.err, /show the token of admin\.token-file/);
  t.is((await ask('status', '--token-file', file)).code, 0);
  t.is((await ask('status', '--token-file', '/nowhere/token')).code, 2);
});

test('nobody at the address is exit 1 with what to do; a wrong address is wrong use', async (t) => {
  const cli = new TestCli();
  t.is(await cli.run('status', '--admin', 'http://127.0.0.1:1'), 1);
  t.regex(
    cli.stderr.text,
    /^p2psip: no peer answers at http:\/\/127\.0\.0\.1:1 \(.*\); start one, or name its address with --admin\n$/,
  );
  t.is(await new TestCli().run('status', '--admin', 'here'), 2);
});

test('another program at the address is told as such', async (t) => {
  const server = createServer((_, response) => response.end('<html>'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const cli = new TestCli();
  t.is(await cli.run('status', '--admin', `http://127.0.0.1:${port}`), 1);
  t.regex(cli.stderr.text, /is not the admin interface of a peer/);
});

test('wrong use is exit 2, help and version are exit 0', async (t) => {
  for (const args of [['nonsense'], [], ['run'], ['lookup'], ['status', '--loud'], ['testnet', '-n', 'x']]) {
    const cli = new TestCli();
    t.is(await cli.run(...args), 2, args.join(' '));
    t.not(cli.stderr.text, '', args.join(' '));
  }
  const help = new TestCli();
  t.is(await help.run('--help'), 0);
  for (const command of ['run', 'lookup', 'status', 'ring', 'registrations', 'ping', 'testnet', 'doctor']) {
    t.regex(help.stdout.text, new RegExp(`^ {2}${command} `, 'm'));
  }
  const version = new TestCli();
  t.is(await version.run('--version'), 0);
  t.regex(version.stdout.text, /^\d+\.\d+\.\d+\n$/);
});
