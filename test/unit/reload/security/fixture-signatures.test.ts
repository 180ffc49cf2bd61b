import { readFileSync } from 'node:fs';
import test from 'ava';
import { fromHex, utf8 } from '../../../../src/base/index.ts';
import { builtInKinds } from '../../../../src/reload/document/kinds.ts';
import type { FetchAns } from '../../../../src/reload/messages/fetch.ts';
import { decodeHeader } from '../../../../src/reload/messages/forwarding-header.ts';
import { decodeBody, decodeEnvelope } from '../../../../src/reload/messages/message.ts';
import type { StoreReq } from '../../../../src/reload/messages/store.ts';
import { Certificate } from '../../../../src/reload/security/certificate.ts';
import {
  findSigner,
  messageSignatureParts,
  verifySignature,
} from '../../../../src/reload/security/signature.ts';
import { verifyValue } from '../../../../src/reload/security/value-signature.ts';
import { resourceIdOfBytes } from '../../../../src/reload/wire/ids.ts';

// Requirement B9 on frames of an independent implementation: RSA, a certificate of alice in a shape of its own.
const frames = readFileSync('test/fixtures/reload-frames/messages.hex', 'utf8')
  .trim()
  .split('\n')
  .map((line) => {
    const [hex, name] = line.split(' # ');
    return { name: name!, bytes: fromHex(hex!)! };
  });
const aliceResource = resourceIdOfBytes(utf8('sip:alice@overlay.example.org'));

function open(received: Uint8Array) {
  const bytes = received.slice();
  const header = decodeHeader(bytes);
  const { contents, contentsBytes, security } = decodeEnvelope(bytes, header);
  const certificates = security.certificates.map((der) => Certificate.parse(der));
  const parts = messageSignatureParts(header.overlay, header.transactionId, contentsBytes);
  return { contents, contentsBytes, security, certificates, parts };
}

test('B9: the 49 fixture frames: signer found by cert_hash, message signatures verify', (t) => {
  t.is(frames.length, 49);
  for (const { name, bytes } of frames) {
    const { security, certificates, parts } = open(bytes);
    const signer = findSigner(security.signature.identity, certificates);
    t.is(signer.nodeId, '0123456789abcdef0123456789abcdef', name);
    t.deepEqual(signer.certificate.userNames, ['alice@overlay.example.org']);
    t.notThrows(() => verifySignature(security.signature, parts, signer), name);
  }
});

test('B9: one changed byte in the contents of any fixture frame is noticed', (t) => {
  for (const { name, bytes } of frames) {
    const { security, certificates, parts, contentsBytes } = open(bytes);
    const signer = findSigner(security.signature.identity, certificates);
    contentsBytes[contentsBytes.length - 1]! ^= 1;
    t.throws(() => verifySignature(security.signature, parts, signer), { code: 'signature-invalid' }, name);
  }
});

test('B18 T12: the stored values in the fixture frames are signed without the length octet', (t) => {
  let checked = 0;
  for (const { name, bytes } of frames.filter((frame) => /^StoreReq|^FetchAns/.test(frame.name))) {
    const { contents, certificates } = open(bytes);
    const body = decodeBody(contents, builtInKinds) as StoreReq | FetchAns;
    const [resource, lists] =
      'resource' in body ? [body.resource, body.kindData] : [aliceResource, body.kindResponses];
    for (const { kind, values } of lists) {
      for (const data of values) {
        const signer = findSigner(data.signature.identity, certificates);
        t.notThrows(() => verifyValue({ resource, kind }, data, signer), name);
        t.throws(() => verifyValue({ resource, kind: kind + 1 }, data, signer), {
          code: 'signature-invalid',
        });
        checked += 1;
      }
    }
  }
  t.true(checked >= 6, `${checked} values`);
});
