import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { RelaxNGValidator, XmlDocument } from 'libxml2-wasm';
import { DocumentError } from '../../../../src/reload/document/document-error.ts';
import { readDocument } from '../../../../src/reload/document/document-reader.ts';
import { writeDocument } from '../../../../src/reload/document/document-writer.ts';
import { DOCUMENT_GRAMMAR } from '../../../../src/reload/document/grammar.ts';
import { Kind } from '../../../../src/reload/document/kinds.ts';
import type { OverlayDocument } from '../../../../src/reload/document/overlay-document.ts';
import { CHORD_RELOAD, requireSupported } from '../../../../src/reload/document/supported.ts';
import { parseXml } from '../../../../src/reload/document/xml-tree.ts';
import {
  definitionsOf,
  documentWith,
  OVERLAY,
  PRIVATE_KIND,
  replaced,
  selfSigned,
  signedDocument,
} from './support.ts';

const EXAMPLE = readFileSync('test/fixtures/documents/rfc6940-11.1.xml');

/** The example with its Node-IDs of 8 bytes made 16 long. */
function mendedExample(): Uint8Array {
  const text = EXAMPLE.toString().replace(/([> ])([0-9a-f]{16})([ <])/g, '$1$2$2$3');
  return Buffer.from(text);
}

function withElements(elements: string): Uint8Array {
  const ns = 'urn:ietf:params:xml:ns:p2p:config-base';
  return Buffer.from(
    `<overlay xmlns="${ns}"><configuration instance-name="${OVERLAY}">${elements}</configuration></overlay>`,
  );
}

/** What came from the file is not compared: it is new each time. */
function fields({ source, kindBlocks, kinds, ...document }: OverlayDocument) {
  return { ...document, kinds: definitionsOf(kinds), declared: [...kindBlocks.keys()] };
}

test('B31: the example of RFC 6940 §11.1 is read, every element of it', (t) => {
  const document = readDocument(mendedExample());
  t.is(document.name, 'overlay.example.org');
  t.is(document.sequence, 22);
  t.is(document.expiresAt, Date.UTC(2002, 9, 10, 7));
  t.is(document.topologyPlugin, 'CHORD-RELOAD');
  t.is(document.nodeIdLength, 16);
  t.is(document.rootCertificates.length, 2);
  t.deepEqual(document.enrollmentServers, ['https://example.org', 'https://example.net']);
  t.is(document.selfSignedPermitted, undefined);
  t.deepEqual(document.bootstrapNodes[2], { host: '2001:DB8::1', port: 6084 });
  t.is(document.turnDensity, 20);
  t.false(document.clientsPermitted);
  t.false(document.noIce);
  t.deepEqual(document.chord, { updateInterval: 400, pingInterval: 30, reactive: true });
  t.is(document.sharedSecret, 'password');
  t.is(document.maxMessageSize, 4000);
  t.is(document.initialTtl, 30);
  t.is(document.reliabilityTimerMs, 3000);
  t.deepEqual(document.linkProtocols, ['TLS']);
  t.deepEqual([...document.configurationSigners], ['47112162e84c69ba47112162e84c69ba']);
  t.is(document.kindSigners.size, 2);
  t.is(document.badNodes.size, 2);
  t.deepEqual(document.mandatoryExtensions, ['urn:ietf:params:xml:ns:p2p:config-ext1']);
  t.deepEqual(document.kinds.get(2000), {
    id: 2000,
    name: '0x000007d0',
    dataModel: 'ARRAY',
    accessControl: 'NODE-MULTIPLE',
    maxCount: 22,
    maxSize: 4,
    maxNodeMultiple: 3,
  });
});

test('B31: the second configuration of a file is found by its name; an unknown name is told with the known ones', (t) => {
  t.is(readDocument(mendedExample(), 'OTHER.example.net').name, 'other.example.net');
  t.throws(() => readDocument(mendedExample(), 'third.example.org'), {
    code: 'document-foreign',
    message: /third\.example\.org.*overlay\.example\.org.*other\.example\.net/,
  });
});

test('T5: the registered definition of SIP-REGISTRATION wins over the one of the example', (t) => {
  const kind = readDocument(mendedExample()).kinds.get(Kind.SIP_REGISTRATION);
  t.is(kind?.dataModel, 'DICTIONARY');
  t.is(kind?.accessControl, 'USER-NODE-MATCH');
  t.is(kind?.maxCount, 1);
  t.is(kind?.maxSize, 100);
});

