import test from 'ava';
import { fromUtf8 } from '../../../../src/base/index.ts';
import { Kind } from '../../../../src/reload/document/kinds.ts';
import { ErrorCode, unknownKindsInfo } from '../../../../src/reload/messages/error-response.ts';
import { NO_SIGNATURE } from '../../../../src/reload/messages/signature.ts';
import { type StoreReq, storeAns } from '../../../../src/reload/messages/store.ts';
import { APPEND_INDEX } from '../../../../src/reload/messages/stored-data.ts';
import type { StoreContext } from '../../../../src/reload/storage/resource-store.ts';
import { StorageError } from '../../../../src/reload/storage/storage-error.ts';
import { decodeWhole } from '../../../../src/reload/wire/codec.ts';
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

/** The error a Store is refused with. */
function refusal(
  target: ReturnType<typeof testStore>,
  request: StoreReq,
  context: StoreContext,
): StorageError {
  try {
    target.store.store(request, context);
  } catch (error) {
    if (error instanceof StorageError) return error;
    throw error;
  }
  throw new Error('the Store was accepted');
}

function contents(target: ReturnType<typeof testStore>, kind: number): string[] {
  const { resource, store } = target;
  const specifier =
    kind === PRIVATE_ARRAY
      ? ({ model: 'ARRAY', indices: [{ first: 0, last: 0xffffffff }] } as const)
      : kind === PRIVATE_SINGLE
        ? ({ model: 'SINGLE' } as const)
        : ({ model: 'DICTIONARY', keys: [] } as const);
  const { answer } = store.fetch({ resource, specifiers: [{ kind, generation: 0, ...specifier }] });
  return answer.kindResponses[0]!.values.map(({ value }) => (value.exists ? fromUtf8(value.value) : '-'));
}

test('A27 B19: single, array and dictionary values are stored, replaced and removed', (t) => {
  const target = testStore();
  storeOne(target, single('a'));
  storeOne(target, single('b'), { storageTime: 1001 });
  t.deepEqual(contents(target, PRIVATE_SINGLE), ['b']);
  storeOne(target, single('', false), { storageTime: 1002 });
  t.deepEqual(contents(target, PRIVATE_SINGLE), ['-']);

  storeOne(target, entry('01', 'one'));
  storeOne(target, entry('02', 'two'));
  storeOne(target, entry('01', 'uno'), { storageTime: 1001 });
  t.deepEqual(contents(target, PRIVATE_DICTIONARY), ['uno', 'two']);
});

test('B19: a Store past the end of an array leaves gaps; 0xffffffff appends', (t) => {
  const target = testStore();
  storeOne(target, element(2, 'X'));
  t.deepEqual(contents(target, PRIVATE_ARRAY), ['-', '-', 'X']);
  storeOne(target, element(APPEND_INDEX, 'Y'));
  storeOne(target, element(0, 'A'));
  t.deepEqual(contents(target, PRIVATE_ARRAY), ['A', '-', 'X', 'Y']);
});

test('B21 B22: the generation counter grows with each change; 0 ignores it, another must be the current one', (t) => {
  const target = testStore();
  const { alice, resource, store } = target;
  const at = (storageTime: number, generation: number) => {
    const data = signed(alice, { resource, kind: PRIVATE_SINGLE }, single('v'), { storageTime });
    return storeReq(resource, PRIVATE_SINGLE, [data], { generation });
  };
  const generationOf = (request: StoreReq) =>
    store.store(request, from(alice)).answer.kindResponses[0]?.generation;
  t.is(generationOf(at(1, 0)), 1);
  t.is(generationOf(at(2, 1)), 2);
  t.is(generationOf(at(3, 0)), 3);
  for (const wrong of [1, 2, 4]) {
    const error = refusal(target, at(4, wrong), from(alice));
    t.is(error.toErrorResponse().errorCode, ErrorCode.Generation_Counter_Too_Low);
    const info = decodeWhole(storeAns, error.toErrorResponse().errorInfo);
    t.deepEqual(info, { kindResponses: [{ kind: PRIVATE_SINGLE, generation: 3, replicas: [] }] });
  }
});

