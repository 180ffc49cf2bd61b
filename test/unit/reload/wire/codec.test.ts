import test from 'ava';
import fc from 'fast-check';
import { type Codec, decodeWhole, encodeWhole } from '../../../../src/reload/wire/codec.ts';
import { DecodeError, EncodeError, UnknownKindsError } from '../../../../src/reload/wire/decode-error.ts';
import {
  boolean,
  counter64,
  uint8,
  uint16,
  uint24,
  uint32,
  uint64,
} from '../../../../src/reload/wire/integers.ts';
import { Reader } from '../../../../src/reload/wire/reader.ts';
import {
  fixedHex,
  opaque,
  opaqueHex,
  remainder,
  sized,
  text,
  vector,
} from '../../../../src/reload/wire/sequences.ts';
import { dependent, select, sizedSelect, struct, variant } from '../../../../src/reload/wire/struct.ts';
import { Writer } from '../../../../src/reload/wire/writer.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

const candidate = sizedSelect(1, {
  near: variant(1, { port: uint16 }),
  far: variant(2, { name: text(1), priority: uint32 }),
});

const sample = struct({
  flag: boolean,
  level: uint24,
  id: uint64,
  count: counter64,
  key: fixedHex(4),
  label: opaqueHex(2),
  blob: opaque(4),
  list: vector(2, candidate),
  inner: sized(1, struct({ kind: select({ a: variant(1, {}), b: variant(2, { x: uint8 }) }) })),
  rest: remainder,
});

const hexText = (min: number, max: number) =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((value) => hex(value));

const sampleValues = fc.record({
  flag: fc.boolean(),
  level: fc.nat(0xffffff),
  id: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
  count: fc.maxSafeNat(),
  key: hexText(4, 4),
  label: hexText(0, 40),
  blob: fc.uint8Array({ maxLength: 600 }),
  list: fc.array(
    fc.oneof(
      fc.record({ type: fc.constant('near' as const), port: fc.nat(0xffff) }),
      fc.record({
        type: fc.constant('far' as const),
        name: fc.string({ maxLength: 40 }),
        priority: fc.nat(),
      }),
      fc.record({
        type: fc.constant('unknown' as const),
        tag: fc.integer({ min: 3, max: 255 }),
        bytes: fc.uint8Array({ maxLength: 20 }),
      }),
    ),
    { maxLength: 8 },
  ),
  inner: fc.record({
    kind: fc.oneof(
      fc.record({ type: fc.constant('a' as const) }),
      fc.record({ type: fc.constant('b' as const), x: fc.nat(255) }),
    ),
  }),
  rest: fc.uint8Array({ maxLength: 30 }),
});

/** Buffers and plain arrays of the same bytes are one and the same on the wire. */
const plain = (value: unknown) =>
  JSON.stringify(value, (_key, inner) => {
    if (typeof inner === 'bigint') return `${inner}n`;
    if (inner?.type === 'Buffer') return hex(Buffer.from(inner.data));
    return inner instanceof Uint8Array ? hex(inner) : inner;
  });

test('every value survives encoding and decoding', (t) => {
  const property = fc.property(sampleValues, (value) => {
    const encoded = encodeWhole(sample, value);
    const decoded = decodeWhole(sample, encoded);
    return plain(decoded) === plain(value) && hex(encodeWhole(sample, decoded)) === hex(encoded);
  });
  t.notThrows(() => fc.assert(property));
});

test('each strict prefix of a structure without a remainder fails with a DecodeError', (t) => {
  const closed = struct({ a: uint8, list: vector(2, candidate), inner: sized(1, struct({ b: uint16 })) });
  const encoded = encodeWhole(closed, {
    a: 1,
    list: [
      { type: 'near', port: 5 },
      { type: 'far', name: 'x', priority: 9 },
    ],
    inner: { b: 7 },
  });
  for (let length = 0; length < encoded.length; length++) {
    t.throws(() => decodeWhole(closed, encoded.subarray(0, length)), { instanceOf: DecodeError });
  }
  t.throws(() => decodeWhole(closed, Buffer.concat([encoded, Buffer.alloc(1)])), { code: 'trailing-bytes' });
});

test('arbitrary bytes never do worse than a DecodeError', (t) => {
  const property = fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
    try {
      decodeWhole(sample, input);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  });
  t.notThrows(() => fc.assert(property, { numRuns: 1000 }));
});

