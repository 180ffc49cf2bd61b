import test from 'ava';
import { utf8 } from '../../../../src/base/index.ts';
import { HashAlgorithm, NO_SIGNATURE } from '../../../../src/reload/messages/signature.ts';
import { APPEND_INDEX } from '../../../../src/reload/messages/stored-data.ts';
import { Certificate } from '../../../../src/reload/security/certificate.ts';
import { buildSelfSignedCertificate } from '../../../../src/reload/security/certificate-builder.ts';
import { nodeIdOfKey } from '../../../../src/reload/security/node-id.ts';
import { formatNodeUri } from '../../../../src/reload/security/reload-uri.ts';
import {
  findSigner,
  messageSignatureParts,
  Signer,
  verifySignature,
} from '../../../../src/reload/security/signature.ts';
import { signValue, verifyValue } from '../../../../src/reload/security/value-signature.ts';
import { OVERLAY, testOverlay } from './support.ts';

const parts = messageSignatureParts(0x12345678, 0xfedcba9876543210n, utf8('contents'));

for (const [keyType, code] of [
  ['ec', 3],
  ['rsa', 1],
] as const) {
  test(`B9: a message signed with ${keyType} verifies, and nothing else does`, (t) => {
    const { identity, store } = testOverlay();
    const own = identity(keyType);
    const signature = own.signer.sign(parts);
    t.deepEqual(signature.algorithm, { hash: HashAlgorithm.sha256, signature: code });
    t.deepEqual(signature.identity, {
      type: 'certHash',
      hashAlgorithm: HashAlgorithm.sha256,
      certificateHash: own.certificate.fingerprint,
    });
    const signer = store.signer(signature.identity, [identity().certificate.der, own.certificate.der]);
    t.is(signer.nodeId, own.nodeId);
    t.notThrows(() => verifySignature(signature, parts, signer));
    const changed = messageSignatureParts(0x12345678, 0xfedcba9876543211n, utf8('contents'));
    t.throws(() => verifySignature(signature, changed, signer), { code: 'signature-invalid' });
    t.throws(() => verifySignature({ ...signature, value: new Uint8Array(0) }, parts, signer), {
      code: 'signature-invalid',
    });
  });
}

test('B9: with several Node-IDs in the certificate the signature names the one used (cert_hash_node_id)', (t) => {
  const { identity } = testOverlay();
  const own = identity();
  const spki = own.certificate.publicKey.export({ type: 'spki', format: 'der' });
  const nodeIds = [1, 2].map((index) => nodeIdOfKey(spki, 'sha256', index)) as [string, string];
  const { notBefore, notAfter } = own.certificate;
  const der = buildSelfSignedCertificate(
    {
      spki,
      nodeUris: nodeIds.map((nodeId) => formatNodeUri(nodeId, OVERLAY)),
      userName: 'a@b',
      serial: Uint8Array.of(1),
      notBefore,
      notAfter,
    },
    own.privateKey,
  );
  const certificate = Certificate.parse(der);
  const signature = new Signer({ certificate, nodeId: nodeIds[1] }, own.privateKey).sign(parts);
  t.is(signature.identity.type, 'certHashNodeId');
  const signer = findSigner(signature.identity, [own.certificate, certificate]);
  t.is(signer.nodeId, nodeIds[1]);
  t.notThrows(() => verifySignature(signature, parts, signer));
  // §6.3.4: cert_hash would leave open which Node-ID signed.
  const ambiguous = {
    type: 'certHash',
    hashAlgorithm: HashAlgorithm.sha256,
    certificateHash: certificate.fingerprint,
  } as const;
  t.throws(() => findSigner(ambiguous, [certificate]), { code: 'signature-signer-unknown' });
});

test('B9: unknown signers, anonymous signatures and unknown algorithms are told apart', (t) => {
  const { identity, store } = testOverlay();
  const own = identity();
  const signature = own.signer.sign(parts);
  const code = (name: string) => ({ code: name });
  t.throws(() => store.signer(signature.identity, []), code('signature-signer-unknown'));
  t.throws(
    () => store.signer(signature.identity, [identity().certificate.der]),
    code('signature-signer-unknown'),
  );
  t.throws(() => store.signer(NO_SIGNATURE.identity, [own.certificate.der]), code('signature-none'));
  const strange = { type: 'unknown', tag: 9, bytes: new Uint8Array(0) } as const;
  t.throws(() => store.signer(strange, [own.certificate.der]), code('signature-unsupported'));
  for (const algorithm of [
    { hash: 0, signature: 0 },
    { hash: HashAlgorithm.sha1, signature: 3 },
    { hash: HashAlgorithm.sha256, signature: 2 },
  ]) {
    t.throws(
      () => verifySignature({ ...signature, algorithm }, parts, own.signer),
      code('signature-unsupported'),
    );
  }
  const asRsa = { ...signature, algorithm: { hash: HashAlgorithm.sha256, signature: 1 } };
  t.throws(() => verifySignature(asRsa, parts, own.signer), code('signature-invalid'));
});

test('T14: an appended element verifies although its index was rewritten; another index does not', (t) => {
  const { signer } = testOverlay().identity();
  const place = { resource: '0a'.repeat(16), kind: 0x10 };
  const content = { exists: true, value: utf8('certificate') };
  const sign = (index: number) =>
    signValue(signer, place, { storageTime: 1, lifetime: 60, value: { model: 'ARRAY', index, ...content } });
  const at = (data: ReturnType<typeof sign>, index: number) => ({
    ...data,
    value: { model: 'ARRAY', index, ...content } as const,
  });
  t.notThrows(() => verifyValue(place, sign(5), signer));
  t.notThrows(() => verifyValue(place, at(sign(APPEND_INDEX), 7), signer));
  // RFC 6940 §7.4.2.2: "the index value in the array is set to zero before the signature is computed".
  t.notThrows(() => verifyValue(place, at(sign(0), 7), signer));
  t.throws(() => verifyValue(place, at(sign(5), 7), signer), { code: 'signature-invalid' });
});
