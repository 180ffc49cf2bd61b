import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import test from 'ava';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import {
  buildIssuingCertificate,
  buildRootCertificate,
  keyIdOf,
} from '../../../../src/reload/security/authority-certificates.ts';
import { Certificate } from '../../../../src/reload/security/certificate.ts';
import { issuedBy } from '../../../../src/reload/security/certificate-builder.ts';
import { ChainTrust } from '../../../../src/reload/security/chain-trust.ts';
import { formatNodeUri } from '../../../../src/reload/security/reload-uri.ts';

const clock = new VirtualClock();
const random = new SeededRandom(3);
const OVERLAY = 'example.org';

function newKey(type: 'ec' | 'rsa') {
  const { privateKey, publicKey } =
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { privateKey, spki: publicKey.export({ type: 'spki', format: 'der' }) };
}

const validity = () => ({
  serial: random.bytes(8),
  notBefore: clock.now() - 1000,
  notAfter: clock.now() + 86_400_000,
});

for (const type of ['ec', 'rsa'] as const) {
  test(`B32: root, issuing authority and node form a chain that node:crypto and our peers accept (${type})`, (t) => {
    const [root, issuer, node] = [newKey(type), newKey(type), newKey(type)];
    const rootIssuer = { name: 'Root', keyId: keyIdOf(root.spki) };
    const rootDer = buildRootCertificate({ name: 'Root', spki: root.spki, ...validity() }, root.privateKey);
    const template = { name: 'Issuer', spki: issuer.spki, ...validity() };
    const issuerDer = buildIssuingCertificate(template, rootIssuer, root.privateKey);
    const der = issuedBy({ name: 'Issuer', keyId: keyIdOf(issuer.spki) })(
      {
        spki: node.spki,
        nodeUris: [formatNodeUri('ab'.repeat(16), OVERLAY)],
        userName: `alice@${OVERLAY}`,
        ...validity(),
      },
      issuer.privateKey,
    );
    const [rootX509, issuerX509, leaf] = [rootDer, issuerDer, der].map((bytes) => new X509Certificate(bytes));
    t.true(issuerX509!.ca && issuerX509!.checkIssued(rootX509!) && issuerX509!.verify(rootX509!.publicKey));
    t.true(!leaf!.ca && leaf!.checkIssued(issuerX509!) && leaf!.verify(issuerX509!.publicKey));
    const trust = new ChainTrust({ clock }, { overlay: OVERLAY, roots: [rootDer, issuerDer] });
    t.notThrows(() => trust.check(Certificate.parse(der)));
    const rootOnly = new ChainTrust({ clock }, { overlay: OVERLAY, roots: [rootDer] });
    t.throws(() => rootOnly.check(Certificate.parse(der)), { code: 'certificate-untrusted' });
  });
}
