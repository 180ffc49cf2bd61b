import test from 'ava';
import { parseMessage } from '../../../../src/sip/message/parser.ts';
import type { SipRequest } from '../../../../src/sip/message/request.ts';
import { Precedence, type Purpose } from '../../../../src/sip/overload/precedence.ts';

const precedence = new Precedence({ emergencyNumbers: ['112', '*9'] });

function datagram(startLine: string, ...lines: string[]): Buffer {
  const method = startLine.split(' ')[0];
  const to = lines.some((line) => /^t(o)?\s*:/i.test(line)) ? [] : ['To: <sip:b@example.org>'];
  const head = [
    startLine,
    'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKb',
    'From: <sip:a@example.org>;tag=1',
    ...to,
    ...lines,
    'Call-ID: c',
    `CSeq: 1 ${method}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n`);
}

const messages: readonly (readonly [string, Purpose, Buffer])[] = [
  ['a call', 'new', datagram('INVITE sip:b@example.org SIP/2.0')],
  ['a registration', 'registration', datagram('REGISTER sip:example.org SIP/2.0')],
  ['RFC 5031: urn:service:sos', 'emergency', datagram('INVITE urn:service:sos SIP/2.0')],
  ['RFC 5031: urn:service:sos.fire', 'emergency', datagram('INVITE urn:service:sos.fire SIP/2.0')],
  ['a configured number', 'emergency', datagram('INVITE sip:112@example.org SIP/2.0')],
  ['a configured number as tel URI', 'emergency', datagram('INVITE tel:112;phone-context=x SIP/2.0')],
  ['one with a star', 'emergency', datagram('INVITE sip:*9@example.org SIP/2.0')],
  ['a number that begins like it', 'new', datagram('INVITE sip:1123@example.org SIP/2.0')],
  ['RFC 3261 §20.26', 'emergency', datagram('INVITE sip:b@example.org SIP/2.0', 'priority : Emergency')],
  ['another Priority', 'new', datagram('INVITE sip:b@example.org SIP/2.0', 'Priority: normal')],
  ['RFC 4412', 'emergency', datagram('INVITE sip:b@example.org SIP/2.0', 'Resource-Priority: esnet.1')],
  ['a BYE', 'session', datagram('BYE sip:b@192.0.2.2 SIP/2.0', 'To: <sip:b@example.org>;tag=2')],
  ['a re-INVITE', 'session', datagram('INVITE sip:b@192.0.2.2 SIP/2.0', 't:<sip:b@x>; x=y ;TAG=2')],
  ['a tag in the URI of To alone', 'new', datagram('INVITE sip:b@x.org SIP/2.0', 'To: <sip:b@x.org;x=y>')],
  ['a CANCEL', 'session', datagram('CANCEL sip:b@example.org SIP/2.0')],
];

for (const [name, purpose, data] of messages) {
  test(`RFC 7339 §5.10.1: ${name}: ${purpose}, and the datagram by itself says so`, (t) => {
    t.is(precedence.of(parseMessage(data, { datagram: true }) as SipRequest), purpose);
    t.is(precedence.isOrdinary(data), purpose === 'new' || purpose === 'registration');
  });
}

test('a response and an ACK are not ordinary requests', (t) => {
  t.false(precedence.isOrdinary(datagram('SIP/2.0 200 OK')));
  t.false(precedence.isOrdinary(datagram('ACK sip:b@192.0.2.2 SIP/2.0')));
});
