import test from 'ava';
import fc from 'fast-check';
import { liveBytes } from '../../../../sim/live-bytes.ts';
import { type FramerHandler, StreamFramer } from '../../../../src/sip/message/framer.ts';

const MESSAGE = `MESSAGE sip:bob@example.org SIP/2.0
Via: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKa
Max-Forwards: 70
From: <sip:alice@example.org>;tag=1
To: <sip:bob@example.org>
Call-ID: call
CSeq: 1 MESSAGE
Content-Length: 9

one
two
`.replace(/\n/g, '\r\n');
const EMPTY = MESSAGE.replace('Content-Length: 9', 'Content-Length: 0').replace('one\r\ntwo\r\n', '');
const BODY = MESSAGE.replace('Content-Length: 9', 'Content-Length: 10');

/** Feeds the pieces and writes down what comes out. */
function frame(pieces: readonly (string | Buffer)[], options?: { maxBodyBytes?: number }): string[] {
  const seen: string[] = [];
  const handler: FramerHandler = {
    onMessage: (message) => seen.push(`message ${message.bodyLength}`),
    onPing: () => seen.push('ping'),
    onPong: () => seen.push('pong'),
    onError: (error) => seen.push(`${error.code}${error.request === undefined ? '' : ' answerable'}`),
  };
  const framer = new StreamFramer(handler, options);
  for (const piece of pieces) framer.push(Buffer.from(piece as string));
  return seen;
}

test('RFC 3261 §18.3: messages are cut by Content-Length, whatever the body contains', (t) => {
  t.deepEqual(frame([BODY + EMPTY + BODY]), ['message 10', 'message 0', 'message 10']);
});

test('RFC 3261 §18.3: any division of the stream gives the same messages', (t) => {
  const stream = `${BODY}${EMPTY}${BODY}`;
  fc.assert(
    fc.property(fc.array(fc.nat({ max: stream.length }), { maxLength: 12 }), (cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), stream.length];
      const pieces = edges.slice(1).map((edge, index) => stream.slice(edges[index], edge));
      t.deepEqual(frame(pieces), ['message 10', 'message 0', 'message 10']);
    }),
  );
  t.deepEqual(frame([...stream]), ['message 10', 'message 0', 'message 10']);
});

test('RFC 5626 §3.5.1: double CRLF is a ping, single CRLF a pong', (t) => {
  t.deepEqual(frame(['\r\n\r\n']), ['ping']);
  t.deepEqual(frame(['\r\n']), ['pong']);
  t.deepEqual(frame(['\r\n\r\n\r\n\r\n', EMPTY]), ['ping', 'ping', 'message 0']);
});

test('RFC 3261 §18.3, RFC 4475 §3.1.2.3: lost framing ends the stream, answerable where it can be', (t) => {
  t.deepEqual(frame([BODY.replace('Content-Length: 10\r\n', ''), EMPTY]), ['malformed-message answerable']);
  t.deepEqual(frame([BODY.replace(': 10', ': -1')]), ['malformed-message answerable']);
  t.deepEqual(frame(['GET / HTTP/1.1\r\n\r\n', EMPTY]), ['not-sip']);
  t.deepEqual(frame(['\rx']), ['not-sip']);
});

test('bad input: heads and bodies are bounded, junk is not hoarded', (t) => {
  t.deepEqual(frame([BODY.replace('Max-Forwards: 70', `X: ${'x'.repeat(70_000)}`)]), ['message-too-large']);
  t.deepEqual(frame([`MESSAGE sip:a SIP/2.0\r\n${'x'.repeat(70_000)}`]), ['message-too-large']);
  t.deepEqual(frame(['x'.repeat(5_000)]), ['not-sip']);
  t.deepEqual(frame([BODY], { maxBodyBytes: 9 }), ['message-too-large']);
});

test('RFC 3261 §18.3: arbitrary octets never throw, and nothing follows an error', (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }), (pieces) => {
      const seen = frame(pieces.map((piece) => Buffer.from(piece)));
      const failed = seen.findIndex((entry) => entry.includes('-'));
      t.true(failed < 0 || failed === seen.length - 1);
    }),
  );
  t.pass();
});

test('bounds: a body in single octets costs twice its length at the most, a rest no more than 8 kB beside itself', async (t) => {
  const handler: FramerHandler = {
    onMessage() {},
    onPing() {},
    onPong() {},
    onError: (error) => t.fail(error.code),
  };
  const head = EMPTY.replace('Content-Length: 0', 'Content-Length: 1000000');
  const before = await liveBytes();
  const slow = new StreamFramer(handler);
  slow.push(Buffer.from(head));
  for (let index = 0; index < 100_000; index += 1) slow.push(Buffer.from('x'));
  t.true(slow.heldBytes >= 100_000 && slow.heldBytes <= 200_000);
  const full = EMPTY.repeat(Math.floor(65_000 / EMPTY.length));
  const waiting = Array.from({ length: 100 }, () => {
    const framer = new StreamFramer(handler);
    framer.push(Buffer.from(`${full}M`));
    return framer;
  });
  const grown = (await liveBytes()) - before;
  t.true(grown < 2_000_000, `${grown} bytes`);
  t.true(slow.midMessage && waiting.every((framer) => framer.midMessage));
});
