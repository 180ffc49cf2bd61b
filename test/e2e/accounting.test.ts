import { readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { startGateway } from '../support/gateway.ts';
import { TestPhone } from '../support/test-phone.ts';
import { eventually } from '../support/wait.ts';

test('C: each call is one JSON record; a rotated file is left alone after a reload', async (t) => {
  const gateway = await startGateway(t, async (port) => ({
    overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await port()}`] },
    sip: { domains: ['example.org'], listen: ['udp://127.0.0.1:0'] },
    accounting: './calls.jsonl',
  }));
  const file = path.join(gateway.directory, 'calls.jsonl');
  const recordsIn = (name: string) =>
    readFileSync(name, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const port = gateway.sipPort();
  const caller = await TestPhone.open(t, { port });
  const callee = await TestPhone.open(t, { port });
  await callee.register('bob');
  const { dialog } = await caller.call('alice', 'bob');
  t.is(await caller.bye(dialog!), 200);
  await eventually('the record', 5_000, () => recordsIn(file).length === 1);
  t.like(recordsIn(file)[0], {
    from: 'alice@example.org',
    to: 'bob@example.org',
    source: `127.0.0.1:${caller.port}`,
    status: 200,
    endedBy: 'caller',
  });

  renameSync(file, `${file}.1`);
  process.kill(gateway.pid, 'SIGHUP');
  await eventually('the reload', 5_000, () => /configuration read again/.test(gateway.stderr));
  t.is((await caller.call('alice', 'nobody')).status, 404);
  const { dialog: unended } = await caller.call('alice', 'bob');
  t.truthy(unended);
  t.is(await gateway.stop(), 0);
  t.is(recordsIn(`${file}.1`).length, 1);
  t.like(recordsIn(file), [
    { to: 'nobody@example.org', status: 404, seconds: 0 },
    { to: 'bob@example.org', status: 200, endedBy: 'unknown' },
  ]);
});
