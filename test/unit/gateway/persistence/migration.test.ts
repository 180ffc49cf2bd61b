import path from 'node:path';
import test from 'ava';
import { fromUtf8, noMetrics, silentLogger, utf8 } from '../../../../src/base/index.ts';
import { LmdbKeyValueStore } from '../../../../src/gateway/persistence/lmdb-key-value-store.ts';
import { migrations, SCHEMA_VERSION } from '../../../../src/gateway/persistence/schema.ts';
import { storedData } from '../../../../src/reload/messages/stored-data.ts';
import { nodeResource } from '../../../../src/reload/storage/access-policy.ts';
import { ResourceStore } from '../../../../src/reload/storage/resource-store.ts';
import { encodeWhole } from '../../../../src/reload/wire/codec.ts';
import { counter64, uint8 } from '../../../../src/reload/wire/integers.ts';
import { opaque, vector } from '../../../../src/reload/wire/sequences.ts';
import { struct } from '../../../../src/reload/wire/struct.ts';
import { decodeBindings } from '../../../../src/sip/registrar/binding-codec.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';
import {
  entry,
  from,
  kinds,
  registration,
  signed,
  storeReq,
  testStore,
} from '../../reload/storage/support.ts';

const commit = { durability: 'commit' } as const;

/** As schema 1 wrote it. */
const recordV1 = struct({
  version: uint8,
  generation: counter64,
  elements: vector(4, struct({ expiresAt: counter64, bytes: opaque(4) })),
});

test('migrations follow one another up to the version this code writes', (t) => {
  t.deepEqual(
    migrations.map(({ to }) => to),
    Array.from({ length: SCHEMA_VERSION - 1 }, (_, i) => i + 2),
  );
});

test('schema 1: records keep values, generations and ends; the certificates behind each value become one copy', async (t) => {
  const target = testStore();
  const { alice, peer, resource, clock, certificates } = target;
  const file = path.join(temporaryDirectory('schema'), 'store.mdb');
  const value = registration(target, 'route', 5000).kindData[0]!.values[0]!;
  const certificatePlace = nodeResource(peer.nodeId);
  const certificateValues = [0, 1].map((index) =>
    signed(
      peer,
      { resource: certificatePlace, kind: 0x3 },
      { model: 'ARRAY', index, exists: true, value: peer.certificate.der },
    ),
  );
  const v1 = (generation: number, elements: [Uint8Array, Uint8Array][]) =>
    encodeWhole(recordV1, {
      version: 1,
      generation,
      elements: elements.map(([data, der]) => ({
        expiresAt: clock.now() + 600_000,
        bytes: Buffer.concat([data, der]),
      })),
    });
  const old = await LmdbKeyValueStore.open(file, commit);
  await old.write([
    { key: 'meta/schema', value: utf8('1') },
    { key: 'binding/alice', value: utf8('untouched') },
    {
      key: `resource/${resource}/00000001`,
      value: v1(7, [[encodeWhole(storedData.DICTIONARY, value), alice.certificate.der]]),
    },
    {
      key: `resource/${certificatePlace}/00000003`,
      value: v1(
        2,
        certificateValues.map((data) => [encodeWhole(storedData.ARRAY, data), peer.certificate.der]),
      ),
    },
    { key: `resource/${'ab'.repeat(16)}/00000001`, value: Uint8Array.of(1, 2, 3) },
  ]);
  await old.close();

  const kv = await LmdbKeyValueStore.open(file, commit);
  t.teardown(() => kv.close());
  t.is(fromUtf8(kv.get('meta/schema')!), String(SCHEMA_VERSION));
  t.is(fromUtf8(kv.get('binding/alice')!), 'untouched');
  t.is([...kv.entries('certificate/')].length, 2);
  const store = new ResourceStore(
    { clock, kv, certificates, logger: silentLogger, metrics: noMetrics },
    { kinds: () => kinds },
  );
  t.deepEqual(await store.load(), { resources: 2, values: 3, expired: 0, damaged: 1 });
  const { answer, certificates: signers } = store.fetch({
    resource,
    specifiers: [{ kind: 1, generation: 0, model: 'DICTIONARY', keys: [] }],
  });
  const [found] = answer.kindResponses;
  t.is(found!.generation, 7);
  t.is(found!.values[0]!.storageTime, 5000);
  t.is(found!.values[0]!.lifetime, 600);
  t.deepEqual(found!.values[0]!.signature, value.signature);
  t.deepEqual(signers.map(Buffer.from), [Buffer.from(alice.certificate.der)]);
  const older = signed(alice, { resource, kind: 1 }, entry(alice.nodeId, 'older'), { storageTime: 4000 });
  t.throws(() => store.store(storeReq(resource, 1, [older]), from(alice)), { code: 'data-too-old' });
});

test('schema 2: bindings keep all that was known of them; what was damaged is left for the loader to report', async (t) => {
  const file = path.join(temporaryDirectory('schema'), 'store.mdb');
  const contact = 'sip:j\u00c3\u00bcrgen@192.0.2.9:5062;transport=tcp';
  const stored = {
    ...{ contact, params: ';+sip.instance="<urn:uuid:1>";q=0.5', q: 0.5, instance: '"<urn:uuid:1>"' },
    ...{ expiresAt: 1_900_000_000_000, updatedAt: 1_800_000_000_000.25, callId: 'c1', cseq: 7 },
    ...{ path: ['<sip:p1.example;lr>', '<sip:p2.example;lr>'], transport: 'TCP' as const, byFlow: true },
    ...{ source: { host: '2001:db8::9', port: 5060 }, local: { host: '2001:db8::1', port: 5061 } },
  };
  const old = await LmdbKeyValueStore.open(file, commit);
  await old.write([
    { key: 'meta/schema', value: utf8('2') },
    { key: 'binding/alice@example.org', value: utf8(JSON.stringify([stored, { ...stored, regId: 2 }])) },
    { key: 'binding/broken@example.org', value: utf8('[{"contact":1}]') },
  ]);
  await old.close();

  const kv = await LmdbKeyValueStore.open(file, commit);
  t.teardown(() => kv.close());
  t.is(fromUtf8(kv.get('meta/schema')!), String(SCHEMA_VERSION));
  const aor = 'alice@example.org';
  const expected = { aor, ...stored, regId: undefined, gruuSeries: undefined, flow: undefined };
  t.deepEqual(decodeBindings(aor, kv.get(`binding/${aor}`)!), [expected, { ...expected, regId: 2 }]);
  t.throws(() => decodeBindings('broken@example.org', kv.get('binding/broken@example.org')!), {
    instanceOf: TypeError,
  });
});