test('a DecodeError names the field, the offset and the kind of fault', (t) => {
  const outer = struct({ list: vector(2, struct({ id: uint8, ok: boolean })) });
  const error = t.throws(() => decodeWhole(outer, bytes('0004 01 01 02 07')), { instanceOf: DecodeError });
  t.is(error?.field, 'list.1.ok');
  t.is(error?.offset, 6);
  t.is(error?.code, 'bad-value');
  t.is(error?.origin, 'remote');
  t.is(error?.message, 'list.1.ok at byte 6: a Boolean of 7');
});

test('§6.3.1.1: lengths count bytes in as few bytes as the range needs', (t) => {
  t.is(hex(encodeWhole(opaqueHex(1), '464f4f')), '03464f4f');
  t.is(hex(encodeWhole(vector(2, uint16), [1, 2])), '000400010002');
  t.is(hex(encodeWhole(text(3), 'é')), '000002c3a9');
});

test('what does not fit its field cannot be encoded', (t) => {
  const refused = <T>(codec: Codec<T>, value: T) =>
    t.throws(() => encodeWhole(codec, value), { instanceOf: EncodeError });
  refused(uint8, 256);
  refused(uint16, -1);
  refused(uint32, 1.5);
  refused(uint32, 0x1_0000_0000);
  refused(uint64, 0x1_0000_0000_0000_0000n);
  refused(counter64, Number.MAX_SAFE_INTEGER + 1);
  refused(opaque(1), new Uint8Array(256));
  refused(fixedHex(16), '00');
  refused(opaqueHex(1), 'xyz0');
  refused(opaqueHex(1), '123');
});

test('counters over 2^53-1 are refused', (t) => {
  t.is(decodeWhole(counter64, bytes('001fffffffffffff')), Number.MAX_SAFE_INTEGER);
  t.throws(() => decodeWhole(counter64, bytes('0020000000000000')), { code: 'bad-value' });
});

test('lists are bounded and their elements must have a size', (t) => {
  const long = encodeWhole(vector(4, uint8), Array(4096).fill(0));
  t.is(decodeWhole(vector(4, uint8), long).length, 4096);
  t.throws(() => decodeWhole(vector(4, uint8), encodeWhole(opaque(4), new Uint8Array(4097))), {
    code: 'too-many',
  });
  t.throws(() => decodeWhole(vector(1, struct({})), bytes('01 00')), { code: 'bad-value' });
});

test('an unknown case of a select is an error, of one with a length it is kept', (t) => {
  const strict = select({ a: variant(1, {}) });
  t.throws(() => decodeWhole(strict, bytes('02')), { code: 'unknown-type' });
  const unknown = decodeWhole(candidate, bytes('09 02 abcd'));
  t.like(unknown, { type: 'unknown', tag: 9 });
  t.is(hex(encodeWhole(candidate, unknown)), '0902abcd');
});

test('later fields may depend on earlier ones and on the kind table', (t) => {
  const codec = dependent(struct({ kind: uint8 }), {
    decoder: ({ kind }, kinds) => ({
      decode(reader) {
        if (!kinds.has(kind)) reader.noteUnknownKind(kind);
        return { value: reader.uint(kind === 1 ? 1 : 2) };
      },
    }),
    encoder: { encode: (writer, { value }: { value: number }) => writer.uint(2, value) },
  });
  const kinds = new Map([
    [1, { id: 1, name: 'ONE', dataModel: 'SINGLE', accessControl: 'USER-MATCH', maxCount: 1, maxSize: 1 }],
  ] as const);
  t.deepEqual(decodeWhole(codec, bytes('01 05'), kinds), { kind: 1, value: 5 });
  const both = vector(1, codec);
  const error = t.throws(() => decodeWhole(both, bytes('08 020005 0105 030006'), kinds), {
    instanceOf: UnknownKindsError,
  });
  t.deepEqual(error?.kinds, [2, 3]);
});

test('byte strings are views of the received buffer', (t) => {
  const input = bytes('03 010203');
  const value = decodeWhole(opaque(1), input);
  t.is(value.buffer, input.buffer);
});

test('a writer grows, a reader stays inside its bounds', (t) => {
  const writer = new Writer();
  for (let i = 0; i < 2000; i++) writer.uint(4, i);
  const reader = new Reader(writer.finish(), undefined, 0, 7996);
  for (let i = 0; i < 1999; i++) t.is(reader.uint(4), i);
  t.throws(() => reader.uint(1), { code: 'truncated' });
});
