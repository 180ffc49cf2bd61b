import test from 'ava';
import fc from 'fast-check';
import { createAck, createCancel, createRequest, createResponse } from '../../../../src/sip/message/build.ts';
import { Params } from '../../../../src/sip/message/params.ts';
import { MAX_HEAD_BYTES, MessageError, parseMessage } from '../../../../src/sip/message/parser.ts';
import { SipRequest } from '../../../../src/sip/message/request.ts';
import { SipResponse } from '../../../../src/sip/message/response.ts';
import { validateRequest } from '../../../../src/sip/message/validate.ts';
import { parseVia } from '../../../../src/sip/message/via.ts';

const INVITE = `INVITE sip:bob@example.org SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKa;rport
v: SIP/2.0/TCP 192.0.2.8;branch=z9hG4bKb, SIP/2.0/TCP 192.0.2.7;branch=z9hG4bKc
Max-Forwards: 70
Route: <sip:p1.example.org;lr>, <sip:p2.example.org;lr>
Record-Route: <sip:p0.example.org;lr>
f: "Alice" <sip:alice@example.org>;tag=1
t: <sip:bob@example.org>
i: call@192.0.2.9
CSeq: 7 INVITE
m: <sip:alice@192.0.2.9:5070>
Subject: a, b
X-Fold: one
  two
Content-Type: text/plain
l: 5

hello`.replace(/\n/g, '\r\n');

function invite(text: string = INVITE): SipRequest {
  const message = parseMessage(Buffer.from(text, 'latin1'), { datagram: true });
  if (!(message instanceof SipRequest)) throw new Error('not a request');
  return message;
}

test('RFC 3261 §7.3.3: compact and full names in any case are one header', (t) => {
  const message = invite();
  t.is(message.header('FROM'), '"Alice" <sip:alice@example.org>;tag=1');
  t.is(message.header('f'), message.header('From'));
  t.is(message.headers('Via').length, 3);
  t.is(message.lineCount('via'), 2);
  t.is(message.header('x-fold'), 'one two');
  t.deepEqual(message.headers('subject'), ['a, b']);
  t.true(message.has('call-id'));
  t.false(message.has('Expires'));
});

test('RFC 3261 §16.6: pushing Via and Record-Route and counting down leaves all else as it came', (t) => {
  const message = invite();
  message.prependHeader('Record-Route', '<sip:us.example.org;lr>');
  message.prependHeader('Via', 'SIP/2.0/UDP us.example.org;branch=z9hG4bKu');
  message.setHeader('Max-Forwards', String(message.maxForwards! - 1));
  message.setRequestUri('sip:bob@192.0.2.30');
  const expected = INVITE.replace('sip:bob@example.org SIP', 'sip:bob@192.0.2.30 SIP')
    .replace(
      'Via: SIP/2.0/UDP 192',
      'Via: SIP/2.0/UDP us.example.org;branch=z9hG4bKu\r\nVia: SIP/2.0/UDP 192',
    )
    .replace('Record-Route: ', 'Record-Route: <sip:us.example.org;lr>\r\nRecord-Route: ')
    .replace('Max-Forwards: 70', 'Max-Forwards: 69');
  t.is(message.encode().toString('latin1'), expected);
  t.is(message.toText(), expected);
  t.is(message.topVia.host, 'us.example.org');
  t.is(message.maxForwards, 69);
  t.is(message.uri.host, '192.0.2.30');
});

test('RFC 3261 §16.4, §16.7: one element is taken off a comma list', (t) => {
  const message = invite();
  message.removeFirstElement('Route');
  t.deepEqual(message.headers('Route'), ['<sip:p2.example.org;lr>']);
  t.is(message.routes[0]?.uri.host, 'p2.example.org');
  message.removeFirstElement('Route');
  t.false(message.has('Route'));
  t.deepEqual(message.routes, []);
  message.removeFirstElement('Via');
  message.removeFirstElement('Via');
  t.is(message.topVia.host, '192.0.2.7');
  message.removeFirstElement('Contact');
  t.deepEqual(message.contacts, []);
});

test('RFC 3261 §18.2.1: the top Via is rewritten without touching those beside it', (t) => {
  const message = invite();
  message.removeFirstElement('Via');
  message.setTopVia({
    ...message.topVia,
    params: new Params(['branch', 'z9hG4bKb', 'received', '192.0.2.66']),
  });
  t.deepEqual(message.headers('Via'), [
    'SIP/2.0/TCP 192.0.2.8;branch=z9hG4bKb;received=192.0.2.66',
    'SIP/2.0/TCP 192.0.2.7;branch=z9hG4bKc',
  ]);
});

