import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { aliceAndBob, startGateway } from '../support/gateway.ts';
import { cli, cliJson, run } from '../support/process.ts';
import { cliPath, projectRoot } from '../support/project.ts';

function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'p2psip-cli-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}

/** Overrides that let a shipped configuration run beside whatever else runs here. */
function besideOthers(directory: string): string[] {
  const sets = [
    'overlay.listen=[tls://127.0.0.1:0]',
    'sip.listen=[udp://127.0.0.1:0, tcp://127.0.0.1:0]',
    'admin=http://127.0.0.1:0',
    `data=${directory}/data`,
  ];
  return sets.flatMap((set) => ['--set', set]);
}

test('bin/p2psip.js is executable and says to build where dist is missing', async (t) => {
  t.is(statSync(cliPath).mode & 0o111, 0o111);
  const directory = temporaryDirectory(t);
  mkdirSync(path.join(directory, 'bin'));
  writeFileSync(path.join(directory, 'package.json'), '{"type":"module"}');
  cpSync(cliPath, path.join(directory, 'bin', 'p2psip.js'));
  const { code, stderr } = await run(process.execPath, [path.join(directory, 'bin', 'p2psip.js'), 'status']);
  t.is(code, 2);
  t.is(stderr, 'p2psip: not built yet; run "npm ci" (or "npm run build") in its directory first\n');
});

test('config/gateway.yaml runs: the ready line in its exact form, SIGTERM ends it with exit 0', async (t) => {
  const directory = temporaryDirectory(t);
  const file = path.join(projectRoot, 'config', 'gateway.yaml');
  const child = spawn(cliPath, ['run', '-c', file, ...besideOthers(directory)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise((resolve) => {
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      // The process number that was started is the peer itself: the signal reaches it.
      if (stdout.endsWith('\n')) child.kill('SIGTERM');
    });
    child.on('close', resolve);
  });
  t.is(code, 0, stderr);
  t.regex(
    stdout,
    /^ready node=[0-9a-f]{32} overlay=example\.org sip=sip:127\.0\.0\.1:\d+;transport=udp,sip:127\.0\.0\.1:\d+;transport=tcp admin=http:\/\/127\.0\.0\.1:\d+\n$/,
  );
});

for (const name of ['gateway.yaml', 'peer.yaml', 'redirector.yaml', 'behind-nat.yaml']) {
  test(`config/${name} is a valid configuration of at most 15 lines of YAML`, async (t) => {
    const file = path.join(projectRoot, 'config', name);
    const directory = temporaryDirectory(t);
    const secret = path.join(directory, 'overlay.secret');
    writeFileSync(secret, 'what all peers know\n', { mode: 0o600 });
    // No other host is asked, and the secret is one that is there.
    const behindNat = [`overlay.shared-secret-file=${secret}`, 'overlay.bootstrap=[tls://127.0.0.1:1]'];
    const sets = name === 'behind-nat.yaml' ? behindNat.flatMap((set) => ['--set', set]) : [];
    const { stdout } = await cli('doctor', '-c', file, ...besideOthers(directory), ...sets);
    t.regex(stdout, /^ok +file +\S+ is a valid configuration$/m);
    const lines = readFileSync(file, 'utf8').split('\n');
    t.true(lines.filter((line) => !/^\s*(#|$)/.test(line)).length <= 15);
  });
}

test('bad input: wrong configuration is exit 2 and one line with file, path and mend', async (t) => {
  const file = path.join(temporaryDirectory(t), 'gateway.yaml');
  writeFileSync(file, 'overlay: { name: example.org, first: true }\nsip: { mode: prxy }\n');
  t.deepEqual(await cli('run', '-c', file), {
    code: 2,
    stdout: '',
    stderr: `p2psip: ${file}: sip.mode: "prxy" is not known; choose proxy, redirect, off\n`,
  });
});

test('bad input: a port in use is exit 2 and one line with file, path and mend', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const file = path.join(projectRoot, 'config', 'gateway.yaml');
  for (const [key, where] of [
    ['admin', 'admin'],
    ['sip.listen', 'sip.listen[0]'],
    ['overlay.listen', 'overlay.listen[0]'],
  ] as const) {
    const scheme = { admin: 'http', 'sip.listen': 'tcp', 'overlay.listen': 'tls' }[key];
    const value = key === 'admin' ? `${scheme}://127.0.0.1:${port}` : `[${scheme}://127.0.0.1:${port}]`;
    const sets = ['--set', 'log.level=error', '--set', `${key}=${value}`];
    const { code, stdout, stderr } = await cli(
      'run',
      '-c',
      file,
      ...besideOthers(temporaryDirectory(t)),
      ...sets,
    );
    t.is(code, 2, stderr);
    t.is(stdout, '');
    const lines = stderr.split('\n').filter((line) => line.startsWith('p2psip: '));
    t.is(lines.length, 1, stderr);
    t.true(
      lines[0]!.includes(
        `gateway.yaml: ${where}: ${key === 'overlay.listen' ? 'TLS' : 'TCP'} 127.0.0.1:${port} is in use by another program;`,
      ),
      stderr,
    );
    t.regex(lines[0]!, /; stop that program, or choose another port \(0 = any\)$/);
  }
});

const lone = {
  overlay: { name: 'example.org', first: true, listen: ['tls://127.0.0.1:0'] },
  sip: { listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'] },
};

test('a second process on the same data directory is exit 2, and the first one lives', async (t) => {
  const gateway = await startGateway(t, lone);
  const file = path.join(gateway.directory, 'gateway.yaml');
  const { code, stderr } = await cli('run', '-c', file);
  t.is(code, 2);
  t.true(
    stderr.includes(
      `gateway.yaml: data: ${gateway.directory}/data is in use by process ${gateway.pid}; stop it, or give this peer a directory of its own`,
    ),
    stderr,
  );
  t.is((await gateway.admin<{ node: string }>('/status')).node, gateway.nodeId);
  t.is(await gateway.stop(), 0);
});

test('status, ring, registrations and lookup ask the running peer', async (t) => {
  const gateway = await startGateway(t, lone, { users: aliceAndBob });
  const admin = ['--admin', gateway.adminUrl];
  t.like(await cliJson('status', ...admin), { node: gateway.nodeId, overlay: 'example.org' });
  t.like(await cliJson('ring', ...admin), { node: gateway.nodeId });
  t.deepEqual(await cliJson('registrations', ...admin), []);
  const nobody = await cli('lookup', 'bob@example.org', ...admin, '--json');
  t.is(nobody.code, 1);
  t.like(JSON.parse(nobody.stdout), { aor: 'bob@example.org', entries: { length: 0 } });
  t.is((await gateway.admin<{ ready: boolean }>('/readyz')).ready, true);
  t.regex(await gateway.metrics(), /^process_cpu_seconds_total /m);
});

test('the Node-ID survives kill -9', async (t) => {
  const first = await startGateway(t, lone);
  await first.kill9();
  const second = await startGateway(t, lone, { directory: first.directory });
  t.is(second.nodeId, first.nodeId);
});
