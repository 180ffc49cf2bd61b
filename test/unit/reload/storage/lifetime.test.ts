import test from 'ava';
import { Kind } from '../../../../src/reload/document/kinds.ts';
import { userResource } from '../../../../src/reload/storage/access-policy.ts';
import { writeManyRecords } from '../../../support/many-records.ts';
import {
  element,
  entry,
  from,
  PRIVATE_ARRAY,
  PRIVATE_DICTIONARY,
  PRIVATE_SINGLE,
  registration,
  signed,
  single,
  storeOne,
  storeReq,
  testStore,
} from './support.ts';

const wildcard = (resource: string) => ({
  resource,
  specifiers: [{ kind: PRIVATE_DICTIONARY, generation: 0, model: 'DICTIONARY' as const, keys: [] }],
});

test('B21: values end with their lifetime, on one timer, in memory and on the disk', async (t) => {
  const target = testStore();
  const { clock, store, resource, kv } = target;
  for (const [key, lifetime] of [
    ['01', 60],
    ['02', 120],
  ] as const) {
    storeOne(target, entry(key, 'v'), { lifetime });
  }
  t.is(clock.pendingTimers, 1);
  const keys = () => store.fetch(wildcard(resource)).answer.kindResponses[0]!.values.length;
  await clock.advance(59_000);
  t.is(keys(), 2);
  await clock.advance(1_000);
  t.is(keys(), 1);
  t.is(store.valueCount, 1);
  await clock.advance(60_000);
  t.is(store.resourceCount, 0);
  t.is(store.bytes, 0);
  t.is(clock.pendingTimers, 0);
  t.deepEqual([...kv.entries('')], []);
});

test('B21: thousands of values that end at the same moment go a few hundred at a time', async (t) => {
  const target = testStore();
  const { clock, store, kv } = target;
  await writeManyRecords(kv, { count: 1_200, nodeId: 'ab'.repeat(16), now: clock.now(), sameEnd: true });
  await store.load();
  t.is(store.valueCount, 1_200);
  await clock.advance(7_200_000);
  t.is(store.valueCount, 700);
  await clock.advance(1);
  t.is(store.valueCount, 200);
  await clock.advance(1);
  t.is(store.valueCount, 0);
  t.deepEqual([...kv.entries('')], []);
});

test('B22: a removed value lives as long as its own lifetime and keeps the old one from coming back', async (t) => {
  const target = testStore();
  storeOne(target, single('v'), { storageTime: 1000 });
  storeOne(target, single('', false), { storageTime: 1001, lifetime: 60 });
  t.throws(() => storeOne(target, single('v'), { storageTime: 1000 }), { code: 'data-too-old' });
  await target.clock.advance(60_000);
  t.is(target.store.resourceCount, 0);
});

test('§7.1: a value does not outlive the certificate that signed it', async (t) => {
  const target = testStore();
  storeOne(target, single('v'), { lifetime: 30 * 86_400 });
  await target.clock.advance(7 * 86_400_000 - 1000);
  t.is(target.store.valueCount, 1);
  await target.clock.advance(2000);
  t.is(target.store.valueCount, 0);
});

test('A28 T7b: replicas carry one value each, the generation and what is left of the lifetime', async (t) => {
  const target = testStore();
  const { clock, store, resource, alice } = target;
  storeOne(target, entry('01', 'a'), { lifetime: 3600 });
  storeOne(target, entry('02', 'b'), { lifetime: 3600 });
  store.store(registration(target), from(alice));
  await clock.advance(600_000);
  const replicas = [...store.replicaStores(resource, 2)];
  t.is(replicas.length, 3);
  for (const { request, certificates } of replicas) {
    t.is(request.replicaNumber, 2);
    t.is(request.kindData.length, 1);
    t.is(request.kindData[0]?.values.length, 1);
    t.is(request.kindData[0]?.values[0]?.lifetime, 3000);
    t.is(certificates.length, 1);
  }
  t.deepEqual(
    replicas.map(({ request }) => request.kindData[0]?.generation),
    [2, 2, 1],
  );

  // Another peer of the same overlay takes them, twice without complaint, and ends with the same data.
  const successor = testStore();
  const handOver = from(target.peer);
  for (let round = 0; round < 2; round++) {
    for (const { request, certificates } of replicas) {
      const outcome = successor.store.store(request, { ...handOver, certificates });
      t.is(outcome.changed, round === 0);
    }
  }
  t.is(successor.store.valueCount, 3);
  t.deepEqual(successor.store.fetch(wildcard(resource)).answer.kindResponses[0]?.generation, 2);
});