test('B22: the answer names the replicas it was given', (t) => {
  const target = testStore();
  const replicas = ['01'.repeat(16), '02'.repeat(16)];
  const { answer, changed } = target.store.store(registration(target), { ...from(target.alice), replicas });
  t.true(changed);
  t.deepEqual(answer, { kindResponses: [{ kind: Kind.SIP_REGISTRATION, generation: 1, replicas }] });
});

test('B18 T7: an older or equal storage_time is Data_Too_Old, but for a retransmission', (t) => {
  const target = testStore();
  const { alice, store } = target;
  t.true(store.store(registration(target, 'a', 1000), from(alice, 7n)).changed);
  for (const [text, time, transaction] of [
    ['a', 999, 8n],
    ['a', 1000, 8n],
    ['a', 1000, undefined],
    ['b', 1000, 7n],
  ] as const) {
    const error = refusal(target, registration(target, text, time), from(alice, transaction));
    t.is(error.toErrorResponse().errorCode, ErrorCode.Data_Too_Old);
  }
  const again = store.store(registration(target, 'a', 1000), from(alice, 7n));
  t.false(again.changed);
  t.is(again.answer.kindResponses[0]?.generation, 1);
});

test('T7b B21: a replica with equal time and value succeeds; its generation is taken and never compared', (t) => {
  const target = testStore();
  const { store } = target;
  const replica = (text: string, time: number, generation: number): StoreReq => {
    const request = registration(target, text, time);
    return { ...request, replicaNumber: 1, kindData: [{ ...request.kindData[0]!, generation }] };
  };
  // The StoreReq is signed by another peer, which could not store this itself.
  const sender = { ...from(target.identity()), certificates: [target.alice.certificate.der] };
  const stored = store.store(replica('a', 1000, 9), sender);
  t.true(stored.changed);
  t.is(stored.answer.kindResponses[0]?.generation, 9);
  const repeated = store.store(replica('a', 1000, 4), sender);
  t.false(repeated.changed);
  t.is(repeated.answer.kindResponses[0]?.generation, 4);
  t.is(refusal(target, replica('b', 1000, 5), sender).code, 'data-too-old');
  t.is(refusal(target, replica('a', 999, 5), sender).code, 'data-too-old');
  t.is(refusal(target, replica('a', 1001, 0), sender).code, 'invalid-request');
});

test('B21: a hand-over to the responsible peer never lowers the generation counter', (t) => {
  const target = testStore();
  const handOver = (text: string, time: number, generation: number) => {
    const request = registration(target, text, time);
    const kindData = [{ ...request.kindData[0]!, generation }];
    const sender = { ...from(target.identity()), certificates: [target.alice.certificate.der] };
    const { answer } = target.store.store(
      { ...request, replicaNumber: 1, kindData },
      { ...sender, responsible: true },
    );
    return answer.kindResponses[0]?.generation;
  };
  t.is(handOver('a', 1000, 9), 9);
  t.is(handOver('a', 1000, 4), 9, 'what is held already');
  t.is(handOver('b', 2000, 4), 10, 'a state that neither had');
  t.is(handOver('c', 3000, 12), 12);
});

test('B21: a Store of several Kinds is atomic', (t) => {
  const target = testStore();
  const { alice, resource, store } = target;
  storeOne(target, single('old'));
  const good = signed(alice, { resource, kind: PRIVATE_SINGLE }, single('new'), { storageTime: 2000 });
  const bad = signed(alice, { resource, kind: PRIVATE_ARRAY }, element(0, 'x'.repeat(101)));
  const request = {
    resource,
    replicaNumber: 0,
    kindData: [
      { kind: PRIVATE_SINGLE, generation: 0, values: [good] },
      { kind: PRIVATE_ARRAY, generation: 0, values: [bad] },
    ],
  };
  t.is(refusal(target, request, from(alice)).toErrorResponse().errorCode, ErrorCode.Data_Too_Large);
  t.deepEqual(contents(target, PRIVATE_SINGLE), ['old']);
  t.is(store.valueCount, 1);
  // And what a refused Store held does not come back after a restart.
  t.is([...target.kv.entries('resource/')].length, 1);
});

