import test from 'ava';
import fc from 'fast-check';
import { canonicalAor } from '../../../../src/sip/message/aor.ts';
import { parseUri } from '../../../../src/sip/message/uri.ts';
import { equalUri } from '../../../../src/sip/message/uri-equality.ts';

test('RFC 3261 §19.1.1: a URI falls into its parts', (t) => {
  const uri = parseUri('sips:Alice;day=tue:pa%3Fss@[2001:DB8::1]:5071;Transport=TCP;lr?Subject=hi');
  t.is(uri.scheme, 'sips');
  t.is(uri.user, 'Alice;day=tue');
  t.is(uri.password, 'pa%3Fss');
  t.is(uri.host, '2001:db8::1');
  t.is(uri.port, 5071);
  t.is(uri.transport, 'tcp');
  t.is(uri.params.get('lr'), true);
  t.is(uri.headers, 'Subject=hi');
});

test('RFC 3261 §19.1: text is kept as written, and rebuilt when a part changes', (t) => {
  const uri = parseUri('sip:Alice@Example.ORG:5062;Foo=Bar?a=b');
  t.is(uri.toString(), 'sip:Alice@Example.ORG:5062;Foo=Bar?a=b');
  t.is(uri.with({ port: undefined, headers: undefined }).toString(), 'sip:Alice@example.org;foo=Bar');
  t.is(parseUri('sip:a@[::1]').with({ port: 5060 }).toString(), 'sip:a@[::1]:5060');
});

test('RFC 3966: a tel URI has a number and parameters; other schemes stay opaque', (t) => {
  const tel = parseUri('tel:+1-201-555-0123;phone-context=example.com');
  t.is(tel.user, '+1-201-555-0123');
  t.is(tel.params.get('phone-context'), 'example.com');
  t.is(tel.with({}).toString(), 'tel:+1-201-555-0123;phone-context=example.com');
  t.is(parseUri('urn:service:sos').opaque, 'service:sos');
  t.is(parseUri('urn:service:sos').with({}).toString(), 'urn:service:sos');
});

for (const text of [
  '',
  'alice',
  'sip:',
  'sip:@example.org',
  'sip:a@',
  'sip:a b@example.org',
  'sip:a@exa mple.org',
  'sip:a@example.org:0',
  'sip:a@example.org:65536',
  'sip:a@example.org:5060x',
  'sip:a@[::1',
  'sip:a@[zz]',
  'sip:a@example.org;',
  'sip:a@example.org\r\n',
  'sip:\u00e4@example.org',
  '<sip:a@example.org>',
]) {
  test(`RFC 3261 §25.1: not a URI: ${JSON.stringify(text)}`, (t) => {
    t.throws(() => parseUri(text), { code: 'bad-uri' });
  });
}

/** RFC 3261 §19.1.4's own examples. */
const EQUAL: readonly (readonly [string, string])[] = [
  ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
  [
    'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
    'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
  ],
  [
    'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
    'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
  ],
];
const DIFFERENT: readonly (readonly [string, string])[] = [
  ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;user=phone'],
  ['sip:bob@biloxi.com;transport=udp', 'sip:bob@biloxi.com;transport=tcp'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
  ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
  ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
  ['sip:alice@example.org', 'sips:alice@example.org'],
];

for (const [a, b] of EQUAL) {
  test(`RFC 3261 §19.1.4: ${a} equals ${b}`, (t) => {
    t.true(equalUri(parseUri(a), parseUri(b)));
    t.true(equalUri(parseUri(b), parseUri(a)));
  });
}
for (const [a, b] of DIFFERENT) {
  test(`RFC 3261 §19.1.4: ${a} is not ${b}`, (t) => {
    t.false(equalUri(parseUri(a), parseUri(b)));
    t.false(equalUri(parseUri(b), parseUri(a)));
  });
}

/** The canonical AoR at a server for example.org on 192.0.2.1:5060. */
function canonical(uri: string): string {
  return canonicalAor(
    parseUri(uri),
    'example.org',
    (host, port) => host === '192.0.2.1' && (port ?? 5060) === 5060,
  );
}

test('T4: an AoR has no scheme, port, parameters or password; host lower case, user case and escapes resolved', (t) => {
  t.is(canonical('sip:Alice@Example.ORG'), 'Alice@example.org');
  t.is(canonical('sips:Alice:pw@example.org:5061;user=phone?a=b'), 'Alice@example.org');
  t.is(canonical('sip:al%69ce@example.org.'), 'alice@example.org');
  t.is(canonical('sip:alice@192.0.2.1'), 'alice@example.org');
  t.is(canonical('sip:alice@192.0.2.1:5060'), 'alice@example.org');
  t.is(canonical('sip:alice@192.0.2.1:5099'), 'alice@192.0.2.1');
});

test('T4: what is no printable ASCII user at a SIP host is no AoR', (t) => {
  for (const uri of [
    'sip:example.org',
    'tel:+123',
    'sip:%00@example.org',
    'sip:%C3%A4@example.org',
    'sip:%2@a.b',
    'sip:%20@a.b',
  ]) {
    t.throws(() => canonical(uri), { code: 'bad-aor' }, uri);
  }
});

test('RFC 3261 §19.1: any text gives a URI or bad-uri, and a URI survives being rebuilt', (t) => {
  const part = fc.string({ unit: fc.constantFrom(...'aZ0%41@:;=?[].-<>" \r\n\u00e9'), maxLength: 24 });
  fc.assert(
    fc.property(part, (tail) => {
      let uri: ReturnType<typeof parseUri>;
      try {
        uri = parseUri(`sip:${tail}`);
      } catch (error) {
        t.is((error as { code?: string }).code, 'bad-uri');
        return;
      }
      const rebuilt = parseUri(uri.with({}).toString());
      t.deepEqual(rebuilt.parts(), uri.parts());
    }),
    { numRuns: 2000 },
  );
  t.pass();
});
