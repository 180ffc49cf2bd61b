import test from 'ava';
import { MessageFramer } from '../../../../src/sip/message/message-framer.ts';

const HEAD = [
  'OPTIONS sip:example.org SIP/2.0',
  'Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK1',
  'From: <sip:alice@example.org>;tag=1',
  'To: <sip:example.org>',
  'Call-ID: 1',
  'CSeq: 1 OPTIONS',
].join('\r\n');

function setUp() {
  const log: string[] = [];
  const framer = new MessageFramer({
    onMessage: (message) => log.push(`message ${Buffer.from(message.body).toString()}`),
    onPing: () => log.push('ping'),
    onPong: () => log.push('pong'),
    onRefused: ({ code, request }) => log.push(`${code} ${request?.method}`),
  });
  return { log, push: (text: string) => framer.push(Buffer.from(text)) };
}

test('RFC 7118 §5: a WebSocket message is a whole SIP message, Content-Length or not', (t) => {
  const { log, push } = setUp();
  push(`${HEAD}\r\n\r\n`);
  push(`${HEAD}\r\n\r\nhello`);
  push(`${HEAD}\r\nContent-Length: 5\r\n\r\nhello`);
  t.deepEqual(log, ['message ', 'message hello', 'message hello']);
});

test('RFC 5626 §3.5.1: a double CRLF is a ping, a single one a pong', (t) => {
  const { log, push } = setUp();
  push('\r\n\r\n');
  push('\r\n');
  t.deepEqual(log, ['ping', 'pong']);
});

test('a message that is no good is refused by itself; the next one is taken', (t) => {
  const { log, push } = setUp();
  push('hello');
  push(`${HEAD}\r\nContent-Length: 9\r\n\r\nhello`);
  push(`${HEAD}\r\nContent-Length: 2\r\n\r\nhello`);
  push(`${HEAD}\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`);
  push(`${HEAD}\r\n\r\n`);
  t.deepEqual(log, [
    'not-sip undefined',
    'truncated-message OPTIONS',
    'malformed-message OPTIONS',
    'message-too-large OPTIONS',
    'message ',
  ]);
});
