import test from 'ava';
import {
  decodeRecord,
  encodeRecord,
  summarize,
  withElement,
} from '../../../../src/reload/storage/kind-record.ts';
import { packElement, type StoredElement } from '../../../../src/reload/storage/stored-element.ts';
import { DecodeError } from '../../../../src/reload/wire/decode-error.ts';
import { element, entry, PRIVATE_ARRAY, PRIVATE_DICTIONARY, signed, testStore } from './support.ts';

function dictionary() {
  const { alice, resource, clock } = testStore();
  const kind = PRIVATE_DICTIONARY;
  const elements = ['01', '02', '03'].map((key, i) => {
    const times = { storageTime: 1000 * (i + 1), lifetime: 60 * (i + 1) };
    const data = signed(alice, { resource, kind }, entry(key, `v${i}`, i !== 1), times);
    return packElement(data, alice.certificate, clock.now(), i === 0 ? 77n : undefined);
  });
  return { kind, generation: 9, elements, now: clock.now(), signer: alice.certificate.fingerprint };
}

const atRest = ({ certificate: _, data, ...element }: StoredElement) => ({
  ...element,
  data: Buffer.from(data),
});

test('B18: a record comes back from the disk as it was: times, transaction and signer', (t) => {
  const record = dictionary();
  const { elements, generation } = decodeRecord(record.kind, 'DICTIONARY', encodeRecord(record));
  t.is(generation, 9);
  t.deepEqual(
    elements.map((element) => atRest(element)),
    record.elements.map((element) => atRest(element)),
  );
});

test('the index knows of a record its counter, its first and last end and its newest value', (t) => {
  const record = dictionary();
  const bytes = encodeRecord(record);
  const { summary, signers } = summarize(bytes)!;
  t.deepEqual(summary, {
    generation: 9,
    values: 3,
    size: bytes.length,
    expiresAt: record.now + 60_000,
    expiredAt: record.now + 180_000,
    newest: 3000,
  });
  t.deepEqual(signers, [record.signer, record.signer, record.signer]);
});

test('every strict prefix of a record fails cleanly, and another format is told apart', (t) => {
  const record = dictionary();
  const bytes = encodeRecord(record);
  for (let length = 1; length < bytes.length; length++) {
    const cut = bytes.subarray(0, length);
    t.throws(() => summarize(cut), { instanceOf: DecodeError });
    t.throws(() => decodeRecord(record.kind, 'DICTIONARY', cut), { instanceOf: DecodeError });
  }
  t.is(summarize(Uint8Array.of()), undefined);
  t.is(summarize(Uint8Array.of(1, ...bytes.subarray(1))), undefined);
});

test('B19: array elements stay in the order of their indices', (t) => {
  const { alice, resource, clock } = testStore();
  const at = (index: number) =>
    packElement(
      signed(alice, { resource, kind: PRIVATE_ARRAY }, element(index, 'v')),
      alice.certificate,
      clock.now(),
    );
  const elements = [10, 2, 0].reduce<readonly StoredElement[]>(
    (all, index) => withElement(all, at(index), 'ARRAY'),
    [],
  );
  t.deepEqual(
    elements.map(({ place }) => place),
    ['0', '2', '10'],
  );
});
