import test from 'ava';
import { isStun, stunAnswer } from '../../../../src/sip/transport/stun-keepalive.ts';

/** The transaction ID of RFC 5769's test vectors. */
const REQUEST = Buffer.from('000100002112a442b7e7a701bc34d686fa87dfae', 'hex');

test('RFC 8489 §14.2, RFC 5769 §2.2: XOR-MAPPED-ADDRESS for IPv4', (t) => {
  t.true(isStun(REQUEST));
  const answer = stunAnswer(REQUEST, { host: '192.0.2.1', port: 32_853 });
  t.is(answer?.subarray(20).toString('hex'), '002000080001a147e112a643');
  t.is(answer?.subarray(0, 20).toString('hex'), '0101000c2112a442b7e7a701bc34d686fa87dfae');
});

test('RFC 8489 §14.2, RFC 5769 §2.3: XOR-MAPPED-ADDRESS for IPv6', (t) => {
  const answer = stunAnswer(REQUEST, { host: '2001:db8:1234:5678:11:2233:4455:6677', port: 32_853 });
  t.is(answer?.subarray(20).toString('hex'), '002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9');
  t.is(stunAnswer(REQUEST, { host: '::1', port: 1 })?.length, 44);
  t.is(stunAnswer(REQUEST, { host: 'nonsense', port: 1 }), undefined);
});

test('RFC 5626 §8.3: everything else gets no answer', (t) => {
  t.false(isStun(Buffer.from('OPTIONS sip:a SIP/2.0\r\n\r\n')));
  t.false(isStun(REQUEST.subarray(0, 19)));
  const indication = Buffer.from(REQUEST);
  indication.writeUInt16BE(0x0011, 0);
  t.is(stunAnswer(indication, { host: '192.0.2.1', port: 1 }), undefined);
  t.is(stunAnswer(Buffer.concat([REQUEST, Buffer.alloc(4)]), { host: '192.0.2.1', port: 1 }), undefined);
});
