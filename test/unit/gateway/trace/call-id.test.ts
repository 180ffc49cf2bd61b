import test from 'ava';
import { callIdOf } from '../../../../src/gateway/trace/call-id.ts';

const message = (line: string) =>
  Buffer.from(`SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h\r\n${line}\r\n\r\n`, 'latin1');

test('RFC 3261 §20.8: the Call-ID of a message is found however it is written', (t) => {
  for (const line of [
    'Call-ID: a84b@h',
    'Call-ID:a84b@h',
    'Call-ID:  a84b@h ',
    'call-id: a84b@h',
    'i: a84b@h',
  ])
    t.is(callIdOf(message(line)), 'a84b@h', line);
  t.is(callIdOf(message('From: <sip:a@h>')), undefined);
});
