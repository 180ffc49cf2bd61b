import test from 'ava';
import { startGateway } from '../support/gateway.ts';
import { freePort } from '../support/ports.ts';
import { run } from '../support/process.ts';
import { requirePrograms } from '../support/programs.ts';
import { TestPhone } from '../support/test-phone.ts';

// The tools that scan the world for open servers, as they are.

test('C: svmap, svwar and svcrack find nothing here, since they get no answer from the first, while a phone calls', async (t) => {
  if (!requirePrograms(t, 'svmap', 'svwar', 'svcrack')) return;
  const gateway = await startGateway(t, async (port) => ({
    overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await port()}`] },
    sip: { domains: ['example.org'], listen: ['udp://127.0.0.1:0'] },
  }));
  const port = String(gateway.sipPort('udp'));
  const callee = await TestPhone.open(t, { port: Number(port) });
  const caller = await TestPhone.open(t, { port: Number(port) });
  await callee.register('bob');
  // Not from 5060, where other servers on this machine may think a phone of theirs is.
  const own = String(await freePort());
  const map = await run('svmap', ['-P', own, '-p', port, '127.0.0.1'], { timeoutMs: 30_000 });
  t.false((map.stdout + map.stderr).includes(`127.0.0.1:${port}`), map.stdout + map.stderr);
  const from = ['-b', '127.0.0.3', '-P', own, '-p', port, '-x', '127.0.0.3'];
  const war = await run('svwar', [...from, '--force', '-e100-160', '127.0.0.1'], { timeoutMs: 30_000 });
  t.notRegex(war.stdout + war.stderr, /reqauth|noauth/);
  const crack = await run('svcrack', [...from, '-ubob', '-r100-160', '127.0.0.1'], { timeoutMs: 30_000 });
  t.notRegex(crack.stdout + crack.stderr, /\|\s*bob/);
  // svwar and svcrack give up when nobody answers, so that it comes to no ban.
  const met = /^sip_sources_dropped_total\{reason="scanner"\} (\d+)$/m.exec(await gateway.metrics())?.[1];
  t.true(Number(met) >= 3, `${met} messages of theirs`);
  t.is((await caller.call('alice', 'bob')).status, 200);
});
