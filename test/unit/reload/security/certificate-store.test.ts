import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import { buildSelfSignedCertificate } from '../../../../src/reload/security/certificate-builder.ts';
import { CertificateStore, CertificateTimeError } from '../../../../src/reload/security/certificate-store.ts';
import { type NodeIdDigest, nodeIdOfKey } from '../../../../src/reload/security/node-id.ts';
import { formatNodeUri } from '../../../../src/reload/security/reload-uri.ts';
import { SelfSignedTrust } from '../../../../src/reload/security/trust-policy.ts';
import { OVERLAY, testOverlay } from './support.ts';

const HOUR_MS = 3_600_000;

/** A certificate made by hand, so that each of its statements can be wrong. */
function handMade(options: { nodeUris?: (spki: Uint8Array) => string[]; signedByOther?: boolean } = {}) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const now = new VirtualClock().now();
  const { nodeUris = (bytes) => [formatNodeUri(nodeIdOfKey(bytes, 'sha256'), OVERLAY)] } = options;
  return buildSelfSignedCertificate(
    {
      spki,
      nodeUris: nodeUris(spki),
      userName: 'alice@example.org',
      serial: Uint8Array.of(1),
      notBefore: now,
      notAfter: now + HOUR_MS,
    },
    options.signedByOther ? other : privateKey,
  );
}

test('A3: a Node-ID that is not the digest of the key is refused', (t) => {
  const { store } = testOverlay();
  const stolen = handMade({ nodeUris: () => [formatNodeUri('01'.repeat(16), OVERLAY)] });
  t.throws(() => store.verify(stolen), { code: 'certificate-node-id-mismatch' });
  t.is(store.parse(stolen).nodeIds[0], '01'.repeat(16));
});

test('A3: a certificate that another key signed is refused', (t) => {
  const { store } = testOverlay();
  t.throws(() => store.verify(handMade({ signedByOther: true })), { code: 'certificate-untrusted' });
  t.notThrows(() => store.verify(handMade()));
});

test('a certificate for another overlay is foreign', (t) => {
  const { store, identity } = testOverlay();
  t.throws(() => store.verify(identity('ec', 'other.test').certificate.der), { code: 'certificate-foreign' });
});

for (const digest of ['sha1', 'sha256'] as const satisfies readonly NodeIdDigest[]) {
  test(`B31: Node-IDs by ${digest}; several of them carry their index in front of the key`, (t) => {
    const { clock } = testOverlay();
    const trust = new SelfSignedTrust({ overlay: OVERLAY, digest, admission: { kind: 'open' } });
    const store = new CertificateStore({ clock, trust });
    const idOf = (spki: Uint8Array, index?: number) =>
      formatNodeUri(nodeIdOfKey(spki, digest, index), OVERLAY);
    t.notThrows(() => store.verify(handMade({ nodeUris: (spki) => [idOf(spki)] })));
    const two = store.verify(handMade({ nodeUris: (spki) => [idOf(spki, 1), idOf(spki, 2)] }));
    t.is(two.nodeIds.length, 2);
    t.throws(() => store.verify(handMade({ nodeUris: (spki) => [idOf(spki, 1)] })), {
      code: 'certificate-node-id-mismatch',
    });
  });
}

test('T11: the bare Node-ID in the URI is accepted too', (t) => {
  const { store } = testOverlay();
  const bare = handMade({
    nodeUris: (spki) => [`RELOAD://${nodeIdOfKey(spki, 'sha256').toUpperCase()}@${OVERLAY}`],
  });
  t.is(store.verify(bare).nodeIds.length, 1);
});

test('an expired or future certificate is refused with the clock offset, also when it is cached', async (t) => {
  const { store, clock } = testOverlay();
  const der = handMade();
  t.notThrows(() => store.verify(der));
  await clock.advance(HOUR_MS + 5_000);
  const expired = t.throws(() => store.verify(der), { instanceOf: CertificateTimeError });
  t.is(expired?.code, 'certificate-expired');
  t.is(expired?.clockOffsetMs, -5_000);
  t.regex(expired?.message ?? '', /5 s after that: check the clocks/);

  const past = new VirtualClock({ startMs: Date.UTC(2025, 11, 31, 23) });
  const early = new CertificateStore({ clock: past, trust: testOverlay().trust });
  const future = t.throws(() => early.verify(der), { instanceOf: CertificateTimeError });
  t.is(future?.code, 'certificate-not-yet-valid');
  t.is(future?.clockOffsetMs, HOUR_MS);
});

