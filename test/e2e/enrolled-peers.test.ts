import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { TestEnrollmentServer } from '../support/enrollment-server.ts';
import { type GatewayProcess, startGateway } from '../support/gateway.ts';
import { ringIsConsistent } from '../support/overlay.ts';
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
