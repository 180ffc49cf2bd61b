import test from 'ava';
import { readDocument } from '../../../../src/reload/document/document-reader.ts';
import {
  verifyFirstDocument,
  verifyKindBlock,
  verifyNextDocument,
} from '../../../../src/reload/document/document-verification.ts';
import { writeDocument, writeKindBlock } from '../../../../src/reload/document/document-writer.ts';
import { parseKindBlock } from '../../../../src/reload/document/kind-reader.ts';
import type { OverlayDocument } from '../../../../src/reload/document/overlay-document.ts';
import { CHORD_RELOAD, requireSupported } from '../../../../src/reload/document/supported.ts';
import {
  Authority,
  clock,
  documentWith,
  PRIVATE_KIND,
  replaced,
  selfSigned,
  signedDocument,
} from './support.ts';

const deps = { clock };
const administrator = selfSigned();

function first(bytes: Uint8Array) {
  return verifyFirstDocument(deps, readDocument(bytes));
}

test('B31 T15: the signature covers the exact bytes of the configuration: one changed byte is refused', (t) => {
  const bytes = signedDocument(administrator);
  t.is(first(bytes).signer, administrator.nodeId);
  const start = Buffer.from(bytes).indexOf('<configuration');
  const end = Buffer.from(bytes).indexOf('</configuration>') + '</configuration>'.length;
  let forged = 0;
  for (let at = start; at < end; at += 13) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    // Most such bytes are no document any more; what still is one must not verify.
    const error = t.throws(() => first(changed), undefined, `byte ${at}`) as { code?: string };
    t.regex(error.code ?? '', /^document-/);
    if (error.code === 'document-forged') forged++;
  }
  t.true(forged > 20, `${forged}`);
});

test('B31: even white space inside the configuration counts', (t) => {
  const error = t.throws(() =>
    first(replaced(signedDocument(administrator), '<no-ice>true', '<no-ice>true ')),
  );
  t.is((error as { code?: string }).code, 'document-forged');
});

test('B31: a signature that is none, or by a stranger, is refused', (t) => {
  const stranger = selfSigned();
  const signers = { configuration: stranger.signer, kinds: administrator.signer };
  const forged = { code: 'document-forged' };
  t.throws(() => first(signedDocument(administrator, {}, signers)), { ...forged, message: /may not sign/ });
  const unsigned = signedDocument(administrator, {}, { kinds: administrator.signer });
  t.throws(() => first(unsigned), { code: 'document-unsigned' });
  t.throws(() => first(replaced(unsigned, '</overlay>', '<signature>AAAA</signature></overlay>')), forged);
  t.throws(() => first(replaced(unsigned, '</overlay>', '<signature></signature></overlay>')), forged);
});

test('B31: of several signatures one that counts is enough', (t) => {
  const bytes = replaced(
    signedDocument(administrator),
    '<signature>',
    '<signature>AAAA</signature><signature>',
  );
  t.is(first(bytes).signer, administrator.nodeId);
});

test('B31: an unsigned first document is taken only if it names no configuration-signer', (t) => {
  t.is(first(writeDocument(documentWith())).signer, undefined);
  const listed = documentWith({ configurationSigners: new Set([administrator.nodeId]) });
  t.throws(() => first(writeDocument(listed)), { code: 'document-unsigned' });
});

test('B31: a first document that names no signer may be signed by a certificate of its root-cert', (t) => {
  const authority = new Authority();
  const rooted = documentWith({ rootCertificates: [authority.root], selfSignedPermitted: undefined });
  const signer = authority.enroll();
  t.is(first(writeDocument(rooted, { configuration: signer.signer })).signer, signer.nodeId);
  const other = new Authority('Another root').enroll();
  t.throws(() => first(writeDocument(rooted, { configuration: other.signer })), { code: 'document-forged' });
  // Anybody can make a self-signed certificate.
  const both = { ...rooted, selfSignedPermitted: { digest: 'sha256' } as const };
  t.throws(() => first(writeDocument(both, { configuration: selfSigned().signer })), {
    code: 'document-forged',
  });
  t.throws(() => first(writeDocument(documentWith(), { configuration: selfSigned().signer })), {
    code: 'document-forged',
    message: /no configuration-signer and no root-cert/,
  });
});

test('B31: a later document must be signed by a signer of the previous one, whatever it says itself', (t) => {
  const successor = selfSigned();
  const previous = readDocument(signedDocument(administrator));
  const next = (bytes: Uint8Array, before: OverlayDocument = previous) =>
    verifyNextDocument(deps, readDocument(bytes), before);
  t.is(next(signedDocument(administrator, { sequence: 1 })).signer, administrator.nodeId);
  // It names a new signer, and is signed by the old one.
  const handedOver = { sequence: 1, configurationSigners: new Set([successor.nodeId]) };
  t.is(next(signedDocument(administrator, handedOver)).signer, administrator.nodeId);
  // It names and is signed by somebody the previous one does not know.
  t.throws(() => next(signedDocument(successor, { sequence: 1 })), { code: 'document-forged' });
  t.throws(() => next(signedDocument(administrator), documentWith()), {
    code: 'document-forged',
    message: /no configuration-signer/,
  });
});

