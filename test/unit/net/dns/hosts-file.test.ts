import { utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { HostsFile } from '../../../../src/net/dns/hosts-file.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';

test('hosts(5): names, aliases and comments; a changed file counts within 5 s', async (t) => {
  const file = path.join(temporaryDirectory('hosts'), 'hosts');
  writeFileSync(
    file,
    '127.0.0.1\tlocalhost\n# 192.0.2.1 no\n192.0.2.7  PBX.example.org pbx # ours\n::1 localhost\n',
  );
  const clock = new VirtualClock();
  const hosts = new HostsFile({ clock }, { file });
  t.deepEqual(await hosts.lookup('pbx.example.org'), ['192.0.2.7']);
  t.deepEqual(await hosts.lookup('pbx'), ['192.0.2.7']);
  t.deepEqual(await hosts.lookup('localhost'), ['127.0.0.1', '::1']);
  t.deepEqual(await hosts.lookup('no'), []);
  writeFileSync(file, '192.0.2.8 pbx\n');
  utimesSync(file, 1, 1);
  t.deepEqual(await hosts.lookup('pbx'), ['192.0.2.7']);
  await clock.advance(5_000);
  t.deepEqual(await hosts.lookup('pbx'), ['192.0.2.8']);
  t.deepEqual(await hosts.lookup('localhost'), []);
});

test('a machine without a hosts file has no such names', async (t) => {
  const hosts = new HostsFile({ clock: new VirtualClock() }, { file: '/nowhere/hosts' });
  t.deepEqual(await hosts.lookup('localhost'), []);
});
