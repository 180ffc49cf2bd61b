import test from 'ava';
import fc from 'fast-check';
import { checkNameAddr, formatNameAddr, parseNameAddr } from '../../../../src/sip/message/name-addr.ts';
import { parseParams } from '../../../../src/sip/message/params.ts';
import { percentDecode, splitList, unquote } from '../../../../src/sip/message/text.ts';
import { formatVia, parseVia } from '../../../../src/sip/message/via.ts';

test('RFC 3261 §20.10: name-addr with a quoted name, URI parameters and header parameters', (t) => {
  const contact = parseNameAddr(
    '"A \\"B\\" <C>, D" <sip:a@example.org;lr;x=1>;q=0.7;+sip.instance="<urn:uuid:0>"',
  );
  t.is(contact.displayName, 'A "B" <C>, D');
  t.is(contact.uri.toString(), 'sip:a@example.org;lr;x=1');
  t.is(contact.params.get('q'), '0.7');
  t.is(contact.params.get('+sip.instance'), '"<urn:uuid:0>"');
  t.is(unquote('"<urn:uuid:0>"'), '<urn:uuid:0>');
});

test('RFC 3261 §20.10: without brackets the parameters are the header’s', (t) => {
  const address = parseNameAddr('sip:a@example.org;tag=7;+sip.instance="<urn:uuid:0>"');
  t.is(address.uri.params.size, 0);
  t.is(address.params.get('tag'), '7');
  t.is(address.params.get('+sip.instance'), '"<urn:uuid:0>"');
});

test('RFC 3261 §25.1: malformed addresses are refused', (t) => {
  for (const text of [
    '',
    '"a <sip:a@b>',
    '"a" sip:a@b',
    '<sip:a@b',
    'a, b <sip:a@b>',
    '<sip:a@b>x',
    '<sip:a@b>;=1',
    '<sip:a@b>;;a',
  ]) {
    t.throws(() => parseNameAddr(text), undefined, text);
  }
});

test('RFC 3261 §20.42: Via with white space, IPv6, rport and received', (t) => {
  const via = parseVia(
    'SIP / 2.0 / tls  [2001:DB8::9] : 5061 ; branch = z9hG4bKx ; rport ;received=2001:db8::7',
  );
  t.is(via.protocol, 'TLS');
  t.is(via.host, '2001:db8::9');
  t.is(via.port, 5061);
  t.is(via.branch, 'z9hG4bKx');
  t.is(via.rport, true);
  t.is(via.received, '2001:db8::7');
  t.is(formatVia(via), 'SIP/2.0/TLS [2001:db8::9]:5061;branch=z9hG4bKx;rport;received=2001:db8::7');
  t.is(parseVia('SIP/2.0/UDP a.example;rport=5062').rport, 5062);
  t.is(parseVia('SIP/2.0/UDP [2001:db8::9];received=[2001:db8::9:255]').received, '2001:db8::9:255');
});

test('RFC 3261 §20.42: malformed Vias are refused', (t) => {
  for (const text of [
    '',
    'SIP/2.0/UDP',
    'SIP/2.0/UDP ',
    'SIP/2.0 a',
    'SIP/2.0/UDP a:x',
    'SIP/2.0/UDP [::1',
    'SIP/2.0/UDP a b',
    'SIP/2.0/UDP a;;b',
  ]) {
    t.throws(() => parseVia(text), { code: 'bad-header' }, text);
  }
});

test('RFC 3261 §7.3.1: commas in quotes and brackets separate nothing', (t) => {
  t.deepEqual(splitList('"a, b" <sip:x@y;p="1,2">, <sip:c,d@e> ,f'), [
    '"a, b" <sip:x@y;p="1,2">',
    '<sip:c,d@e>',
    'f',
  ]);
});

test('RFC 3261 §7.3.1: the first of two parameters with one name counts', (t) => {
  t.is(parseParams(';tag=1;tag=2', 0).get('tag'), '1');
});

test('RFC 2396 escapes: malformed ones are reported, not guessed', (t) => {
  t.is(percentDecode('%41b%63'), 'Abc');
  t.is(percentDecode('%4'), undefined);
  t.is(percentDecode('%zz'), undefined);
});

test('RFC 3261 §25.1: arbitrary text makes neither parser fail otherwise than by its own error', (t) => {
  const unit = fc.constantFrom(...'ab<>"\\;,=: \t/.[]@?%\u0000\u00ff');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 40 }), (text) => {
      for (const parse of [
        () => parseNameAddr(text),
        () => parseVia(`SIP/2.0/UDP ${text}`),
        () => parseVia(text),
      ]) {
        try {
          parse();
        } catch (error) {
          t.regex((error as { code: string }).code, /^bad-(header|uri)$/);
        }
      }
    }),
    { numRuns: 3000 },
  );
  t.pass();
});

test('RFC 3261 §20.10: what formatNameAddr writes, parseNameAddr reads', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'aB <>"\\,;'), maxLength: 12 }), (displayName) => {
      const written = formatNameAddr({ ...parseNameAddr('<sip:a@b>;x=1'), displayName });
      t.is(parseNameAddr(written).displayName, displayName);
    }),
  );
  t.pass();
});

test('RFC 3261 §20.20: what passes for the usual form of From and To is well-formed, and nothing else passes', (t) => {
  const piece = fc.constantFrom(
    '"',
    '\\',
    '<',
    '>',
    'sip:',
    'sips:',
    'a',
    '@',
    'h.example',
    ':5060',
    ':0',
    ':99999',
    ';tag=',
    ';',
    '=',
    ' ',
    ',',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      const outcome = (parse: (text: string) => unknown) => {
        try {
          parse(text);
          return 'well-formed';
        } catch (error) {
          return (error as { code: string }).code;
        }
      };
      t.is(outcome(checkNameAddr), outcome(parseNameAddr));
    }),
    { numRuns: 20_000 },
  );
  t.notThrows(() => checkNameAddr('"A. Bell" <sip:bell@h.example:5070>;tag=a.1'));
});