test('B31: a signer that has become a bad-node may not sign any more', (t) => {
  const previous = readDocument(signedDocument(administrator, { badNodes: new Set([administrator.nodeId]) }));
  t.throws(() => verifyNextDocument(deps, readDocument(signedDocument(administrator)), previous), {
    code: 'document-forged',
    message: /bad-node/,
  });
});

test('B31: an expired document is refused', (t) => {
  const bytes = signedDocument(administrator, { expiresAt: clock.now() - 1000 });
  t.throws(() => first(bytes), { code: 'document-expired' });
  t.notThrows(() => first(signedDocument(administrator, { expiresAt: clock.now() + 1000 })));
});

test('B31: kind-blocks are signed by a kind-signer, over the exact bytes of the kind', (t) => {
  const kinds = new Map([[PRIVATE_KIND.id, PRIVATE_KIND]]);
  const bytes = signedDocument(administrator, { kinds });
  t.deepEqual([...first(bytes).kindSigners], [[PRIVATE_KIND.id, administrator.nodeId]]);
  const sign = (kindSigner: typeof administrator | undefined) =>
    signedDocument(
      administrator,
      { kinds },
      {
        configuration: administrator.signer,
        ...(kindSigner && { kinds: kindSigner.signer }),
      },
    );
  t.throws(() => first(sign(selfSigned())), { code: 'document-forged', message: /kind-block of 0xf0000001/ });
  t.throws(() => first(sign(undefined)), { code: 'document-unsigned', message: /kind-block of 0xf0000001/ });
  const noSigners = { kinds, kindSigners: new Set<string>() };
  t.notThrows(() => first(signedDocument(administrator, noSigners, { configuration: administrator.signer })));
  t.throws(() => first(signedDocument(administrator, noSigners)), { code: 'document-forged' });
});

test('B14: a kind-block stands alone in a ConfigUpdate', (t) => {
  const document = readDocument(signedDocument(administrator));
  const block = parseKindBlock(writeKindBlock(PRIVATE_KIND, administrator.signer));
  t.deepEqual(block.kind, PRIVATE_KIND);
  t.is(verifyKindBlock(deps, block, document), administrator.nodeId);
  t.throws(() => verifyKindBlock(deps, parseKindBlock(writeKindBlock(PRIVATE_KIND, undefined)), document), {
    code: 'document-unsigned',
  });
  const tampered = writeKindBlock(PRIVATE_KIND, administrator.signer).replace('>64<', '>65<');
  t.throws(() => verifyKindBlock(deps, parseKindBlock(tampered), document), { code: 'document-forged' });
  for (const text of [
    '',
    'kind',
    '<kind-block/>',
    `${tampered}${tampered}`,
    '</required-kinds><required-kinds>',
  ]) {
    t.regex((t.throws(() => parseKindBlock(text)) as { code?: string }).code ?? '', /^document-/);
  }
});

test('B31: a root-cert that is no certificate of a CA is refused', (t) => {
  const rooted = (root: Uint8Array) => () => first(writeDocument(documentWith({ rootCertificates: [root] })));
  t.throws(rooted(Buffer.from('bad cert\n')), { code: 'document-invalid', message: /root-cert/ });
  t.throws(rooted(administrator.certificate.der), {
    code: 'document-invalid',
    message: /not the certificate of a CA/,
  });
  t.notThrows(rooted(new Authority().root));
});

const DEMANDS: readonly [demand: string, changes: Partial<OverlayDocument>, message: RegExp][] = [
  ['an unknown mandatory-extension', { mandatoryExtensions: ['urn:x'] }, /mandatory-extension "urn:x"/],
  ['an unknown topology-plugin', { topologyPlugin: 'PASTRY' }, /topology-plugin "PASTRY"/],
  ['node-id-length 20', { nodeIdLength: 20 }, /node-id-length is 20; CHORD-RELOAD works on 128 bits/],
  ['ICE', { noIce: false }, /no-ice/],
  ['DTLS only', { linkProtocols: ['DTLS-UDP-SR'] }, /overlay-link-protocol "DTLS-UDP-SR"/],
  ['an empty shared-secret', { sharedSecret: '' }, /shared-secret is empty/],
  ['a shared-secret no TLS takes', { sharedSecret: 'x'.repeat(257) }, /shared-secret has 257 bytes/],
  ['no certificates at all', { selfSignedPermitted: undefined }, /nobody could take part/],
];

for (const [demand, changes, message] of DEMANDS) {
  test(`B31: a document that demands ${demand} is unsupported`, (t) => {
    const topologies = new Set([CHORD_RELOAD]);
    t.notThrows(() => requireSupported(documentWith(), topologies));
    t.throws(() => requireSupported(documentWith(changes), topologies), {
      code: 'document-unsupported',
      message,
    });
  });
}

test('B31: extensions we have may be mandatory; a topology-plugin of our own is known once it is given', (t) => {
  const document = documentWith({
    mandatoryExtensions: ['urn:ietf:params:xml:ns:p2p:config-base:sip'],
    topologyPlugin: 'FULL-MESH',
    linkProtocols: ['TLS'],
  });
  t.notThrows(() => requireSupported(document, new Set([CHORD_RELOAD, 'FULL-MESH'])));
});