test('a fresh identity is accepted by a peer whose clock is 23 hours behind', (t) => {
  const { identity, clock, trust } = testOverlay();
  const behind = new VirtualClock({ startMs: clock.now() - 23 * HOUR_MS });
  t.notThrows(() => new CertificateStore({ clock: behind, trust }).verify(identity().certificate.der));
});

test('an allow list admits its Node-IDs and nobody else; bad-node is never valid (B31)', (t) => {
  const { identity, clock } = testOverlay();
  const [friend, stranger] = [identity(), identity()];
  const allow = { kind: 'allow', nodeIds: new Set([friend.nodeId]) } as const;
  const closed = testOverlay({ admission: allow }).store;
  t.notThrows(() => closed.verify(friend.certificate.der));
  t.notThrows(() => closed.verify(friend.registration('bob@example.org').certificate.der));
  t.throws(() => closed.verify(stranger.certificate.der), { code: 'certificate-not-allowed' });

  const badNodes = new Set([stranger.nodeId]);
  const trust = new SelfSignedTrust({
    overlay: OVERLAY,
    digest: 'sha256',
    admission: { kind: 'open' },
    badNodes,
  });
  const store = new CertificateStore({ clock, trust });
  t.throws(() => store.verify(stranger.certificate.der), { code: 'certificate-not-allowed' });
});

test('the trust policy is asked once for each certificate, and the cache is bounded', (t) => {
  const { clock, identity } = testOverlay();
  let asked = 0;
  const trust = { check: () => void asked++ };
  const store = new CertificateStore({ clock, trust }, { capacity: 2 });
  const [a, b, c] = [identity(), identity(), identity()].map((own) => own.certificate.der) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  for (const der of [a, b, a, b]) store.verify(der);
  t.is(asked, 2);
  store.verify(c);
  store.verify(b);
  t.is(asked, 3);
  store.verify(a);
  t.is(asked, 4);
});

test('every strict prefix of a certificate is malformed, and so is every kind of rubbish', (t) => {
  const { store, identity } = testOverlay();
  const { der } = identity().certificate;
  for (let length = 0; length < der.length; length++) {
    t.throws(() => store.parse(der.subarray(0, length)), { code: 'certificate-malformed' });
  }
  t.throws(() => store.parse(new Uint8Array([...der, 0])), { code: 'certificate-malformed' });
  t.throws(() => store.parse(new Uint8Array(20_000)), { code: 'certificate-malformed' });
});

test('changing any byte of a certificate never makes another trusted one', (t) => {
  const { store, identity } = testOverlay();
  const { der } = identity().certificate;
  for (let at = 0; at < der.length; at++) {
    const changed = der.slice();
    changed[at]! ^= 0x01;
    t.throws(() => store.verify(changed), { instanceOf: Error });
  }
});

test('two user names or none: at most one is allowed (RFC 6940 §11.3)', (t) => {
  const { store } = testOverlay();
  // The builder writes one name; an rfc822Name in the URI list of the template is not possible, so patch the tag.
  const two = handMade({
    nodeUris: (spki) => [formatNodeUri(nodeIdOfKey(spki, 'sha256'), OVERLAY), 'bob@example.org'],
  });
  const at = Buffer.from(two).indexOf('bob@example.org') - 2;
  two[at] = 0x81;
  t.throws(() => store.parse(two), { code: 'certificate-malformed', message: /more than one user name/ });
});

test('keys that are too weak or of another sort are refused', (t) => {
  const { store, identity } = testOverlay();
  const own = identity();
  const weak = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  const template = {
    nodeUris: [formatNodeUri(own.nodeId, OVERLAY)],
    userName: 'a@b',
    serial: Uint8Array.of(1),
    notBefore: 0,
    notAfter: 1,
  };
  const spki = weak.publicKey.export({ type: 'spki', format: 'der' });
  const der = buildSelfSignedCertificate(
    { ...template, spki },
    createPrivateKey(weak.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  );
  t.throws(() => store.parse(der), { code: 'certificate-malformed' });
});
