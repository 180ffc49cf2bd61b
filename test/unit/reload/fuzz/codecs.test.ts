import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { CodedError } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { builtInKinds } from '../../../../src/reload/document/kinds.ts';
import { chordLeaveData, chordRouteQueryAns, chordUpdate } from '../../../../src/reload/messages/chord.ts';
import { errorResponse, unknownKindsInfo } from '../../../../src/reload/messages/error-response.ts';
import { decodeHeader, encodeWithHeader } from '../../../../src/reload/messages/forwarding-header.ts';
import { decodeEnvelope, decodeMessage } from '../../../../src/reload/messages/message.ts';
import { methods } from '../../../../src/reload/messages/methods.ts';
import { Certificate } from '../../../../src/reload/security/certificate.ts';
import { parseCertificateFields } from '../../../../src/reload/security/certificate-fields.ts';
import { decodeRecord, encodeAtRest } from '../../../../src/reload/storage/kind-record.ts';
import { paramsOfContactPrefs } from '../../../../src/reload/usages/sip/contact-prefs.ts';
import { sipPeerAddress } from '../../../../src/reload/usages/sip/peer-address.ts';
import { sipRegistration } from '../../../../src/reload/usages/sip/sip-registration.ts';
import { type Decoder, decodeWhole } from '../../../../src/reload/wire/codec.ts';
import { DecodeError } from '../../../../src/reload/wire/decode-error.ts';
import { Writer } from '../../../../src/reload/wire/writer.ts';
import { ByteMutator } from '../../../support/fuzz/byte-mutator.ts';
import { decodedSize } from '../../../support/fuzz/decoded-size.ts';
import { methodBodies } from '../../../support/message-bodies.ts';
import { frameKinds, frames } from '../../../support/reload-frames.ts';

const SEED = Number(process.env.FUZZ_SEED ?? 20_261_124);
const ROUNDS = 300;

/** No honest structure takes more than this many characters, objects and entries for a byte it came in. */
const UNITS_PER_BYTE = 32;

/** What no decoding of one message may take, ms; the slowest take a few. */
const SLOWEST_MS = 1_000;

/** Decodes; what is wrong with the bytes must be a DecodeError, and what comes out in proportion to them. */
function check(t: ExecutionContext, bytes: Uint8Array, decode: (bytes: Uint8Array) => unknown): boolean {
  const began = performance.now();
  try {
    const size = decodedSize(decode(bytes), bytes);
    if (size > UNITS_PER_BYTE * (bytes.length + 8)) t.fail(`${size} units out of ${bytes.length} bytes`);
    return true;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    if (error.offset > bytes.length) t.fail(`an offset of ${error.offset} in ${bytes.length} bytes`);
    return false;
  } finally {
    const took = performance.now() - began;
    if (took > SLOWEST_MS) t.fail(`${took} ms for ${bytes.length} bytes`);
  }
}

for (const [index, { name, bytes }] of frames.entries()) {
  test(`frame ${name}: ${ROUNDS} mutations do no worse than a DecodeError`, (t) => {
    const mutator = new ByteMutator(new SeededRandom(SEED + index));
    let decoded = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const mutated = mutator.mutate(bytes, mutator.pick(frames).bytes);
      check(t, mutated, decodeHeader);
      if (check(t, mutated, (whole) => decodeMessage(whole, { kinds: frameKinds }))) decoded++;
    }
    t.true(decoded > 0 && decoded < ROUNDS, `seed ${SEED + index}: ${decoded} decode`);
  });
}

const bodies: readonly [string, Decoder<unknown>][] = [
  ...methods.flatMap(({ name, request, answer }): [string, Decoder<unknown>][] => [
    [`${name} request`, request],
    [`${name} answer`, answer],
  ]),
  ['error', errorResponse],
  ['unknown Kinds', unknownKindsInfo],
  ['chord update', chordUpdate],
  ['chord route query', chordRouteQueryAns],
  ['chord leave', chordLeaveData],
  ['SIP-REGISTRATION', sipRegistration],
  ['SIP-PEER-ADDRESS', sipPeerAddress],
];

const contents = frames.map(({ bytes }) => decodeEnvelope(bytes, decodeHeader(bytes)).contents.body);

for (const [index, [name, codec]] of bodies.entries()) {
  test(`${name}: any body in its place does no worse than a DecodeError`, (t) => {
    const mutator = new ByteMutator(new SeededRandom(SEED + 1_000 + index));
    const decode = (bytes: Uint8Array) => decodeWhole(codec, bytes, builtInKinds);
    for (const body of contents) {
      check(t, body, decode);
      for (let round = 0; round < ROUNDS / 10; round++) {
        check(t, mutator.mutate(body, mutator.pick(contents)), decode);
      }
    }
    t.pass();
  });
}