test('B21: newer data of a peer that refused our replica is adopted; older and badly signed data is not', async (t) => {
  const ours = testStore();
  const theirs = testStore();
  const { resource, alice } = ours;
  const place = { resource, kind: PRIVATE_DICTIONARY };
  const put = (store: typeof ours.store, key: string, text: string, storageTime: number) =>
    store.store(
      storeReq(resource, PRIVATE_DICTIONARY, [signed(alice, place, entry(key, text), { storageTime })]),
      from(alice),
    );
  put(ours.store, '01', 'old', 1000);
  put(ours.store, '02', 'newer', 3000);
  put(theirs.store, '01', 'new', 2000);
  put(theirs.store, '02', 'older', 2000);
  put(theirs.store, '03', 'extra', 2000);
  const { answer, certificates } = theirs.store.fetch(wildcard(resource));
  t.false(await ours.store.adopt(resource, answer, [], 'owner'));
  t.true(await ours.store.adopt(resource, answer, certificates, 'owner'));
  t.false(await ours.store.adopt(resource, answer, certificates, 'owner'));
  const { generation, values } = ours.store.fetch(wildcard(resource)).answer.kindResponses[0]!;
  t.is(generation, 4, 'a state that neither had');
  t.deepEqual(
    values.map(({ value }) => Buffer.from(value.value).toString()),
    ['new', 'newer', 'extra'],
  );
  // Now ours is a state of its own; a replica that takes it over takes its counter, the owner one of neither.
  const merged = ours.store.fetch(wildcard(resource));
  const counterOf = (standing: 'owner' | 'replica') => {
    const third = testStore();
    put(third.store, '01', 'elsewhere', 1500);
    for (let i = 0; i < 3; i++) put(third.store, '03', `elsewhere ${i}`, 1500 + i);
    return third.store
      .adopt(resource, merged.answer, merged.certificates, standing)
      .then(() => third.store.fetch(wildcard(resource)).answer.kindResponses[0]!.generation);
  };
  t.is(await counterOf('replica'), 4);
  t.is(await counterOf('owner'), 5);
});

test('a restart finds values, generations and certificates again, and drops what is damaged or has expired', async (t) => {
  const target = testStore();
  const { clock, kv, resource, alice, store, open } = target;
  const { committed } = store.store(registration(target), from(alice));
  storeOne(target, element(2, 'X'), { lifetime: 60 });
  storeOne(target, single('a'), { storageTime: 1 });
  storeOne(target, single('b'), { storageTime: 2 });
  await committed;
  store.close();
  await clock.advance(61_000);
  await kv.write([{ key: `resource/${'ab'.repeat(16)}/f0000001`, value: Uint8Array.of(1, 2, 3) }]);
  await kv.write([{ key: `resource/${'ab'.repeat(16)}/00000099`, value: Uint8Array.of(1) }]);

  const reopened = open();
  t.deepEqual(await reopened.load(), { resources: 1, values: 2, expired: 1, damaged: 2 });
  const specifiers = [
    { kind: Kind.SIP_REGISTRATION, generation: 0, model: 'DICTIONARY', keys: [alice.nodeId] },
    { kind: PRIVATE_SINGLE, generation: 0, model: 'SINGLE' },
    { kind: PRIVATE_ARRAY, generation: 0, model: 'ARRAY', indices: [{ first: 0, last: 0xffffffff }] },
  ] as const;
  const { answer, certificates } = reopened.fetch({ resource, specifiers });
  t.deepEqual(
    answer.kindResponses.map(({ generation, values }) => [generation, values.length]),
    [
      [1, 1],
      [2, 1],
      [0, 0],
    ],
  );
  t.deepEqual(Buffer.from(certificates[0]!), Buffer.from(alice.certificate.der));
  // Rollback protection holds across the restart.
  t.throws(() => reopened.store(registration(target), from(alice)), { code: 'data-too-old' });
  t.is([...kv.entries('resource/')].length, 2);
});

test('B10: the resources of an interval of the ring are listed, around zero too', (t) => {
  const target = testStore();
  const { store, peer } = target;
  const all = Array.from({ length: 20 }, (_, i) => {
    const user = peer.registration(`u${i}@x`);
    const resource = userResource(user.userName);
    const data = signed(user, { resource, kind: PRIVATE_SINGLE }, single('v'));
    store.store(storeReq(resource, PRIVATE_SINGLE, [data]), from(user));
    return resource;
  }).sort();
  const listed = (after: string, upTo: string) => [...store.resources(after, upTo)].sort();
  t.deepEqual(listed(all[3]!, all[7]!), all.slice(4, 8));
  t.deepEqual(listed(all[15]!, all[1]!), [...all.slice(0, 2), ...all.slice(16)]);
  t.deepEqual(listed(all[5]!, all[5]!), all);
});

test('a resource that is dropped is gone from memory and disk', async (t) => {
  const target = testStore();
  storeOne(target, single('v'));
  await target.store.drop(target.resource);
  t.is(target.store.resourceCount, 0);
  t.deepEqual([...target.kv.entries('')], []);
});
