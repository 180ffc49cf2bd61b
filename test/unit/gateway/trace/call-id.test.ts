import test from 'ava';
import { callIdOf } from '../../../../src/gateway/trace/call-id.ts';

const message = (line: string) =>
  Buffer.from(`SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h\r\n${line}\r\n\r\n`, 'latin1');

test('RFC 3261 §20.8: the Call-ID of a message is its own, whatever was thought likely', (t) => {
  for (const likely of [undefined, 'a84b@h', 'a84b@', 'a84b@hh', 'b84b@h', '']) {
    for (const line of [
      'Call-ID: a84b@h',
      'Call-ID:a84b@h',
      'Call-ID:  a84b@h ',
      'call-id: a84b@h',
      'i: a84b@h',
    ])
      t.is(callIdOf(message(line), likely), 'a84b@h', `${line}, ${likely}`);
    t.is(callIdOf(message('From: <sip:a@h>'), likely), undefined);
  }
});