test('a clone and its origin do not see each other’s edits', (t) => {
  const message = invite();
  t.is(message.from.displayName, 'Alice');
  const copy = message.clone();
  copy.setHeader('From', '<sip:carol@example.org>;tag=9');
  copy.removeHeader('Route');
  copy.setRequestUri('sip:x@y');
  t.is(copy.fromTag, '9');
  t.is(message.fromTag, '1');
  t.is(message.routes.length, 2);
  t.is(message.encode().toString('latin1'), INVITE);
});

test('header values of our own cannot break out of their line', (t) => {
  const message = invite();
  t.throws(() => message.setHeader('X', 'a\r\nEvil: 1'), { code: 'bad-value' });
  t.throws(() => message.appendHeader('X: y\r\nEvil', '1'), { code: 'bad-value' });
  t.throws(() => message.setRequestUri('sip:a@b SIP/2.0\r\nEvil: 1'), { code: 'bad-value' });
});

test('RFC 3261 §18.3: a missing Content-Length is added when encoding, and follows the body', (t) => {
  const message = invite(INVITE.replace('l: 5\r\n', ''));
  t.is(Buffer.from(message.body).toString(), 'hello');
  t.true(message.encode().includes('Content-Length: 5\r\n\r\nhello'));
  t.true(message.toText().endsWith('\r\n\r\nhello'));
  message.setBody(Buffer.from('hi'), 'text/html');
  t.is(message.contentLength, 2);
  t.is(message.header('c'), 'text/html');
  message.setBody(new Uint8Array(0));
  t.true(message.encode().toString('latin1').endsWith('\r\n\r\n'));
  t.false(message.has('Content-Type'));
});

test('RFC 3261 §8.2.6: a response copies Via, From, To, Call-ID, CSeq and Record-Route, and adds our tag', (t) => {
  const response = createResponse(invite(), 180, undefined, { toTag: 'us', headers: [['X-A', '1']] });
  t.is(
    response.encode().toString('latin1'),
    `SIP/2.0 180 Ringing
Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKa;rport
v: SIP/2.0/TCP 192.0.2.8;branch=z9hG4bKb, SIP/2.0/TCP 192.0.2.7;branch=z9hG4bKc
Record-Route: <sip:p0.example.org;lr>
f: "Alice" <sip:alice@example.org>;tag=1
To: <sip:bob@example.org>;tag=us
i: call@192.0.2.9
CSeq: 7 INVITE
X-A: 1
Content-Length: 0

`.replace(/\n/g, '\r\n'),
  );
});

test('RFC 3261 §8.2.6: 100 carries Timestamp and no tag; a tagged To stays; final refusals carry no Record-Route', (t) => {
  const trying = createResponse(invite(INVITE.replace('Subject: a, b', 'Timestamp: 54')), 100);
  t.is(trying.header('Timestamp'), '54');
  t.is(trying.toTag, undefined);
  const tagged = invite(INVITE.replace('t: <sip:bob@example.org>', 't: <sip:bob@example.org>;tag=b'));
  const busy = createResponse(tagged, 486, undefined, { toTag: 'us' });
  t.is(busy.toTag, 'b');
  t.false(busy.has('Record-Route'));
});

test('RFC 3261 §9.1, §17.1.1.3: CANCEL and ACK repeat what the INVITE had', (t) => {
  const request = invite();
  const cancel = createCancel(request);
  t.is(cancel.startLine, 'CANCEL sip:bob@example.org SIP/2.0');
  t.deepEqual(cancel.headers('Via'), ['SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKa;rport']);
  t.deepEqual(cancel.headers('Route'), request.headers('Route'));
  t.deepEqual(cancel.cseq, { number: 7, method: 'CANCEL' });
  t.is(cancel.toTag, undefined);
  const ack = createAck(request, createResponse(request, 486, undefined, { toTag: 'b' }));
  t.is(ack.toTag, 'b');
  t.deepEqual(ack.cseq, { number: 7, method: 'ACK' });
  t.is(ack.callId, request.callId);
  t.is(validateRequest(parseRequest(ack)), undefined);
});

test('RFC 3261 §8.1.1: a request of our own is valid', (t) => {
  const request = createRequest({
    method: 'OPTIONS',
    uri: 'sip:bob@192.0.2.1',
    via: 'SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKo',
    from: '<sip:us@example.org>;tag=1',
    to: '<sip:bob@192.0.2.1>',
    callId: 'x',
    cseq: 1,
    headers: [['Accept', 'application/sdp']],
    body: Buffer.from('b'),
    contentType: 'text/plain',
  });
  const parsed = parseRequest(request);
  t.is(validateRequest(parsed), undefined);
  t.is(parsed.maxForwards, 70);
  t.is(parsed.bodyLength, 1);
});

