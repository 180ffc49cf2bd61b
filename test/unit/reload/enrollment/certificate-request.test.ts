import test from 'ava';
import { CodedError } from '../../../../src/base/index.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { readCertificateRequest } from '../../../../src/reload/enrollment/certificate-request.ts';
import { buildCertificateRequest } from '../../../../src/reload/security/certificate-request-builder.ts';
import { generateKey } from '../../../../src/reload/security/identity.ts';
import { forgeRequest } from '../../../support/enrollment.ts';
import { ByteMutator } from '../../../support/fuzz/byte-mutator.ts';

const ALICE = 'alice@example.org';

for (const type of ['ec', 'rsa'] as const) {
  test(`B32: a request of our own peers is read: key and name (${type})`, (t) => {
    const request = readCertificateRequest(buildCertificateRequest(generateKey(type), ALICE));
    t.deepEqual(request.userNames, [ALICE]);
    t.false(request.hasForeignNames);
  });
}

test('B32: names are found in the subjectAltName and in the subject; anything else is foreign', (t) => {
  t.deepEqual(readCertificateRequest(forgeRequest({ subject: ALICE })).userNames, [ALICE]);
  t.deepEqual(readCertificateRequest(forgeRequest({ subject: 'alice' })).userNames, []);
  t.deepEqual(readCertificateRequest(forgeRequest({ email: [ALICE, 'b@c'] })).userNames, [ALICE, 'b@c']);
  t.true(readCertificateRequest(forgeRequest({ dns: 'www.example.org' })).hasForeignNames);
});

test('B32: every strict prefix of a request is refused, and so is one with bytes behind it', (t) => {
  const der = buildCertificateRequest(generateKey('ec'), ALICE);
  for (let length = 0; length < der.length; length++) {
    t.throws(() => readCertificateRequest(der.subarray(0, length)), { code: 'bad-request' });
  }
  t.throws(() => readCertificateRequest(Buffer.concat([der, Buffer.of(0)])), { code: 'bad-request' });
});

test('B32: no damaged request is taken for the one it was: the signature covers all it says', (t) => {
  const random = new SeededRandom(31);
  const mutator = new ByteMutator(random);
  const der = Buffer.from(buildCertificateRequest(generateKey('ec'), ALICE));
  const { spki } = readCertificateRequest(der);
  let accepted = 0;
  for (let i = 0; i < 3_000; i++) {
    const damaged = mutator.mutate(Buffer.from(der), der);
    try {
      const request = readCertificateRequest(damaged);
      accepted += 1;
      t.deepEqual(request.userNames, [ALICE]);
      t.is(Buffer.compare(request.spki, spki), 0);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
    }
  }
  t.log(`${accepted} of 3000 left as they were`);
});

test('B32: a request signed with another key proves nothing', (t) => {
  const one = Buffer.from(buildCertificateRequest(generateKey('ec'), ALICE));
  const two = Buffer.from(buildCertificateRequest(generateKey('ec'), ALICE));
  const keyAt = (der: Buffer) => der.indexOf(Buffer.from('03420004', 'hex')) + 4;
  two.copy(one, keyAt(one), keyAt(two), keyAt(two) + 64);
  t.throws(() => readCertificateRequest(one), {
    code: 'bad-request',
    message: /not signed with its own key/,
  });
});
