import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { TestEnrollmentServer } from '../support/enrollment-server.ts';
import { type GatewayProcess, startGateway } from '../support/gateway.ts';
import { ringIsConsistent } from '../support/overlay.ts';
import { run } from '../support/process.ts';
import { cliPath } from '../support/project.ts';
import { eventually } from '../support/wait.ts';

function directory(t: ExecutionContext): string {
  const made = mkdtempSync(path.join(tmpdir(), 'p2psip-enrolled-'));
  t.teardown(() => rmSync(made, { recursive: true, force: true, maxRetries: 5 }));
  return made;
}

test('A14 A20 B32: two peers that know the name and the URL enroll, join, and are in again without the servers', async (t) => {
  const server = new TestEnrollmentServer({ overlay: 'enrolled.example.org' });
  await server.start();
  t.teardown(() => server.stop());
  const directories = [directory(t), directory(t)];
  for (const [i, home] of directories.entries()) {
    server.accounts.add(`gw${i}@enrolled.example.org`, 'secret');
    writeFileSync(path.join(home, 'password'), 'secret\n', { mode: 0o600 });
  }
  let link = 0;
  const config = (i: number) => async (port: () => Promise<number>) => {
    const own = i === 0 && link !== 0 ? link : await port();
    if (i === 0) link = own;
    return {
      overlay: {
        name: 'enrolled.example.org',
        document: server.url,
        enroll: { username: `gw${i}@enrolled.example.org`, 'password-file': './password' },
        listen: [`tls://127.0.0.1:${own}`],
        ...(i === 0 ? { first: true } : { bootstrap: [`tls://127.0.0.1:${link}`] }),
      },
      sip: { mode: 'off' },
    };
  };
  const peers: GatewayProcess[] = [];
  for (const [i, home] of directories.entries())
    peers.push(await startGateway(t, config(i), { directory: home }));
  await eventually('one ring', 10_000, () => ringIsConsistent(peers));
  t.deepEqual(server.requests.filter((request) => request.startsWith('POST')).length, 2);

  await server.stop();
  t.is(await peers[1]?.stop(), 0);
  const again = await startGateway(t, config(1), { directory: directories[1]! });
  t.is(again.nodeId, peers[1]!.nodeId);
  await eventually('one ring again', 10_000, () => ringIsConsistent([peers[0]!, again]));
  t.regex(again.stderr, /no newer document is at hand/);
  await again.stop();
  await peers[0]!.stop();
});

test('B31 B32: bad servers and bad accounts end `run` with exit 2 and one line; nothing of it is kept', async (t) => {
  const server = new TestEnrollmentServer({ overlay: 'enrolled.example.org' });
  server.accounts.add('gw1@enrolled.example.org', 'secret');
  await server.start();
  t.teardown(() => server.stop());
  const home = directory(t);
  const file = path.join(home, 'gateway.yaml');
  const config = (password: string) => {
    writeFileSync(path.join(home, 'password'), password, { mode: 0o600 });
    writeFileSync(
      file,
      `overlay:
  name: enrolled.example.org
  document: ${server.url}
  enroll: { username: gw1@enrolled.example.org, password-file: ./password }
  first: true
  listen: tls://127.0.0.1:0
sip: { mode: 'off' }
admin: 'off'
`,
    );
  };
  const refused = async (message: RegExp) => {
    const { code, stdout, stderr } = await run(process.execPath, [cliPath, 'run', '-c', file]);
    const lines = stderr.split('\n').filter((line) => line.startsWith('p2psip: '));
    t.is(code, 2, stderr);
    t.is(stdout, '');
    t.is(lines.length, 1, stderr);
    t.regex(lines[0]!, message);
    t.false(existsSync(path.join(home, 'data', 'identity.pem')));
  };
  config('secret');
  const good = server.document;
  server.document = Buffer.from(
    good.toString().replace('<clients-permitted>true', '<clients-permitted>1   '),
  );
  if (Buffer.compare(server.document, good) === 0) t.fail('nothing was changed');
  await refused(/gateway.yaml: overlay.document: .*signature.*; get the document again from whoever/);
  server.document = server.documentOf(1, { mandatoryExtensions: ['urn:example:new'] });
  await refused(/mandatory-extension "urn:example:new" is unknown here; this version cannot take part/);
  server.document = good;
  await server.stop();
  await server.start(server.https.server({ notAfter: Date.now() - 1_000 }));
  await refused(/overlay.document: the certificate of 127.0.0.1:\d+ has expired; check the URL and its pin/);
  await server.stop();
  await server.start();
  config('wrong');
  await refused(
    /overlay.enroll: .* gw1@enrolled.example.org has no account there, or another password; check/,
  );
});
