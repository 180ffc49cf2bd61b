import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { SystemMulticast } from '../../src/net/index.ts';
import { type ConfigObject, startGateway } from '../support/gateway.ts';
import { joinTimeOf } from '../support/join-time.ts';
import { startOverlay } from '../support/overlay.ts';
import { cliPath, projectRoot } from '../support/project.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const MDNS = { host: '224.0.0.251', port: 5353 };

/** True where an interface of this machine carries multicast: what it has is no matter of what is installed. */
async function requireMulticast(t: ExecutionContext): Promise<boolean> {
  try {
    const socket = await new SystemMulticast().join(MDNS, { onDatagram() {} }, { hops: 1 });
    await socket.close();
    return true;
  } catch (error) {
    process.stderr.write(`\n*** ${t.title}: SKIPPED, ${(error as Error).message}\n`);
    t.pass();
    return false;
  }
}

function secretFile(text: string): string {
  const file = path.join(temporaryDirectory('secret'), 'secret');
  writeFileSync(file, `${text}\n`, { mode: 0o600 });
  return file;
}

test('A21, A23: a second peer joins by the name of the overlay alone, in less than 5 s', async (t) => {
  if (!(await requireMulticast(t))) return;
  const name = `lan-${process.pid}.example.org`;
  // Loopback, so that the test opens nothing to others; multicast by the machine's interfaces all the same.
  const config =
    (first: boolean) =>
    async (port: () => Promise<number>): Promise<ConfigObject> => ({
      overlay: {
        name,
        listen: [`tls://127.0.0.1:${await port()}`],
        'local-discovery': true,
        ...(first && { first }),
      },
      sip: { mode: 'off' },
    });
  const one = await startGateway(t, config(true));
  const two = await startGateway(t, config(false));
  const ms = joinTimeOf(two.stderr);
  t.log(`joined after ${ms} ms`);
  t.true(ms < 5_000);
  const ring = await two.admin<{ successors: string[] }>('/ring');
  t.deepEqual(ring.successors, [one.nodeId]);
  const metrics = await two.metrics();
  t.regex(metrics, /reload_discovery_datagrams_total\{direction="in",kind="peers"\} [1-9]/);
});

test('B33: peers with a shared secret on all interfaces; who has another one is told so and counted', async (t) => {
  const secret = secretFile('the secret of these two peers');
  const more = () => ({ overlay: { 'shared-secret-file': secret } });
  const [one] = await startOverlay(t, ['off', 'off'], { name: 'secret.example.org', more });
  const { overlayListen } = await one!.admin<{ overlayListen: string[] }>('/status');
  const file = path.join(temporaryDirectory('stranger'), 'gateway.yaml');
  const overlay = [
    'name: secret.example.org',
    'listen: [tls://127.0.0.1:0]',
    `bootstrap: [${overlayListen[0]}]`,
    `shared-secret-file: ${secretFile('a secret that somebody guessed')}`,
  ];
  writeFileSync(
    file,
    `overlay: { ${overlay.join(', ')} }\nsip: { mode: 'off' }\nadmin: 'off'\ndata: memory\n`,
  );
  const child = spawn(process.execPath, [cliPath, 'run', '-c', file], { cwd: projectRoot });
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  await new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk) => {
      said += chunk;
      if (said.includes('retryInMs')) resolve();
    });
    child.on('close', () => resolve());
  });
  child.kill();
  t.regex(said, /not joined yet.*the shared secret of 127\.0\.0\.1:\d+ is not ours/);
  t.regex(
    await one!.metrics(),
    /reload_link_handshakes_failed_total\{direction="in",reason="secret-refused"\} [1-9]/,
  );
  t.regex(one!.stderr, /a link was refused/);
});
