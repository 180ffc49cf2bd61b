import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { silentLogger } from '../../../../src/base/logger.ts';
import { openDocument } from '../../../../src/gateway/compose/configuration-document.ts';
import { ConfigError } from '../../../../src/gateway/config/config-error.ts';
import { loadConfig } from '../../../../src/gateway/config/load-config.ts';
import { systemClock } from '../../../../src/net/index.ts';
import { writeDocument } from '../../../../src/reload/document/document-writer.ts';
import type { OverlayDocument } from '../../../../src/reload/document/overlay-document.ts';
import { temporaryDirectory } from '../../../support/temporary-directory.ts';
import {
  Authority,
  documentWith,
  OVERLAY,
  selfSigned,
  signedDocument,
} from '../../reload/document/support.ts';

const administrator = selfSigned();
const lone = `overlay: { name: ${OVERLAY}, document: ./overlay.xml, first: true }\nsip: { mode: 'off' }\n`;

const signed = (changes: Partial<OverlayDocument>) => signedDocument(administrator, changes);

/** Opens the document beside a configuration as `run` does. */
function open(document: Uint8Array | undefined, { yaml = lone, warn = (_: string): void => {} } = {}) {
  const directory = temporaryDirectory('document');
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, 'gateway.yaml');
  writeFileSync(file, yaml);
  if (document !== undefined) writeFileSync(path.join(directory, 'overlay.xml'), document);
  return openDocument(loadConfig(file).config, { clock: systemClock, logger: { ...silentLogger, warn } });
}

test('B31: a signed document of a self-signed overlay is taken without a word', (t) => {
  const warnings: string[] = [];
  const document = open(signedDocument(administrator, { sequence: 7 }), {
    warn: (text) => warnings.push(text),
  });
  t.is(document.sequence, 7);
  t.deepEqual(warnings, []);
});

test('B31: an unsigned one without configuration-signer is taken with a warning', (t) => {
  const warnings: string[] = [];
  open(writeDocument(documentWith()), { warn: (text) => warnings.push(text) });
  t.deepEqual(warnings, [
    'the configuration document is not signed and names no signer: it cannot be updated',
  ]);
});

test('B6: one that fits no message of the overlay is taken with a warning: it could not be passed on', (t) => {
  const warnings: string[] = [];
  open(signed({ maxMessageSize: 5_000 }), { warn: (text) => warnings.push(text) });
  t.deepEqual(warnings, ['the configuration document does not fit a message: peers cannot pass it on']);
});

test('B31: no document named: the one that all self-signed overlays imply', (t) => {
  const yaml = lone.replace('document: ./overlay.xml, ', '');
  t.is(open(undefined, { yaml }).templateVersion, 1);
});

const changed = (bytes: Uint8Array) => Buffer.from(Buffer.from(bytes).toString().replace('>true<', '>1<'));
const wide = lone.replace('first: true', 'first: true, listen: tls://0.0.0.0:0');
const unjoined = lone.replace(', first: true', '');
const authority = new Authority();

const BAD: readonly [what: string, document: Uint8Array | undefined, message: RegExp, yaml?: string][] = [
  ['is not there', undefined, /overlay\.document: .*cannot be read \(no such file\)/],
  [
    'is no XML',
    Buffer.from('hello'),
    /overlay\.document: .*not a configuration document.*; get the document again/,
  ],
  ['has one byte changed', changed(signed({})), /signature of the configuration does not count/],
  ['lacks its signature', signedDocument(administrator, {}, {}), /no kind-signature|no signature/],
  ['is of another overlay', signed({ name: 'other.example' }), /no configuration of "doc\.example\.org"/],
  ['has expired', signed({ expiresAt: 86_400_000 }), /expired on 1970-01-02/],
  ['demands ICE', signed({ noIce: false }), /no-ice is not true.*; this version cannot take part/],
  [
    'demands Node-IDs of 20 bytes',
    Buffer.from(
      Buffer.from(writeDocument(documentWith()))
        .toString()
        .replace('<node-id-length>16', '<node-id-length>20'),
    ),
    /node-id-length is 20; CHORD-RELOAD works on 128 bits/,
  ],
  ['demands an unknown extension', signed({ mandatoryExtensions: ['urn:x'] }), /mandatory-extension "urn:x"/],
  [
    'wants enrolled certificates',
    writeDocument(documentWith({ rootCertificates: [authority.root], selfSignedPermitted: undefined }), {
      configuration: authority.enroll().signer,
    }),
    /overlay\.enroll: is missing: the document wants certificates of an enrollment server; name the account/,
  ],
  ['opens a self-signed overlay to all', signed({}), /lets anybody who reaches it answer for any user/, wide],
  ['names nobody to join through', signed({}), /neither the file nor the document names a peer/, unjoined],
];

for (const [what, document, message, yaml = lone] of BAD) {
  test(`B31: a document that ${what}: one line with the mend`, (t) => {
    const error = t.throws(() => open(document, { yaml }), { instanceOf: ConfigError, message });
    t.notRegex(error?.message ?? '', /\n/);
    t.regex(error?.message ?? '', /; [a-z]/);
  });
}

for (const digest of ['sha1', 'sha256'] as const) {
  test(`A3, B33: a self-signed document with ${digest} listens wide only with allow, open or a secret`, (t) => {
    const selfSignedPermitted = { digest };
    const by = selfSigned(OVERLAY, digest);
    const document = signedDocument(by, { selfSignedPermitted });
    t.throws(() => open(document, { yaml: wide }), { message: /lets anybody who reaches it answer/ });
    for (const more of ['open: true', `allow: [${'0a'.repeat(16)}]`]) {
      const yaml = wide.replace('first: true', `first: true, ${more}`);
      t.deepEqual(open(document, { yaml }).selfSignedPermitted, selfSignedPermitted);
    }
    const sharedSecret = 'the secret of this document';
    t.is(
      open(signedDocument(by, { selfSignedPermitted, sharedSecret }), { yaml: wide }).sharedSecret,
      sharedSecret,
    );
    t.notThrows(() => open(document));
  });
}

test('B31: bootstrap-nodes of the document are peers to join through', (t) => {
  const bootstrapNodes = [{ host: '192.0.2.7', port: 6084 }];
  t.deepEqual(open(signed({ bootstrapNodes }), { yaml: unjoined }).bootstrapNodes, bootstrapNodes);
});
