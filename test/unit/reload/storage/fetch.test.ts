import { createHash } from 'node:crypto';
import test from 'ava';
import { fromUtf8, utf8 } from '../../../../src/base/index.ts';
import { Kind } from '../../../../src/reload/document/kinds.ts';
import type { ModelSpecifier } from '../../../../src/reload/messages/data-specifier.ts';
import { NO_SIGNATURE } from '../../../../src/reload/messages/signature.ts';
import { userResource } from '../../../../src/reload/storage/access-policy.ts';
import { ownValues, verifiedValues } from '../../../../src/reload/storage/verified-values.ts';
import {
  AOR,
  element,
  entry,
  from,
  kinds,
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

const ALL_KEYS = { model: 'DICTIONARY', keys: [] } as const;
const FINAL = 0xffffffff;

function fetchOne(
  target: ReturnType<typeof testStore>,
  kind: number,
  specifier: ModelSpecifier,
  generation = 0,
) {
  const { store, resource } = target;
  const { answer, certificates } = store.fetch({
    resource,
    specifiers: [{ kind, generation, ...specifier }],
  });
  return { response: answer.kindResponses[0]!, answer, certificates };
}

test('A13 A27: what was stored is fetched with its signer certificate, and verifies', (t) => {
  const target = testStore();
  const { alice, resource, store, certificates: trust } = target;
  store.store(registration(target, 'route to the peer'), from(alice));
  const { answer, certificates } = fetchOne(target, Kind.SIP_REGISTRATION, ALL_KEYS);
  t.deepEqual(
    certificates.map((der) => new Uint8Array(der)),
    [alice.certificate.der],
  );
  for (const [kind] of [
    verifiedValues({ certificates: trust, kinds }, resource, answer, certificates),
    ownValues(trust, answer, certificates),
  ]) {
    t.is(kind?.discarded, 0);
    t.is(kind?.values[0]?.signer.nodeId, alice.nodeId);
    t.is(fromUtf8(kind!.values[0]!.value.value), 'route to the peer');
  }
});

test('B23: the fetcher discards values that are badly signed, by the wrong signer or by an expired certificate', async (t) => {
  const target = testStore();
  const { alice, resource, store, certificates: trust, clock } = target;
  store.store(registration(target), from(alice));
  const { answer, certificates } = fetchOne(target, Kind.SIP_REGISTRATION, ALL_KEYS);
  const [response] = answer.kindResponses;
  const [data] = response!.values;
  const discarded = (values: readonly (typeof data)[], ders = certificates, at = resource) => {
    const forged = { kindResponses: [{ ...response!, values: values as never }] };
    return verifiedValues({ certificates: trust, kinds }, at, forged, ders)[0]!;
  };
  t.is(discarded([data]).values.length, 1);
  t.is(discarded([{ ...data!, storageTime: 2000 }]).discarded, 1);
  t.is(discarded([data], []).discarded, 1);
  t.is(discarded([data], certificates, userResource('bob@example.org')).discarded, 1);
  // A storing peer that signs alice's entry itself has a valid certificate, but not alice's name.
  const forger = target.identity();
  const place = { resource, kind: Kind.SIP_REGISTRATION };
  const forged = signed(forger, place, entry(forger.nodeId, 'forged'));
  t.is(discarded([forged, data], [forger.certificate.der, ...certificates]).discarded, 1);
  // Unsigned values can only say that there is nothing.
  t.is(discarded([{ ...data!, signature: NO_SIGNATURE }]).discarded, 1);
  const nothing = { ...data!, value: entry('01', '', false), signature: NO_SIGNATURE };
  t.deepEqual(discarded([nothing]), { kind: Kind.SIP_REGISTRATION, generation: 1, values: [], discarded: 0 });
  await clock.advance(8 * 86_400_000);
  t.is(discarded([data]).discarded, 1);
  t.is(ownValues(trust, answer, certificates)[0]?.discarded, 1);
});

test('B23: one answer for each Kind; no values where the generation is the current one', (t) => {
  const target = testStore();
  storeOne(target, single('v'));
  const { answer } = target.store.fetch({
    resource: target.resource,
    specifiers: [
      { kind: PRIVATE_SINGLE, generation: 1, model: 'SINGLE' },
      { kind: PRIVATE_DICTIONARY, generation: 0, ...ALL_KEYS },
    ],
  });
  t.deepEqual(answer.kindResponses, [
    { kind: PRIVATE_SINGLE, generation: 1, values: [] },
    { kind: PRIVATE_DICTIONARY, generation: 0, values: [] },
  ]);
  t.is(fetchOne(target, PRIVATE_SINGLE, { model: 'SINGLE' }, 7).response.values.length, 1);
});

test('B23: what is not there is answered with an unsigned synthetic value', (t) => {
  const target = testStore();
  storeOne(target, element(1, 'X'));
  const nothing = { exists: false, value: new Uint8Array(0) };
  const synthetic = { storageTime: 0, lifetime: 0, signature: NO_SIGNATURE };
  t.deepEqual(fetchOne(target, PRIVATE_SINGLE, { model: 'SINGLE' }).response.values, [
    { ...synthetic, value: { model: 'SINGLE', ...nothing } },
  ]);
  t.deepEqual(fetchOne(target, PRIVATE_DICTIONARY, { model: 'DICTIONARY', keys: ['07'] }).response.values, [
    { ...synthetic, value: { model: 'DICTIONARY', key: '07', ...nothing } },
  ]);
  const [gap, X] = fetchOne(target, PRIVATE_ARRAY, { model: 'ARRAY', indices: [{ first: 0, last: FINAL }] })
    .response.values;
  t.deepEqual(gap, { ...synthetic, value: { model: 'ARRAY', index: 0, ...nothing } });
  t.is(X?.signature.identity.type, 'certHash');
});

test('B23 A27: array ranges: from, to, the final element; overlapping or reversed ones are invalid', (t) => {
  const target = testStore();
  for (const [index, text] of ['A', 'B', 'C'].entries()) storeOne(target, element(index, text));
  const range = (...indices: [number, number][]) =>
    fetchOne(target, PRIVATE_ARRAY, {
      model: 'ARRAY',
      indices: indices.map(([first, last]) => ({ first, last })),
    }).response.values.map(({ value }) => (value.exists ? fromUtf8(value.value) : '-'));
  t.deepEqual(range([0, FINAL]), ['A', 'B', 'C']);
  t.deepEqual(range([1, 1]), ['B']);
  t.deepEqual(range([2, 2], [0, 0]), ['C', 'A']);
  t.deepEqual(range([FINAL, FINAL]), ['C']);
  t.deepEqual(range([0, 0xfffffffe]), ['A', 'B', 'C', '-']);
  t.throws(() => range([0, 1], [1, 2]), { code: 'invalid-request' });
  t.throws(() => range([2, 1]), { code: 'invalid-request' });
});

test('B23: wrong data model, a Kind asked for twice, an unknown Kind', (t) => {
  const { store, resource } = testStore();
  const ask = (...kindIds: number[]) =>
    store.fetch({
      resource,
      specifiers: kindIds.map((kind) => ({ kind, generation: 0, model: 'SINGLE' as const })),
    });
  t.throws(() => ask(PRIVATE_ARRAY), { code: 'invalid-request' });
  t.throws(() => ask(PRIVATE_SINGLE, PRIVATE_SINGLE), { code: 'invalid-request' });
  t.throws(() => ask(0x99), { code: 'unknown-kind' });
});

test('B23: Stat gives length and digest, over the value and its four length bytes', (t) => {
  const target = testStore();
  storeOne(target, single('abc'));
  const { resource, store } = target;
  const answer = store.stat({
    resource,
    specifiers: [
      { kind: PRIVATE_SINGLE, generation: 0, model: 'SINGLE' },
      { kind: PRIVATE_DICTIONARY, generation: 0, model: 'DICTIONARY', keys: ['01'] },
    ],
  });
  const digest = (bytes: number[]) => createHash('sha256').update(Uint8Array.from(bytes)).digest('hex');
  t.deepEqual(answer.kindResponses, [
    {
      kind: PRIVATE_SINGLE,
      generation: 1,
      values: [
        {
          storageTime: 1000,
          lifetime: 3600,
          metadata: {
            model: 'SINGLE',
            exists: true,
            valueLength: 3,
            hashAlgorithm: 4,
            hashValue: digest([0, 0, 0, 3, ...utf8('abc')]),
          },
        },
      ],
    },
    {
      kind: PRIVATE_DICTIONARY,
      generation: 0,
      values: [
        {
          storageTime: 0,
          lifetime: 0,
          metadata: {
            model: 'DICTIONARY',
            key: '01',
            exists: false,
            valueLength: 0,
            hashAlgorithm: 4,
            hashValue: digest([0, 0, 0, 0]),
          },
        },
      ],
    },
  ]);
});

test('B23: Find walks upwards around the ring, Kind by Kind', (t) => {
  const target = testStore();
  const { store, peer } = target;
  const users = ['a@x', 'b@x', 'c@x'].map((aor) => {
    const user = peer.registration(aor);
    const resource = userResource(aor);
    const data = signed(user, { resource, kind: PRIVATE_SINGLE }, single(aor, aor !== 'c@x'));
    store.store(storeReq(resource, PRIVATE_SINGLE, [data]), from(user));
    return resource;
  });
  const [low, high] = users.slice(0, 2).sort() as [string, string];
  const next = (id: string) => (BigInt(`0x${id}`) + 1n).toString(16).padStart(32, '0');
  const closest = (resource: string) => store.find({ resource, kinds: [PRIVATE_SINGLE] }).results[0]?.closest;
  t.is(closest(low), low);
  t.is(closest(next(low)), high);
  t.is(closest(next(high)), low);
  const zeros = '00'.repeat(16);
  t.deepEqual(store.find({ resource: low, kinds: [PRIVATE_ARRAY, 0x99] }).results, [
    { kind: PRIVATE_ARRAY, closest: zeros },
    { kind: 0x99, closest: zeros },
  ]);
  t.throws(() => store.find({ resource: low, kinds: [1, 1] }), { code: 'invalid-request' });
  t.throws(() => store.find({ resource: AOR, kinds: [1] }), { code: 'invalid-request' });
});
