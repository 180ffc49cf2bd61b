import test from 'ava';
import fc from 'fast-check';
import { parseMessage } from '../../../../src/sip/message/parser.ts';
import { SipRequest } from '../../../../src/sip/message/request.ts';

const REQUEST_LINE = /^([A-Za-z0-9\-.!%*_+`'~]{1,64}) (.*) (SIP\/[0-9]{1,3}\.[0-9]{1,3})[ \t]*$/i;

test('RFC 3261 §25.1: a request line is read the same way, usual or not', (t) => {
  const piece = fc.constantFrom(
    'INVITE',
    'BYE',
    'invite',
    'X',
    ' ',
    'sip:a@h',
    'SIP/2.0',
    'sip/2.0',
    '\n',
    '\r',
    '\t',
    'é',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const line = pieces.join('');
      if (line.includes('\r\n') || line.startsWith('SIP/')) return;
      const expected = REQUEST_LINE.exec(line);
      let read: unknown;
      try {
        const message = parseMessage(Buffer.from(`${line}\r\nVia: SIP/2.0/UDP h\r\n\r\n`, 'latin1'), {
          datagram: true,
        });
        if (message instanceof SipRequest) read = [message.method, message.requestUri, message.version];
      } catch {
        read = undefined;
      }
      t.deepEqual(
        read,
        expected === null ? undefined : [expected[1], expected[2], expected[3]!.toUpperCase()],
      );
    }),
    { numRuns: 5000 },
  );
});