function parseRequest(request: SipRequest): SipRequest {
  return invite(request.encode().toString('latin1'));
}

test('RFC 3261 §20.19: Expires is clamped, and malformed counts as absent', (t) => {
  t.is(invite(INVITE.replace('Subject: a, b', 'Expires: 99999999999')).expires, 2 ** 32 - 1);
  t.is(invite(INVITE.replace('Subject: a, b', 'Expires: soon')).expires, undefined);
});

function codeOf(data: Buffer | string, datagram = true): string {
  try {
    parseMessage(Buffer.from(data as string), { datagram });
    return 'none';
  } catch (error) {
    return error instanceof MessageError
      ? `${error.code}${error.request === undefined ? '' : ' answerable'}`
      : String(error);
  }
}

test('RFC 3261 §18.3: what is no SIP is told from what is broken SIP', (t) => {
  t.is(codeOf(''), 'not-sip');
  t.is(codeOf('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 'not-sip');
  t.is(codeOf('SIP/2.0 200\r\n\r\n'), 'none');
  t.is(codeOf(INVITE.slice(0, 200)), 'truncated-message answerable');
  t.is(codeOf(INVITE.replace('l: 5', 'l: 6')), 'truncated-message answerable');
  t.is(codeOf(INVITE.replace('l: 5', 'l: 4')), 'none');
  t.is(codeOf(INVITE.replace('l: 5', 'l: 4'), false), 'malformed-message answerable');
  t.is(codeOf(INVITE.replace('Subject: a, b', 'no colon here')), 'malformed-message answerable');
  t.is(codeOf(INVITE.replace('Subject: a, b', 'Bad Name: x')), 'malformed-message answerable');
  t.is(codeOf(INVITE.replace('Subject: a, b', 'Subject: a\nEvil: b')), 'malformed-message answerable');
  t.is(codeOf(INVITE.replace('Subject: a, b', 'Subject: a\rb')), 'malformed-message answerable');
  t.is(
    codeOf(INVITE.replace('Subject: a, b', 'X: y\r\n'.repeat(300).trimEnd())),
    'malformed-message answerable',
  );
});

test('bad input: a head of 64 kB and more is refused, one below is read', (t) => {
  const head = (size: number) => INVITE.replace('Subject: a, b', `Subject: ${'x'.repeat(size)}`);
  t.is(codeOf(head(60_000)), 'none');
  t.is(codeOf(head(MAX_HEAD_BYTES)), 'message-too-large answerable');
  t.is(codeOf(Buffer.alloc(200_000, 'x')), 'not-sip');
});

test('RFC 3261 §7.5: line breaks before the start line are ignored', (t) => {
  t.is(invite(`\r\n\r\n${INVITE}`).method, 'INVITE');
});

test('every strict prefix of a message is refused cleanly', (t) => {
  for (let length = 0; length < INVITE.length; length += 1) {
    t.not(codeOf(INVITE.slice(0, length)), 'none', `prefix of ${length}`);
  }
});

/** A message with some of its octets replaced. */
const mutilated = fc
  .array(fc.tuple(fc.nat({ max: INVITE.length - 1 }), fc.nat({ max: 255 })), { maxLength: 8 })
  .map((changes) => {
    const data = Buffer.from(INVITE);
    for (const [at, octet] of changes) data[at] = octet;
    return data;
  });

test('arbitrary and mutilated octets: parsed and judged, or refused with a code; never anything else', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), mutilated), fc.boolean(), (octets, datagram) => {
      let message: SipRequest | SipResponse;
      try {
        message = parseMessage(Buffer.from(octets), { datagram });
      } catch (error) {
        if (!(error instanceof MessageError)) throw error;
        return;
      }
      const again = parseMessage(message.encode(), { datagram: false });
      t.is(again.startLine, message.startLine);
      t.deepEqual(again.body, message.body);
      if (message instanceof SipRequest && validateRequest(message) === undefined) {
        // The getters of a valid request do not throw.
        t.truthy([message.topVia, message.from, message.to, message.cseq, message.callId, message.uri]);
        t.is(parseVia(message.headers('via')[0]!).branch, message.topVia.branch);
        const response = createResponse(message, 404, undefined, { toTag: 'x' });
        t.true(parseMessage(response.encode(), { datagram: false }) instanceof SipResponse);
      }
    }),
    { numRuns: 4000 },
  );
  t.pass();
});