for (const { method, requests, answers } of methodBodies) {
  test(`${method.name}: honest bodies with a byte changed do no worse than a DecodeError`, (t) => {
    const encoded = (codec: typeof method.request, values: fc.Arbitrary<unknown>) =>
      values.map((value) => {
        const writer = new Writer();
        codec.encode(writer, value);
        return { codec, bytes: Buffer.from(writer.finish()) };
      });
    const property = fc.property(
      fc.oneof(encoded(method.request, requests), encoded(method.answer, answers)),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      ({ codec, bytes }, changes) => {
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        check(t, bytes, (mutated) => decodeWhole(codec, mutated, builtInKinds));
      },
    );
    t.notThrows(() => fc.assert(property, { seed: SEED, numRuns: 200 }));
  });
}

test('the largest messages full of the smallest elements decode in proportion', (t) => {
  const fill = (unit: string, length: number) => Buffer.from(unit.repeat(length / (unit.length / 2)), 'hex');
  const units = [
    '00',
    '01',
    '0100',
    '010100',
    '0001',
    '000000',
    '01020000',
    '0000000100000000000000',
    'ff',
    '8000',
  ];
  for (const unit of units) {
    const body = fill(unit, 60_000);
    for (const [, codec] of bodies) {
      check(t, body, (bytes) => decodeWhole(codec, bytes, builtInKinds));
      for (const size of [1, 2, 3, 4] as const) {
        const writer = new Writer();
        const at = writer.beginLength(size);
        writer.bytes(size === 1 ? body.subarray(0, 255) : body);
        writer.endLength(size, at);
        check(t, writer.finish(), (bytes) => decodeWhole(codec, bytes, builtInKinds));
      }
    }
    const whole = frames[0]!.bytes;
    const header = decodeHeader(whole);
    check(t, encodeWithHeader(header, body), (bytes) => decodeMessage(bytes, { kinds: frameKinds }));
  }
  t.pass();
});

test('certificates: mutations are malformed or read, never anything else', (t) => {
  const mutator = new ByteMutator(new SeededRandom(SEED + 2_000));
  const certificates = frames.map(
    ({ bytes }) => decodeEnvelope(bytes, decodeHeader(bytes)).security.certificates[0]!,
  );
  let read = 0;
  for (let round = 0; round < 5_000; round++) {
    const mutated = mutator.mutate(mutator.pick(certificates), mutator.pick(certificates));
    const allowed = (work: () => void) => {
      try {
        work();
        read++;
      } catch (error) {
        if (!(error instanceof CodedError) || error.code !== 'certificate-malformed') throw error;
      }
    };
    allowed(() => decodedSize(parseCertificateFields(mutated), mutated));
    if (round % 10 === 0) allowed(() => Certificate.parse(mutated));
  }
  t.true(read > 100, `${read}`);
});

test('records on the disk: damage is a DecodeError, whatever it is', (t) => {
  const mutator = new ByteMutator(new SeededRandom(SEED + 3_000));
  const records = contents.map((data) => {
    const element = { expiresAt: 1, transactionId: 5n, signer: 'ab'.repeat(32), data };
    return encodeAtRest({ generation: 1, elements: [element, element] });
  });
  for (let round = 0; round < 5_000; round++) {
    const mutated = mutator.mutate(mutator.pick(records), mutator.pick(records));
    for (const { id, dataModel } of builtInKinds.values()) {
      try {
        decodeRecord(id, dataModel, mutated);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }
  }
  t.pass();
});

test('contact predicates: any text is read or refused, in linear time', (t) => {
  const pieces = fc.constantFrom(
    '(',
    ')',
    '&',
    '|',
    '!',
    '=',
    '"',
    '<',
    '>',
    '..',
    'sip.audio',
    'TRUE',
    ' ',
    '#',
    '1/10',
  );
  const texts = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc.array(pieces, { maxLength: 400 }).map((parts) => parts.join('')),
    fc.tuple(pieces, fc.integer({ min: 1, max: 5_000 })).map(([piece, times]) => piece.repeat(times)),
  );
  const property = fc.property(texts, (text) => {
    const began = performance.now();
    try {
      paramsOfContactPrefs(text);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
    }
    return performance.now() - began < SLOWEST_MS;
  });
  t.notThrows(() => fc.assert(property, { seed: SEED, numRuns: 2_000 }));
});
