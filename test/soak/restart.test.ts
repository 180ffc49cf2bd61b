import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { openDataDirectory } from '../../src/gateway/persistence/data-directory.ts';
import { systemClock, systemRandom } from '../../src/net/index.ts';
import { createSelfSignedIdentity, saveIdentity } from '../../src/reload/security/identity.ts';
import { type ConfigObject, type GatewayProcess, startGateway } from '../support/gateway.ts';
import { writeSignedRecords } from '../support/many-records.ts';
import { freePort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const COUNT = 50_000;
const MAX_MS = 5_000;

/** A peer's directory with so many records, each under a certificate of its own, as registrations are. */
async function prepare(): Promise<string> {
  const directory = temporaryDirectory('restart');
  const data = await openDataDirectory(path.join(directory, 'data'), { durability: 'commit' });
  const machine = { clock: systemClock, random: systemRandom };
  const identity = createSelfSignedIdentity(machine, {
    overlay: 'example.org',
    digest: 'sha256',
    keyType: 'ec',
  });
  data.saveIdentity(saveIdentity(identity));
  await writeSignedRecords(data.store, { count: COUNT, identity, now: Date.now() });
  await data.close();
  return directory;
}

function peer(link: number, other?: number): ConfigObject {
  const bootstrap = other === undefined ? {} : { bootstrap: [`tls://127.0.0.1:${other}`] };
  return {
    overlay: { name: 'example.org', first: true, listen: [`tls://127.0.0.1:${link}`], ...bootstrap },
    sip: { mode: 'off' },
  };
}

async function lookUp(gateway: GatewayProcess, i: number): Promise<boolean> {
  const { entries = [] } = await gateway.admin<{ entries?: unknown[] }>(`/lookup/user${i}@example.org`);
  return entries.length > 0;
}

async function metric(gateway: GatewayProcess, name: string): Promise<number> {
  const text = await gateway.metrics();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
}

test('P1: a peer that holds 50,000 records is killed and answers a Fetch from its disk within five seconds', async (t) => {
  t.timeout(600_000);
  const directory = await prepare();
  const links = [await freePort(), await freePort()] as const;
  const restart = async (config: ConfigObject) => {
    const began = performance.now();
    const gateway = await startGateway(t, config, { directory, timeoutMs: 60_000 });
    const ready = performance.now() - began;
    t.true(await lookUp(gateway, 17));
    return { gateway, ready, answered: performance.now() - began };
  };

  const alone = await restart(peer(links[0]));
  t.log(
    `alone: ready after ${Math.round(alone.ready)} ms, a Fetch answered after ${Math.round(alone.answered)} ms`,
  );
  t.true(alone.answered < MAX_MS);

  // Another peer joins, and is given the newest records first, the others behind.
  const other = await startGateway(t, peer(links[1], links[0]), { timeoutMs: 60_000 });
  for (let i = 0; i < COUNT; i += 5_000) t.true(await lookUp(other, i), `user${i} through the new peer`);
  await delay(10_000);
  await alone.gateway.kill9();
  await delay(2_000);

  const inRing = await restart(peer(links[0], links[1]));
  t.log(
    `in a ring: ready after ${Math.round(inRing.ready)} ms, answered after ${Math.round(inRing.answered)} ms`,
  );
  t.true(inRing.answered < MAX_MS);
  for (let i = 0; i < COUNT; i += 500) t.true(await lookUp(inRing.gateway, i), `user${i} after the restart`);
  const compared = await metric(inRing.gateway, 'reload_records_audited_total');
  await delay(10_000);
  const perSecond = ((await metric(inRing.gateway, 'reload_records_audited_total')) - compared) / 10;
  t.log(`then ${perSecond} records a second are compared with the other peer`);
  t.true(perSecond <= 110);
});