test('B21: a Kind named twice is invalid; unknown Kinds are all listed', (t) => {
  const target = testStore();
  const { alice, resource } = target;
  const empty = (kind: number) => ({ kind, generation: 0, values: [] });
  const twice = { resource, replicaNumber: 0, kindData: [empty(PRIVATE_SINGLE), empty(PRIVATE_SINGLE)] };
  t.is(refusal(target, twice, from(alice)).toErrorResponse().errorCode, ErrorCode.Invalid_Message);
  const unknown = { resource, replicaNumber: 0, kindData: [empty(0x77), empty(PRIVATE_SINGLE), empty(0x78)] };
  const { errorCode, errorInfo } = refusal(target, unknown, from(alice)).toErrorResponse();
  t.is(errorCode, ErrorCode.Unknown_Kind);
  t.deepEqual(decodeWhole(unknownKindsInfo, errorInfo), { unknownKinds: [0x77, 0x78] });
});

test('B21 B33: values too large or too many are refused, removals are not', (t) => {
  const target = testStore();
  const tooLarge = { code: 'data-too-large' };
  t.throws(() => storeOne(target, single('x'.repeat(101))), tooLarge);
  t.throws(() => storeOne(target, element(4, 'x')), tooLarge);
  t.throws(() => storeOne(target, element(0xfffffffe, 'x')), tooLarge);
  for (const key of ['01', '02', '03', '04']) storeOne(target, entry(key, 'x'));
  t.throws(() => storeOne(target, entry('05', 'x')), tooLarge);
  storeOne(target, entry('04', '', false), { storageTime: 2000 });
  t.notThrows(() => storeOne(target, entry('05', 'x')));
});

for (const bound of ['maxBytes', 'maxBytesPerKind'] as const) {
  test(`a full store (${bound}) refuses what is new and still takes renewals and removals`, (t) => {
    const target = testStore({ maxBytes: 10_000, maxBytesPerKind: 10_000, [bound]: 1500 });
    storeOne(target, entry('01', 'v'));
    t.throws(() => storeOne(target, entry('02', 'v')), { code: 'data-too-large' });
    t.notThrows(() => storeOne(target, entry('01', 'longer'), { storageTime: 2000 }));
    t.notThrows(() => storeOne(target, entry('01', '', false), { storageTime: 3000 }));
  });
}

test('B21: signature type none, a foreign signature and an unknown signer are Forbidden', (t) => {
  const target = testStore();
  const { alice, resource, store } = target;
  const kind = PRIVATE_SINGLE;
  const good = signed(alice, { resource, kind }, single('v'));
  const elsewhere = signed(alice, { resource: '00'.repeat(16), kind }, single('v'));
  const forbidden = (data: typeof good, context = from(alice)) =>
    t.is(
      refusal(target, storeReq(resource, kind, [data]), context).toErrorResponse().errorCode,
      ErrorCode.Forbidden,
    );
  forbidden({ ...good, signature: NO_SIGNATURE });
  forbidden(elsewhere);
  forbidden({ ...good, storageTime: good.storageTime + 1 });
  forbidden(good, { ...from(alice), certificates: [] });
  t.notThrows(() => store.store(storeReq(resource, kind, [{ ...good, lifetime: 60 }]), from(alice)));
});

test('an expired certificate makes the Store Forbidden', async (t) => {
  const target = testStore();
  const request = registration(target);
  await target.clock.advance(8 * 86_400_000);
  t.is(refusal(target, request, from(target.alice)).code, 'forbidden');
});