test('T8: the timer that the grammar forgets, and the other spellings, are taken', (t) => {
  t.notThrows(() => parseXml(EXAMPLE));
  const sip = 'xmlns:sip="urn:ietf:params:xml:ns:p2p:config-base:sip"';
  const document = readDocument(
    withElements(
      '<topology-plug-in>CHORD-RELOAD</topology-plug-in><overlay-reliability-timer>500</overlay-reliability-timer>' +
        `<sip:domain-restrictions ${sip} enable="true"><sip:pattern>.*\\.my\\.example</sip:pattern></sip:domain-restrictions>`,
    ),
  );
  t.is(document.topologyPlugin, 'CHORD-RELOAD');
  t.is(document.reliabilityTimerMs, 500);
  t.deepEqual(document.domainRestriction, { enabled: true, patterns: ['.*\\.my\\.example'] });
});

test('T8: what is written has the forms of the grammar', (t) => {
  const text = Buffer.from(
    writeDocument(documentWith({ domainRestriction: { enabled: true, patterns: ['a\\.example'] } })),
  ).toString();
  t.regex(text, /<topology-plugin>CHORD-RELOAD<\/topology-plugin>/);
  t.notRegex(text, /overlay-reliability-timer/);
  t.regex(
    text,
    /<kind name="SIP-REGISTRATION">.*<domain-restriction [^>]*enable="true"><pattern>a\\\.example/,
  );
});

test('T8: what is written follows the grammar of RFC 6940 to the letter, without our amendments', (t) => {
  // Elements of RFC 7904 and of our own are foreign there, the timer and the other spelling unknown.
  const strict = DOCUMENT_GRAMMAR.replace(/<optional><ref name="domain-restriction"\/><\/optional>/g, '')
    .replace(/<define name="domain-restriction">.*?<\/define>/s, '')
    .replace(/<optional><element name="overlay-reliability-timer">.*?<\/optional>/s, '')
    .replace('<element name="topology-plug-in"><data type="string"/></element>', '')
    .replace(/<zeroOrMore>\s*<element name="(multicast-bootstrap|revoked-user)".*?<\/zeroOrMore>/gs, '')
    .replace(/<nsName ns="[^"]*(:sip|config-1)"\/>/g, '');
  const validator = RelaxNGValidator.fromDoc(XmlDocument.fromString(strict));
  const validate = (changes: Partial<OverlayDocument>) => () => {
    const document = XmlDocument.fromBuffer(signedDocument(selfSigned(), changes));
    try {
      validator.validate(document);
    } finally {
      document.dispose();
    }
  };
  t.notThrows(validate({}));
  t.notThrows(validate({ domainRestriction: { enabled: true, patterns: ['a'] }, expiresAt: 2e12 }));
  t.notThrows(
    validate({ revokedUsers: new Map([['alice@example.org', 0]]), badNodes: new Set(['00'.repeat(16)]) }),
  );
  t.throws(validate({ reliabilityTimerMs: 500 }));
});

test('B31: defaults of what a document leaves out', (t) => {
  const document = readDocument(withElements(''));
  t.is(document.sequence, 0);
  t.is(document.expiresAt, undefined);
  t.is(document.topologyPlugin, 'CHORD-RELOAD');
  t.is(document.nodeIdLength, 16);
  t.is(document.maxMessageSize, 5000);
  t.is(document.initialTtl, 100);
  t.is(document.reliabilityTimerMs, 3000);
  t.is(document.turnDensity, 1);
  t.true(document.clientsPermitted);
  t.false(document.noIce);
  t.deepEqual(document.linkProtocols, ['TLS']);
  t.deepEqual(document.chord, { updateInterval: 600, pingInterval: 3600, reactive: true });
  t.is(document.domainRestriction, undefined);
});

