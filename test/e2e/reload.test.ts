import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { type GatewayProcess, startGateway } from '../support/gateway.ts';
import { cli, cliJson } from '../support/process.ts';
import { statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';
import { eventually } from '../support/wait.ts';

const onePeer = async (port: () => Promise<number>) => ({
  overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await port()}`] },
  sip: { domains: ['example.org'], listen: ['udp://127.0.0.1:0'] },
});

function writeUsers(gateway: GatewayProcess, passwords: Record<string, string>): void {
  const users = Object.entries(passwords).map(([name, password]) => ({
    aor: `${name}@example.org`,
    password,
  }));
  writeFileSync(path.join(gateway.directory, 'users.yaml'), JSON.stringify({ users }));
}

test('C: SIGHUP: new users and passwords count at once, who was removed is gone, a bad file changes nothing', async (t) => {
  const gateway = await startGateway(t, onePeer);
  const port = gateway.sipPort();
  const phone = await TestPhone.open(t, { port });
  t.is(statusOf(await phone.register('alice')), 200);
  t.is(statusOf(await phone.register('bob')), 200);

  writeUsers(gateway, { alice: 'changed', carol: 'secret' });
  process.kill(gateway.pid, 'SIGHUP');
  await eventually('the new users', 5_000, () =>
    /configuration read again applied=users/.test(gateway.stderr),
  );
  t.is(statusOf(await phone.register('alice')), 401);
  t.is(statusOf(await phone.register('carol')), 200);
  t.is(statusOf(await (await TestPhone.open(t, { port, password: 'changed' })).register('alice')), 200);
  const registered = (await cliJson('registrations', '--admin', gateway.adminUrl)) as { aor: string }[];
  t.deepEqual(registered.map(({ aor }) => aor).sort(), ['alice@example.org', 'carol@example.org']);

  writeFileSync(path.join(gateway.directory, 'users.yaml'), '{users: [{aor: carol}]}');
  process.kill(gateway.pid, 'SIGHUP');
  await eventually('the refusal', 5_000, () =>
    /the new configuration is refused, the old one stays/.test(gateway.stderr),
  );
  t.is(statusOf(await phone.register('carol')), 200);
  t.is(await gateway.stop(), 0);
});

test('C: p2psip reload says what it applied, what needs a restart, and what is wrong', async (t) => {
  const gateway = await startGateway(t, onePeer);
  const file = path.join(gateway.directory, 'gateway.yaml');
  const before = readFileSync(file, 'utf8');
  t.like(await cli('reload', '--admin', gateway.adminUrl), {
    code: 0,
    stdout: 'applied: nothing has changed\n',
  });
  writeFileSync(file, `${before}\nlog: {level: debug}\ndurability: power\n`);
  t.like(await cli('reload', '--admin', gateway.adminUrl), {
    code: 0,
    stdout: 'applied: log.level\nafter a restart: durability\n',
  });
  writeFileSync(file, `${before}\nlog: {level: loud}\n`);
  const { code, stderr } = await cli('reload', '--admin', gateway.adminUrl);
  t.is(code, 2);
  t.regex(stderr, /gateway\.yaml: log\.level: "loud" is not known; choose error, warn, info, debug/);
  t.deepEqual(await cliJson('bans', '--admin', gateway.adminUrl), []);
});
