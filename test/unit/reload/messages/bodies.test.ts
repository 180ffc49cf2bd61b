import test from 'ava';
import fc from 'fast-check';
import { builtInKinds } from '../../../../src/reload/document/kinds.ts';
import { ErrorCode, errorName } from '../../../../src/reload/messages/error-response.ts';
import { isRequestCode } from '../../../../src/reload/messages/method.ts';
import { messageName, methodOfCode, methods } from '../../../../src/reload/messages/methods.ts';
import { type Codec, decodeWhole, encodeWhole } from '../../../../src/reload/wire/codec.ts';
import { DecodeError } from '../../../../src/reload/wire/decode-error.ts';
import { noKinds } from '../../../../src/reload/wire/kind-table.ts';
import { methodBodies } from '../../../support/message-bodies.ts';

for (const { method, requests, answers } of methodBodies) {
  const directions: readonly [string, Codec<unknown>, fc.Arbitrary<unknown>][] = [
    ['request', method.request, requests],
    ['answer', method.answer, answers],
  ];
  for (const [direction, codec, values] of directions) {
    test(`${method.name} ${direction}: values survive encoding and decoding`, (t) => {
      const property = fc.property(values, (value) => {
        const bytes = encodeWhole(codec, value);
        const decoded = decodeWhole(codec, bytes, builtInKinds);
        t.deepEqual(plain(decoded), plain(value));
        t.deepEqual(encodeWhole(codec, decoded), bytes);
      });
      t.notThrows(() => fc.assert(property, { numRuns: 50 }));
    });

    test(`${method.name} ${direction}: a strict prefix fails cleanly or is another whole value`, (t) => {
      for (const value of fc.sample(values, 5)) {
        const bytes = encodeWhole(codec, value);
        t.notThrows(() => decodeWhole(codec, bytes, builtInKinds));
        for (let length = 0; length < bytes.length; length++) {
          const prefix = bytes.subarray(0, length);
          try {
            // Bodies that a topology plug-in fills to the end have no length of their own.
            t.deepEqual(encodeWhole(codec, decodeWhole(codec, prefix, builtInKinds)), prefix);
          } catch (error) {
            t.true(error instanceof DecodeError);
          }
        }
      }
    });

    test(`${method.name} ${direction}: arbitrary bytes never do worse than a DecodeError`, (t) => {
      const property = fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        try {
          decodeWhole(codec, bytes, builtInKinds);
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error;
        }
      });
      t.notThrows(() => fc.assert(property, { numRuns: 200 }));
    });
  }
}

test('the kind table is an argument: without it stored data is of unknown Kinds', (t) => {
  const store = methodBodies.find(({ method }) => method.name === 'store')!;
  for (const value of fc.sample(store.requests, 5)) {
    const bytes = encodeWhole(store.method.request, value);
    t.throws(() => decodeWhole(store.method.request, bytes, noKinds), { code: 'unknown-kind' });
  }
});

test('B34: the message codes of RFC 6940 §14.8', (t) => {
  t.deepEqual(Object.fromEntries(methods.map(({ name, requestCode }) => [name, requestCode])), {
    probe: 0x1,
    attach: 0x3,
    store: 0x7,
    fetch: 0x9,
    find: 0xd,
    join: 0xf,
    leave: 0x11,
    update: 0x13,
    route_query: 0x15,
    ping: 0x17,
    stat: 0x19,
    app_attach: 0x1d,
    config_update: 0x21,
  });
  for (const method of methods) {
    t.is(method.answerCode, method.requestCode + 1);
    t.is(methodOfCode(method.answerCode)?.name, method.name);
    t.true(isRequestCode(method.requestCode));
    t.false(isRequestCode(method.answerCode));
  }
  t.is(messageName(0x7), 'store_req');
  t.is(messageName(0x8), 'store_ans');
  t.is(messageName(0x1001), '0x1001');
  t.false(isRequestCode(0xffff));
});

test('B8: the error codes of RFC 6940 §14.9', (t) => {
  t.deepEqual(
    Object.values(ErrorCode),
    Array.from({ length: 19 }, (_, i) => i + 2),
  );
  t.is(errorName(0x3), 'Error_Not_Found');
  t.is(errorName(0x14), 'Error_Invalid_Message');
  t.is(errorName(0x99), 'Error_0x99');
});

/** A copy in which byte strings are hex, so that Buffers and Uint8Arrays compare by content. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
