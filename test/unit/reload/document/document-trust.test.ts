import test from 'ava';
import { trustOfDocument } from '../../../../src/reload/document/document-trust.ts';
import type { OverlayDocument } from '../../../../src/reload/document/overlay-document.ts';
import type { Identity } from '../../../../src/reload/security/identity.ts';
import { Authority, clock, documentWith, OVERLAY, selfSigned } from './support.ts';

const authority = new Authority();
const rooted = documentWith({ rootCertificates: [authority.root], selfSignedPermitted: undefined });

function check(document: OverlayDocument, { certificate }: Identity): () => void {
  return () => trustOfDocument({ clock }, document).check(certificate);
}

test('B31: with root-cert, certificates that chain to it are trusted and no others', (t) => {
  t.notThrows(check(rooted, authority.enroll()));
  t.throws(check(rooted, selfSigned()), { code: 'certificate-untrusted' });
  // The same name, another key.
  t.throws(check(rooted, new Authority().enroll()), { code: 'certificate-untrusted' });
  t.throws(check(rooted, new Authority('Another root').enroll()), { code: 'certificate-untrusted' });
  t.throws(check(rooted, authority.enroll({ overlay: 'other.example.org' })), {
    code: 'certificate-foreign',
  });
});

test('B31: several root-certs, and self-signed certificates beside them', (t) => {
  const other = new Authority('Another root');
  const two = { ...rooted, rootCertificates: [authority.root, other.root] };
  t.notThrows(check(two, authority.enroll()));
  t.notThrows(check(two, other.enroll()));
  const both = documentWith({ rootCertificates: [authority.root] });
  t.notThrows(check(both, authority.enroll()));
  t.notThrows(check(both, selfSigned()));
});

test('B31: the digest of self-signed-permitted decides, sha1 and sha256', (t) => {
  const sha1 = documentWith({ selfSignedPermitted: { digest: 'sha1' } });
  t.throws(check(sha1, selfSigned()), { code: 'certificate-node-id-mismatch' });
  t.notThrows(check(documentWith(), selfSigned()));
});

test('B31: the certificate of a bad-node is never valid', (t) => {
  const enrolled = authority.enroll();
  const own = selfSigned();
  const badNodes = new Set([enrolled.nodeId, own.nodeId]);
  t.throws(check({ ...rooted, badNodes }, enrolled), { code: 'certificate-revoked', message: /bad-node/ });
  t.throws(check(documentWith({ badNodes }), own), { code: 'certificate-revoked', message: /bad-node/ });
  t.notThrows(check({ ...rooted, badNodes }, authority.enroll()));
});

test('T16: certificates of a revoked user are invalid if they were issued before that time', (t) => {
  const userName = `alice@${OVERLAY}`;
  const since = clock.now() - 3_600_000;
  const document = { ...rooted, revokedUsers: new Map([[userName, since]]) };
  t.throws(check(document, authority.enroll({ userName, notBefore: since - 1000 })), {
    code: 'certificate-revoked',
    message: /alice/,
  });
  t.notThrows(check(document, authority.enroll({ userName, notBefore: since })));
  t.notThrows(check(document, authority.enroll({ userName: `bob@${OVERLAY}`, notBefore: since - 1000 })));
});
