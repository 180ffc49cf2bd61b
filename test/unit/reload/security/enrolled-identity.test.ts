import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { EnrolledIdentity } from '../../../../src/reload/security/enrolled-identity.ts';
import { identityWith } from '../../../../src/reload/security/key-identity.ts';
import { messageSignatureParts, verifySignature } from '../../../../src/reload/security/signature.ts';
import { withSeveralNodeIds } from '../../../support/several-node-ids.ts';
import { Authority, clock, OVERLAY, selfSigned } from '../document/support.ts';

const authority = new Authority();
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicKey = createPublicKey(privateKey);
const nodeId = '0123456789abcdef0123456789abcdef';
const userName = `gw1@${OVERLAY}`;
const DAY_MS = 86_400_000;

test('B32: a renewed certificate takes the place of the old one, everywhere it is shown', (t) => {
  const first = authority.certify(publicKey, { nodeId, userName });
  const identity = new EnrolledIdentity(privateKey, first);
  t.is(identity.nodeId, nodeId);
  t.is(identity.userName, userName);
  const { tls } = identity;
  t.is(identity.tls, tls, 'the same object while nothing changes: TLS contexts are kept by it');

  const second = authority.certify(publicKey, { nodeId, userName, notAfter: clock.now() + DAY_MS });
  identity.renew(second);
  t.is(identity.certificate, second);
  t.not(identity.tls, tls);
  t.deepEqual(identity.tls.certificates, [second.der]);
  const parts = messageSignatureParts(1, 2n, Buffer.from('x'));
  const signature = identity.signer.sign(parts);
  t.notThrows(() => verifySignature(signature, parts, { certificate: second, nodeId }));
});

test('B32: a certificate for another key, Node-ID or user, or with several Node-IDs, is not taken', (t) => {
  const identity = new EnrolledIdentity(privateKey, authority.certify(publicKey, { nodeId, userName }));
  const { certificate } = identity;
  const refused = { code: 'bad-identity' };
  const stranger = authority.enroll({ nodeId, userName }).certificate;
  t.throws(() => identity.renew(stranger), { ...refused, message: /another key/ });
  const elsewhere = authority.certify(publicKey, { nodeId: nodeId.replace('0', 'f'), userName });
  t.throws(() => identity.renew(elsewhere), { ...refused, message: /Node-ID f123/ });
  const renamed = authority.certify(publicKey, { nodeId, userName: `mallory@${OVERLAY}` });
  t.throws(() => identity.renew(renamed), { ...refused, message: /mallory/ });
  t.is(identity.certificate, certificate);

  const [several] = withSeveralNodeIds(selfSigned(), OVERLAY);
  t.throws(() => new EnrolledIdentity(several!.privateKey, several!.certificate), {
    ...refused,
    message: /2 Node-IDs/,
  });
});

test('T2: a registration certificate is for our key, our Node-ID and that user, or is not taken', (t) => {
  const identity = new EnrolledIdentity(privateKey, authority.certify(publicKey, { nodeId, userName }));
  const alice = `alice@${OVERLAY}`;
  const { der } = authority.certify(publicKey, { nodeId, userName: alice });
  const registration = identityWith(identity, der, alice);
  t.is(registration.userName, alice);
  t.is(registration.nodeId, nodeId);
  t.deepEqual(registration.signer.certificate.der, der);
  for (const wrong of [
    authority.certify(publicKey, { nodeId, userName: `bob@${OVERLAY}` }),
    authority.certify(publicKey, { nodeId: nodeId.replace('0', 'f'), userName: alice }),
    authority.enroll({ nodeId, userName: alice }).certificate,
  ]) {
    t.throws(() => identityWith(identity, wrong.der, alice), { code: 'bad-identity' });
  }
});
