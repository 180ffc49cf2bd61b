import test from 'ava';
import { phoneNumberOf } from '../../../../src/sip/message/phone-number.ts';
import { parseUri } from '../../../../src/sip/message/uri.ts';

for (const [uri, number] of [
  ['tel:+1-201-555-0123', '+12015550123'],
  ['tel:7042;phone-context=example.org', '7042'],
  ['tel:*21#', '*21#'],
  ['sip:+1-(201)-555.0123@example.org;user=phone', '+12015550123'],
  ['sip:+12015550123;phone-context=+1@example.org;user=phone', '+12015550123'],
  ['sip:0301234@example.org', '0301234'],
  ['sip:030-1234@example.org', undefined],
  ['sip:alice@example.org;user=phone', undefined],
  ['sip:example.org', undefined],
  ['tel:12ab', undefined],
] as const) {
  test(`RFC 3966 §3, RFC 3261 §19.1.6: ${uri} names ${number ?? 'no number'}`, (t) => {
    t.is(phoneNumberOf(parseUri(uri)), number);
  });
}
