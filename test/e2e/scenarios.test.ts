import path from 'node:path';
import test from 'ava';
import { startGateway } from '../support/gateway.ts';
import { startOverlay } from '../support/overlay.ts';
import { run } from '../support/process.ts';
import { requirePrograms } from '../support/programs.ts';
import { projectRoot } from '../support/project.ts';

const runner = path.join(projectRoot, 'sipp-scenarios', 'run.sh');
const allScenarios = 13;

function onePeer(mode: 'proxy' | 'redirect') {
  return async (port: () => Promise<number>) => ({
    overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await port()}`] },
    sip: { mode, domains: ['example.org'], listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'] },
  });
}

for (const transport of ['udp', 'tcp'] as const) {
  test.serial(`A11, A13, C, RFC 4028: every sipp-scenario passes over ${transport}`, async (t) => {
    if (!requirePrograms(t, 'sipp', 'bash')) return;
    const gateway = await startGateway(t, onePeer('proxy'));
    const { code, stdout } = await run(runner, ['all', `127.0.0.1:${gateway.sipPort(transport)}`], {
      env: { TRANSPORT: transport },
      timeoutMs: 120_000,
    });
    t.is(code, 0, stdout);
    t.is(stdout.match(/^PASS /gm)?.length, allScenarios, stdout);
  });
}

test.serial('A9: a gateway in redirect mode answers the redirect scenario, with its own phone', async (t) => {
  if (!requirePrograms(t, 'sipp', 'bash')) return;
  const gateway = await startGateway(t, onePeer('redirect'));
  for (const scenario of ['register-digest', 'redirect', 'unknown-user']) {
    const { code, stdout } = await run(runner, [scenario, `127.0.0.1:${gateway.sipPort()}`]);
    t.is(code, 0, stdout);
  }
});

test.serial('A7, A30, A31: calls between two adapter peers, all that needs a callee', async (t) => {
  if (!requirePrograms(t, 'sipp', 'bash')) return;
  const [peer1, , peer3] = await startOverlay(t, ['proxy', 'off', 'proxy']);
  for (const scenario of ['call', 'cancel', 'busy', 'no-answer', 'no-response', 'redirect', 'unknown-user']) {
    const { code, stdout } = await run(runner, [scenario, `127.0.0.1:${peer1?.sipPort()}`], {
      env: { REGISTRAR: `127.0.0.1:${peer3?.sipPort()}` },
    });
    t.is(code, 0, stdout);
  }
});

test.serial(
  'RFC 4028: sessions between two adapter peers are refreshed by either phone, a 422 arrives as it was',
  async (t) => {
    if (!requirePrograms(t, 'sipp', 'bash')) return;
    const [peer1, , peer3] = await startOverlay(t, ['proxy', 'off', 'proxy']);
    for (const scenario of ['session-refresh', 'session-refresh-callee', 'session-too-short']) {
      const { code, stdout } = await run(runner, [scenario, `127.0.0.1:${peer1?.sipPort()}`], {
        env: { REGISTRAR: `127.0.0.1:${peer3?.sipPort()}` },
      });
      t.is(code, 0, stdout);
    }
  },
);