test('B31 T16: what is written is read back the same', (t) => {
  const administrator = selfSigned();
  const document = documentWith({
    sequence: 65_534,
    expiresAt: Date.UTC(2040, 0, 1),
    selfSignedPermitted: { digest: 'sha1' },
    rootCertificates: [administrator.certificate.der],
    enrollmentServers: ['https://enroll.example.org/?a=1&b=2'],
    bootstrapNodes: [{ host: '2001:db8::1', port: 7000 }],
    turnDensity: 0,
    clientsPermitted: false,
    initialTtl: 30,
    reliabilityTimerMs: 200,
    maxMessageSize: 70_000,
    linkProtocols: ['TLS-TCP-FH-NO-ICE', 'DTLS-UDP-SR-NO-ICE'],
    chord: { updateInterval: 30, pingInterval: 60, reactive: false },
    multicastBootstrap: [
      { host: '239.255.1.2', port: 6084 },
      { host: '192.0.2.255', port: 7000 },
    ],
    sharedSecret: 'a<b&"c',
    mandatoryExtensions: ['urn:example:ext'],
    kinds: new Map([...documentWith().kinds, [PRIVATE_KIND.id, PRIVATE_KIND]]),
    kindSigners: new Set([administrator.nodeId]),
    configurationSigners: new Set([administrator.nodeId]),
    badNodes: new Set(['00112233445566778899aabbccddeeff']),
    revokedUsers: new Map([['alice@example.org', Date.UTC(2030, 1, 2)]]),
    domainRestriction: { enabled: false, patterns: [] },
  });
  const read = readDocument(writeDocument(document, { kinds: administrator.signer }));
  t.deepEqual(fields(read), {
    ...fields(document),
    templateVersion: undefined,
    declared: [...document.kinds.keys()],
  });
});

test('B31: every truncated prefix of a document is refused', (t) => {
  const bytes = signedDocument(selfSigned());
  const end = Buffer.from(bytes).lastIndexOf('>') + 1;
  for (let length = 0; length < end; length += length < 400 || length > end - 400 ? 1 : 7) {
    const error = t.throws(() => readDocument(bytes.subarray(0, length)), undefined, `${length} bytes`);
    if ((error as { code?: string }).code !== 'document-malformed')
      t.fail(`${length} bytes: ${error?.message}`);
  }
  t.notThrows(() => readDocument(bytes.subarray(0, end)));
});

const REFUSED: readonly [what: string, elements: string, message: RegExp][] = [
  [
    'a multicast-bootstrap that is no group',
    '<multicast-bootstrap xmlns="urn:p2psip-gateway:config-1" address="192.0.2.7"/>',
    /192\.0\.2\.7.*no multicast group/,
  ],
  ['an unknown element', '<no-icx>true</no-icx>', /no-icx/],
  ['an element twice', '<no-ice>true</no-ice><no-ice>true</no-ice>', /no-ice/],
  ['a number that is none', '<initial-ttl>many</initial-ttl>', /initial-ttl/],
  ['a TTL over 100', '<initial-ttl>101</initial-ttl>', /initial-ttl is "101"/],
  ['node-id-length 15', '<node-id-length>15</node-id-length>', /node-id-length is "15", not from 16 to 20/],
  ['node-id-length 21', '<node-id-length>21</node-id-length>', /node-id-length is "21", not from 16 to 20/],
  ['a timer below 200 ms', '<overlay-reliability-timer>199</overlay-reliability-timer>', /not from 200/],
  ['a short bad-node', '<bad-node>6ebc45d31a900c06</bad-node>', /bad-node is "6ebc45d31a900c06", not 32 hex/],
  ['an unknown digest', '<self-signed-permitted digest="md5">true</self-signed-permitted>', /digest "md5"/],
  ['an http enrollment server', '<enrollment-server>http://a.example</enrollment-server>', /https/],
  ['a bootstrap-node by name', '<bootstrap-node address="a.example"/>', /address/],
  [
    'a Kind twice',
    `<required-kinds>${'<kind-block><kind id="4026531841"><max-count>1</max-count><max-size>1</max-size><data-model>SINGLE</data-model><access-control>NODE-MATCH</access-control></kind></kind-block>'.repeat(2)}</required-kinds>`,
    /0xf0000001 twice/,
  ],
  [
    'NODE-MULTIPLE without max-node-multiple',
    '<required-kinds><kind-block><kind id="4026531841"><max-count>1</max-count><max-size>1</max-size><data-model>SINGLE</data-model><access-control>NODE-MULTIPLE</access-control></kind></kind-block></required-kinds>',
    /max-node-multiple/,
  ],
  [
    'an element of ours whose prefix was bound to another namespace',
    '<c:chord-reactive xmlns:c="urn:example:other">false</c:chord-reactive>',
    /chord-reactive is not in its namespace/,
  ],
];

for (const [what, elements, message] of REFUSED) {
  test(`B31: ${what} is refused`, (t) => {
    t.throws(() => readDocument(withElements(elements)), { code: 'document-invalid', message });
  });
}

