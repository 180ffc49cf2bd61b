import test from 'ava';
import { parseMessage } from '../../../../src/sip/message/parser.ts';
import { SipRequest } from '../../../../src/sip/message/request.ts';
import { responsePort, stampSource } from '../../../../src/sip/transport/via-source.ts';

/** The top Via, and the port a response over UDP goes to, of a request from 192.0.2.4:40000. */
function stamped(via: string): [via: string | undefined, port: number] {
  const text = `OPTIONS sip:a@b SIP/2.0\r\nVia: ${via}\r\nVia: SIP/2.0/UDP below.example\r\n\r\n`;
  const request = parseMessage(Buffer.from(text), { datagram: true });
  if (!(request instanceof SipRequest)) throw new Error('not a request');
  stampSource(request, { host: '192.0.2.4', port: 40_000 });
  return [request.headers('Via')[0], responsePort(request.topVia)];
}

test('RFC 3261 §18.2.1: received is added when sent-by is a name or another address, and not otherwise', (t) => {
  t.deepEqual(stamped('SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bKa'), [
    'SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bKa',
    5070,
  ]);
  t.deepEqual(stamped('SIP/2.0/UDP bobspc.biloxi.com:5060'), [
    'SIP/2.0/UDP bobspc.biloxi.com:5060;received=192.0.2.4',
    5060,
  ]);
  t.deepEqual(stamped('SIP/2.0/UDP 10.1.1.1'), ['SIP/2.0/UDP 10.1.1.1;received=192.0.2.4', 5060]);
});

test('RFC 3581 §4: rport is filled in, and received added even when equal to sent-by', (t) => {
  t.deepEqual(stamped('SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff'), [
    'SIP/2.0/UDP 10.1.1.1:4540;rport=40000;branch=z9hG4bKkjshdyff;received=192.0.2.4',
    40_000,
  ]);
  t.deepEqual(stamped('SIP/2.0/UDP 192.0.2.4:5070;rport'), [
    'SIP/2.0/UDP 192.0.2.4:5070;rport=40000;received=192.0.2.4',
    40_000,
  ]);
});

test('bad input: received and rport written by the client itself lead no response astray', (t) => {
  t.deepEqual(stamped('SIP/2.0/UDP 192.0.2.4;received=203.0.113.9;rport=53'), [
    'SIP/2.0/UDP 192.0.2.4;received=192.0.2.4;rport=40000',
    40_000,
  ]);
});
