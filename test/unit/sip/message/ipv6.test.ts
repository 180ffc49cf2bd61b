import test from 'ava';
import { canonicalIpv6 } from '../../../../src/sip/message/ipv6.ts';
import { parseUri } from '../../../../src/sip/message/uri.ts';

for (const [written, canonical] of [
  ['2001:DB8:0:0:0::10', '2001:db8::10'],
  ['2001:db8::192.0.2.1', '2001:db8::c000:201'],
  ['2001:db8:::192.0.2.1', '2001:db8::c000:201'],
  ['::ffff:192.0.2.10', '::ffff:192.0.2.10'],
  ['::FFFF:c000:20a', '::ffff:192.0.2.10'],
  ['::1', '::1'],
  ['2001:db8', undefined],
  ['2001:db8:::1', undefined],
  ['1:2:3:4:5:6:7:8:9', undefined],
  ['192.0.2.1', undefined],
  ['::1%eth0', undefined],
  ['::1]/', undefined],
] as const) {
  test(`RFC 5118 §4.10, RFC 5952: ${written} is ${canonical ?? 'no IPv6 address'}`, (t) => {
    t.is(canonicalIpv6(written), canonical);
  });
}

test('RFC 5118 §4.1: a URI keeps its text, its host is canonical', (t) => {
  const uri = parseUri('sip:alice@[2001:DB8::0:10]:5070;transport=tcp');
  t.is(uri.host, '2001:db8::10');
  t.is(uri.toString(), 'sip:alice@[2001:DB8::0:10]:5070;transport=tcp');
});
