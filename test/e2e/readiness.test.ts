import test, { type ExecutionContext } from 'ava';
import { type ConfigObject, type GatewayProcess, startGateway } from '../support/gateway.ts';
import { freePort } from '../support/ports.ts';
import { eventually } from '../support/wait.ts';

// P10: a load balancer that asks /readyz learns in time that a peer is cut off, and that it is back.

function config(listen: number, bootstrap?: number): ConfigObject {
  return {
    overlay: {
      name: 'example.org',
      listen: [`tls://127.0.0.1:${listen}`],
      ...(bootstrap === undefined ? { first: true } : { bootstrap: [`tls://127.0.0.1:${bootstrap}`] }),
    },
    sip: { mode: 'off' },
  };
}

async function readyz({ adminUrl }: GatewayProcess): Promise<number> {
  const answer = await fetch(`${adminUrl}/readyz`, { signal: AbortSignal.timeout(10_000) });
  await answer.text();
  return answer.status;
}

/** How long it took, s. */
async function becomes(peer: GatewayProcess, status: number, timeoutMs: number): Promise<number> {
  const began = performance.now();
  await eventually(`/readyz ${status}`, timeoutMs, async () => (await readyz(peer)) === status);
  return (performance.now() - began) / 1000;
}

interface Scene {
  others: GatewayProcess[];
  peer: GatewayProcess;
  restartOthers(): Promise<GatewayProcess[]>;
}

async function threePeers(t: ExecutionContext): Promise<Scene> {
  const [a, b, c] = [await freePort(), await freePort(), await freePort()];
  const others = [await startGateway(t, config(a)), await startGateway(t, config(b, a))];
  const peer = await startGateway(t, config(c, a));
  t.is(await readyz(peer), 200);
  const [first, second] = others.map(({ directory }) => directory);
  return {
    others,
    peer,
    restartOthers: async () => [
      await startGateway(t, config(a), { directory: first! }),
      await startGateway(t, config(b, a), { directory: second! }),
    ],
  };
}

test('P10: connections reset: /readyz is 503 within 10 s, and 200 within 10 s of the others being back', async (t) => {
  const { others, peer, restartOthers } = await threePeers(t);
  await Promise.all(others.map((other) => other.kill9()));
  t.log(`503 after ${(await becomes(peer, 503, 10_000)).toFixed(1)} s`);
  // Long enough for the waits between attempts to have grown as long as they get.
  await eventually('several attempts', 30_000, () => peer.stderr.match(/not joined yet/g)?.length === 6);
  await restartOthers();
  t.log(`200 after ${(await becomes(peer, 200, 10_000)).toFixed(1)} s`);
  t.regex(await peer.metrics(), /^p2psip_ready 1$/m);
});

test('P10: silence: /readyz is 503 within 60 s, and 200 within 10 s of the others being heard again', async (t) => {
  const { others, peer } = await threePeers(t);
  for (const { pid } of others) process.kill(pid, 'SIGSTOP');
  t.log(`503 after ${(await becomes(peer, 503, 60_000)).toFixed(1)} s`);
  t.regex(await peer.metrics(), /^p2psip_ready 0$/m);
  for (const { pid } of others) process.kill(pid, 'SIGCONT');
  t.log(`200 after ${(await becomes(peer, 200, 10_000)).toFixed(1)} s`);
});
