import test from 'ava';
import { liveBytes } from '../../../../sim/live-bytes.ts';
import { MemoryKeyValueStore, noMetrics, silentLogger } from '../../../../src/base/index.ts';
import { builtInKinds } from '../../../../src/reload/document/kinds.ts';
import { RecordHolders } from '../../../../src/reload/node/record-holders.ts';
import { ResourceStore } from '../../../../src/reload/storage/resource-store.ts';
import { writeManyRecords } from '../../../support/many-records.ts';
import { testOverlay } from '../security/support.ts';

const COUNT = 50_000;
const MAX_BYTES_BESIDE = 1_500;

test(`a stored record takes at most ${MAX_BYTES_BESIDE} bytes of memory beside its own, ${COUNT} of them measured`, async (t) => {
  const { clock, store: certificates } = testOverlay();
  const kv = new MemoryKeyValueStore();
  const nodeId = 'ab'.repeat(16);
  const before = await liveBytes();
  const { bytes } = await writeManyRecords(kv, { count: COUNT, nodeId, now: clock.now() });
  const store = new ResourceStore(
    { clock, kv, certificates, logger: silentLogger, metrics: noMetrics },
    { kinds: () => builtInKinds },
  );
  const holders = new RecordHolders();
  const began = performance.now();
  t.like(await store.load(), { resources: COUNT, damaged: 0 });
  t.log(`indexed in ${Math.round(performance.now() - began)} ms`);
  for (const resource of store.resources('0', '0')) {
    holders.add(resource, 'one');
    holders.add(resource, 'other');
  }
  const beside = ((await liveBytes()) - before - bytes) / COUNT;
  t.log(
    `${Math.round(bytes / COUNT)} bytes a record with its certificate, ${Math.round(beside)} beside them`,
  );
  t.true(beside <= MAX_BYTES_BESIDE, `${beside}`);
  t.true(holders.has([...store.resources('0', '0')][0]!, 'one'), 'still in use');
  store.close();
});
