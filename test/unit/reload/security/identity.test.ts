import { createHash, X509Certificate } from 'node:crypto';
import test from 'ava';
import { CodedError } from '../../../../src/base/index.ts';
import { loadSelfSignedIdentity, saveIdentity } from '../../../../src/reload/security/identity.ts';
import { OVERLAY, testOverlay } from './support.ts';

const DAY_MS = 86_400_000;

for (const keyType of ['ec', 'rsa'] as const) {
  test(`A3 B32: a self-signed ${keyType} identity has the digest of its key as Node-ID and only the two names`, (t) => {
    const { identity, clock } = testOverlay();
    const own = identity(keyType);
    const spki = own.certificate.publicKey.export({ type: 'spki', format: 'der' });
    t.is(own.nodeId, createHash('sha256').update(spki).digest('hex').slice(0, 32));
    // T11: the hex destination list form of RFC 6940 §14.15.
    const seen = new X509Certificate(own.certificate.der);
    t.is(seen.subjectAltName, `URI:reload://0110${own.nodeId}@${OVERLAY}/, email:${own.nodeId}@${OVERLAY}`);
    t.falsy(seen.subject);
    t.true(seen.verify(seen.publicKey));
    t.is(own.certificate.notBefore, clock.now() - DAY_MS);
  });

  test(`T2: the registration identity of an AoR (${keyType}) has the peer's key and Node-ID and the AoR as user`, (t) => {
    const { identity, store } = testOverlay();
    const own = identity(keyType);
    const alice = own.registration('alice@example.org');
    t.is(alice.nodeId, own.nodeId);
    t.is(alice.userName, 'alice@example.org');
    t.true(alice.certificate.publicKey.equals(own.certificate.publicKey));
    t.deepEqual(store.verify(alice.certificate.der).userNames, ['alice@example.org']);
    t.not(alice.certificate.fingerprint, own.certificate.fingerprint);
  });
}

test('T2: an AoR that cannot stand in an rfc822Name is refused', (t) => {
  const own = testOverlay().identity();
  for (const aor of [
    '',
    'jürgen@example.org',
    'a b@example.org',
    'a\0@example.org',
    `${'a'.repeat(255)}@b`,
  ]) {
    t.throws(() => own.registration(aor), { code: 'bad-user-name' }, aor);
  }
});

test('an identity survives saving and loading as PEM', (t) => {
  const { identity, clock, random } = testOverlay();
  const own = identity();
  const loaded = loadSelfSignedIdentity({ clock, random }, saveIdentity(own), { overlay: OVERLAY });
  t.is(loaded.nodeId, own.nodeId);
  t.is(loaded.certificate.fingerprint, own.certificate.fingerprint);
});

test('loading replaces a certificate that ran out or is for another overlay, and keeps key and Node-ID', async (t) => {
  const { identity, clock, random } = testOverlay();
  const own = identity();
  const moved = loadSelfSignedIdentity({ clock, random }, saveIdentity(own), { overlay: 'other.test' });
  t.is(moved.nodeId, own.nodeId);
  t.is(moved.certificate.nodes[0]?.overlay, 'other.test');
  await clock.advance(3650 * DAY_MS);
  const renewed = loadSelfSignedIdentity({ clock, random }, saveIdentity(own), { overlay: OVERLAY });
  t.is(renewed.nodeId, own.nodeId);
  t.true(renewed.certificate.notAfter > clock.now());
});

test('loading refuses damaged texts and a certificate of another key', (t) => {
  const { identity, clock, random } = testOverlay();
  const own = saveIdentity(identity());
  const other = saveIdentity(identity());
  for (const pem of [
    { ...own, privateKey: 'nonsense' },
    { ...own, certificate: 'nonsense' },
    { ...own, certificate: other.certificate },
  ]) {
    const error = t.throws(() => loadSelfSignedIdentity({ clock, random }, pem, { overlay: OVERLAY }));
    t.is(error instanceof CodedError && error.code, 'bad-identity');
  }
});
