import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { type ConfigObject, startGateway } from '../support/gateway.ts';
import { freePort } from '../support/ports.ts';
import { statusOf } from '../support/sip-text.ts';
import { TestPhone } from '../support/test-phone.ts';

test('P1: a damaged store is moved aside, said in one line, and the peer serves its phones with its old Node-ID', async (t) => {
  const sip = await freePort();
  const config: ConfigObject = {
    overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${await freePort()}`] },
    sip: { domains: ['example.org'], listen: [`udp://127.0.0.1:${sip}`] },
  };
  const gateway = await startGateway(t, config);
  const { directory, nodeId } = gateway;
  await gateway.kill9();
  const data = path.join(directory, 'data');
  const file = path.join(data, 'store.mdb');
  const spoilt = readFileSync(file).fill(0x55, 0, 8192);
  writeFileSync(file, spoilt);

  const again = await startGateway(t, config, { directory });
  t.is(again.nodeId, nodeId);
  const said = again.stderr.split('\n').filter((line) => line.includes('store.mdb'));
  t.is(said.length, 1, again.stderr);
  t.regex(
    said[0]!,
    / error .*store\.mdb is damaged \(.*\): moved to .*store\.mdb\.aside-\S+, and a new store begun/,
  );
  const aside = readdirSync(data).find((name) => name.startsWith('store.mdb.aside-'));
  t.deepEqual(readFileSync(path.join(data, aside!)), spoilt);
  const phone = await TestPhone.open(t, { port: sip });
  t.is(statusOf(await phone.register('bob')), 200);
});
