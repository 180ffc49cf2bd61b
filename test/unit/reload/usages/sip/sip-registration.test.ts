import test from 'ava';
import fc from 'fast-check';
import { sipPeerAddress } from '../../../../../src/reload/usages/sip/peer-address.ts';
import {
  type SipRegistration,
  sipRegistration,
} from '../../../../../src/reload/usages/sip/sip-registration.ts';
import { decodeWhole, encodeWhole } from '../../../../../src/reload/wire/codec.ts';
import { DecodeError } from '../../../../../src/reload/wire/decode-error.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const nodeIds = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => ({ type: 'node' as const, nodeId: hex(bytes) }));

const registrations: fc.Arbitrary<SipRegistration> = fc.oneof(
  fc.record({ type: fc.constant('uri' as const), uri: fc.webUrl() }),
  fc.record({
    type: fc.constant('route' as const),
    contactPrefs: fc.string(),
    destinationList: fc.array(nodeIds, { minLength: 1, maxLength: 8 }),
  }),
);

test('S1: a route and a URI have the layout of RFC 7904 §3.2', (t) => {
  const route = { type: 'route', contactPrefs: 'audio', destinationList: [nodeOf(1)] } as const;
  t.is(
    hex(encodeWhole(sipRegistration, route)),
    `02001b0005${hex(Buffer.from('audio'))}00120110${'01'.repeat(16)}`,
  );
  const uri = { type: 'uri', uri: 'bob@example.org' } as const;
  t.is(hex(encodeWhole(sipRegistration, uri)), `010011000f${hex(Buffer.from('bob@example.org'))}`);
});

test('S1: registrations survive encoding and decoding', (t) => {
  const property = fc.property(registrations, (value) => {
    t.deepEqual(decodeWhole(sipRegistration, encodeWhole(sipRegistration, value)), value);
  });
  t.notThrows(() => fc.assert(property));
});

test('S1: each strict prefix fails cleanly', (t) => {
  for (const value of fc.sample(registrations, 20)) {
    const bytes = encodeWhole(sipRegistration, value);
    for (let length = 0; length < bytes.length; length++) {
      t.throws(() => decodeWhole(sipRegistration, bytes.subarray(0, length)), { instanceOf: DecodeError });
    }
  }
});

test('S1: a destination list is neither empty nor endless, a later type is kept', (t) => {
  t.throws(() => decodeWhole(sipRegistration, Buffer.from('02000400000000', 'hex')), { code: 'bad-value' });
  const route = { type: 'route', contactPrefs: '', destinationList: Array(9).fill(nodeOf(1)) } as const;
  t.throws(() => decodeWhole(sipRegistration, encodeWhole(sipRegistration, route)), { code: 'too-many' });
  t.throws(() => encodeWhole(sipRegistration, { ...route, destinationList: [] }), { code: 'unencodable' });
  t.like(decodeWhole(sipRegistration, Buffer.from('030001ff', 'hex')), { type: 'unknown', tag: 3 });
});

test('SIP-PEER-ADDRESS: URIs separated by LF', (t) => {
  const uris = ['sip:gw1.example.org:5060', 'sips:[2001:db8::1]:5061;transport=tcp'];
  const bytes = encodeWhole(sipPeerAddress, uris);
  t.is(Buffer.from(bytes).toString(), uris.join('\n'));
  t.deepEqual(decodeWhole(sipPeerAddress, bytes), uris);
});

test('SIP-PEER-ADDRESS: anything but SIP URIs is refused', (t) => {
  for (const text of [
    '',
    'sip:a\n',
    'http://example.org',
    'sip:a\r\nVia: x',
    'sip:a b',
    `sip:a${'\nsip:a'.repeat(16)}`,
  ]) {
    t.throws(
      () => decodeWhole(sipPeerAddress, Buffer.from(text)),
      { instanceOf: DecodeError },
      JSON.stringify(text),
    );
  }
  t.throws(() => encodeWhole(sipPeerAddress, []), { code: 'unencodable' });
  t.throws(() => encodeWhole(sipPeerAddress, ['sip:a\nsip:b']), { code: 'unencodable' });
});

function nodeOf(n: number) {
  return { type: 'node', nodeId: Buffer.alloc(16, n).toString('hex') } as const;
}
