import test from 'ava';
import { type LogFields, silentLogger } from '../../../src/base/index.ts';
import { changesBetween, type LiveConfig } from '../../../src/gateway/config/changes.ts';
import { ConfigError } from '../../../src/gateway/config/config-error.ts';
import { buildConfig, type LoadedConfig } from '../../../src/gateway/config/load-config.ts';
import { Reloading } from '../../../src/gateway/reloading.ts';

const alice = { aor: 'alice@example.org', password: 'secret' };
const bob = { aor: 'bob@example.org', password: 'secret' };

function configOf(more: Record<string, unknown> = {}, users = [alice]): LoadedConfig {
  const tree = { overlay: { name: 'example.org', first: true }, data: 'memory', ...more };
  return buildConfig(tree, { file: 'gateway.yaml', directory: '/tmp', users });
}

function setUp() {
  const running = configOf({ sip: { expires: { max: 7200 } } });
  const applied: LiveConfig[] = [];
  const logged: [string, LogFields | undefined][] = [];
  const log = (message: string, fields?: LogFields) => logged.push([message, fields]);
  const files = { load: () => running };
  const reloading = new Reloading(
    {
      logger: { ...silentLogger, info: log, warn: log, error: log },
      load: () => files.load(),
      apply: (config) => applied.push(config),
    },
    running.config,
  );
  return { reloading, files, applied, logged };
}

test('C: users, policy and log level are taken over at once', (t) => {
  const { reloading, files, applied } = setUp();
  const sip = { expires: { max: 1800, default: 1800 }, 'max-contacts': 3, allow: ['192.0.2.0/24'] };
  files.load = () => configOf({ sip, log: { level: 'debug' } }, [alice, bob]);
  t.deepEqual(reloading.reload(), {
    applied: ['sip.expires', 'sip.max-contacts', 'sip.allow', 'users', 'log.level'],
    needRestart: [],
    warnings: [],
  });
  t.is(applied[0]?.users.length, 2);
  t.is(applied[0]?.sip.maxContacts, 3);
  t.deepEqual(reloading.reload().applied, [], 'nothing has changed since');
});

test('C: what cannot change while the peer runs is named, each time until it is restarted', (t) => {
  const { reloading, files, logged } = setUp();
  files.load = () =>
    configOf({
      overlay: { name: 'example.org', first: true, 'sip-link': 7000 },
      sip: { listen: ['udp://127.0.0.1:5070'] },
      durability: 'power',
    });
  const { applied, needRestart } = reloading.reload();
  t.deepEqual(applied, []);
  t.deepEqual([...needRestart].sort(), ['durability', 'overlay.sip-link', 'sip.listen']);
  t.deepEqual(logged.at(-1)?.[0], 'these changes need a restart');
  t.is(reloading.reload().needRestart.length, 3);
});

test('C: a trunk that takes other numbers is a change', (t) => {
  const trunkFor = (match: string) => configOf({ sip: { trunks: [{ match, to: 'sip:trunk.example.net' }] } });
  const { live, atRestart } = changesBetween(trunkFor('^\\+49').config, trunkFor('^\\+').config);
  t.deepEqual([live, atRestart], [[], ['sip.trunks']]);
});

test('C: a bad new file is refused with its mend, and nothing of it is applied', (t) => {
  const { reloading, files, applied, logged } = setUp();
  files.load = () => configOf({ log: { level: 'loud' }, sip: { 'max-contacts': 3 } });
  t.throws(() => reloading.reload(), { instanceOf: ConfigError, message: /log\.level: "loud" is not known/ });
  t.deepEqual(applied, []);
  t.is(logged[0]?.[0], 'the new configuration is refused, the old one stays');
  t.regex(String(logged[0]?.[1]?.error), /gateway\.yaml: log\.level/);
});
