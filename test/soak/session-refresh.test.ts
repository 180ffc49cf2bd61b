import path from 'node:path';
import test from 'ava';
import { startOverlay } from '../support/overlay.ts';
import { run } from '../support/process.ts';
import { requirePrograms } from '../support/programs.ts';
import { projectRoot } from '../support/project.ts';

const runner = path.join(projectRoot, 'sipp-scenarios', 'run.sh');

// Half of the shortest session interval (90 s, RFC 4028 §5), when phones refresh; scenarios.test.ts does it in seconds.
const REFRESH_MS = '45000';

for (const scenario of ['session-refresh', 'session-refresh-callee']) {
  test.serial(
    `RFC 4028: ${scenario}: three refreshes of a 90 s session across two peers, in real time`,
    async (t) => {
      if (!requirePrograms(t, 'sipp', 'bash')) return;
      t.timeout(300_000);
      const [peer1, , peer3] = await startOverlay(t, ['proxy', 'off', 'proxy']);
      const { code, stdout } = await run(runner, [scenario, `127.0.0.1:${peer1?.sipPort()}`], {
        env: { REGISTRAR: `127.0.0.1:${peer3?.sipPort()}`, REFRESH_MS },
        timeoutMs: 240_000,
      });
      t.is(code, 0, stdout);
    },
  );
}