test('B31: Kinds, data models and access policies we have not are unsupported', (t) => {
  const kind = (attribute: string, model: string, policy: string) =>
    withElements(
      `<required-kinds><kind-block><kind ${attribute}><max-count>1</max-count><max-size>1</max-size>` +
        `<data-model>${model}</data-model><access-control>${policy}</access-control></kind></kind-block></required-kinds>`,
    );
  const unsupported = (bytes: Uint8Array, message: RegExp) =>
    t.throws(() => requireSupported(readDocument(bytes), new Set([CHORD_RELOAD])), {
      code: 'document-unsupported',
      message,
    });
  unsupported(kind('name="REDIR"', 'DICTIONARY', 'NODE-ID-MATCH'), /Kind "REDIR"/);
  unsupported(kind('id="4026531841"', 'TREE', 'NODE-MATCH'), /data-model "TREE"/);
  unsupported(kind('id="4026531841"', 'SINGLE', 'USER-CHAIN-ACL'), /access-control "USER-CHAIN-ACL"/);
});

test('B31: no document type declaration, no entity, no encoding but UTF-8, no more than the bounds', (t) => {
  const plain = withElements('');
  const malformed = (bytes: Uint8Array, message: RegExp) =>
    t.throws(() => readDocument(bytes), { code: 'document-malformed', message });
  const bomb = `<!DOCTYPE overlay [<!ENTITY a "${'x'.repeat(1000)}"><!ENTITY b "${'&a;'.repeat(1000)}">]>`;
  malformed(Buffer.concat([Buffer.from(bomb), plain]), /document type declaration/);
  const external = '<!DOCTYPE overlay SYSTEM "file:///etc/passwd">';
  malformed(Buffer.concat([Buffer.from(external), plain]), /document type declaration/);
  malformed(replaced(plain, '></configuration>', '>&secret;</configuration>'), /secret/);
  malformed(Buffer.concat([Buffer.from('<?xml version="1.0" encoding="UTF-7"?>'), plain]), /UTF-7/);
  malformed(Buffer.from(Buffer.from(plain).toString(), 'utf16le'), /not a configuration document/);
  malformed(Buffer.concat([plain, Buffer.from([0xc3, 0x28])]), /UTF-8/);
  malformed(Buffer.concat([plain, Buffer.alloc(262_144, 0x20)]), /bytes, more than 262144/);
  malformed(withElements(`${'<e:a xmlns:e="urn:e">'.repeat(40)}${'</e:a>'.repeat(40)}`), /deeper than 32/);
  malformed(withElements('<bad-node/>'.repeat(9000)), /more than 8192 elements/);
  const attributes = Array.from({ length: 40 }, (_, i) => `e:a${i}=""`).join(' ');
  malformed(withElements(`<e:a xmlns:e="urn:e" ${attributes}/>`), /more than 32 attributes/);
  malformed(Buffer.from('no XML at all'), /too early/);
});

test('B31: whatever is done to a document, it reads or is refused, and nothing else happens', (t) => {
  const good = Buffer.from(signedDocument(selfSigned()));
  const at = fc.nat({ max: good.length - 1 });
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
    fc
      .constantFrom('<', '>', '</', '"', '&#x0;', '<!--', ']]>', '<a>', 'xmlns=""', '\u{1f600}')
      .map((text) => Buffer.from(text)),
    fc.tuple(at, fc.nat({ max: 200 })).map(([from, length]) => good.subarray(from, from + length)),
  );
  const edits = fc.array(fc.tuple(at, fc.nat({ max: 30 }), piece), { minLength: 1, maxLength: 3 });
  let read = 0;
  fc.assert(
    fc.property(edits, (list) => {
      let bytes = good;
      for (const [start, cut, added] of list) {
        bytes = Buffer.concat([bytes.subarray(0, start), added, bytes.subarray(start + cut)]);
      }
      try {
        readDocument(bytes);
        read++;
      } catch (error) {
        return error instanceof DocumentError;
      }
      return true;
    }),
    { numRuns: 500 },
  );
  t.true(read > 0);
});

test('B31: comments, CDATA, processing instructions and a ">" in an attribute do not confuse the element bytes', (t) => {
  const document = readDocument(
    Buffer.from(
      '<?xml version="1.0"?><!-- <configuration> --><overlay xmlns="urn:ietf:params:xml:ns:p2p:config-base" ' +
        'xmlns:e="urn:e"><?pi <a> ?><configuration instance-name="a.example" e:x="a>b" sequence="3"><!-- </configuration> -->' +
        '<topology-plugin><![CDATA[CHORD-RELOAD]]></topology-plugin><e:x><![CDATA[<a>]]></e:x></configuration></overlay>',
    ),
  );
  t.is(document.topologyPlugin, 'CHORD-RELOAD');
  const bytes = Buffer.from(document.source!.configuration).toString();
  t.true(bytes.startsWith('<configuration instance-name') && bytes.endsWith('</configuration>'));
});
