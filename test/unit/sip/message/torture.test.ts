import { readdirSync } from 'node:fs';
import test from 'ava';
import { MessageError, parseMessage } from '../../../../src/sip/message/parser.ts';
import { SipRequest } from '../../../../src/sip/message/request.ts';
import { SipResponse } from '../../../../src/sip/message/response.ts';
import { isUsableResponse, validateRequest } from '../../../../src/sip/message/validate.ts';
import {
  type ParserVerdict,
  tortureDirectory,
  tortureManifest,
  tortureMessage,
} from '../../../support/torture-manifest.ts';

/** Not in RFC 4475's text but in its archive. */
const SURPLUS = 'test';

function load(file: string): Buffer {
  return tortureMessage({ rfc: 4475, file });
}

function judge(data: Buffer): ParserVerdict | number {
  try {
    const message = parseMessage(data, { datagram: true });
    if (message instanceof SipResponse) return isUsableResponse(message) ? 'accept' : 'drop';
    return validateRequest(message)?.status ?? 'accept';
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    return error.request === undefined ? 'drop' : 400;
  }
}

for (const message of tortureManifest) {
  const { rfc, section, file, parser, why } = message;
  test(`RFC ${rfc} §${section} ${file}: ${parser} (${why})`, (t) => {
    t.is(judge(tortureMessage(message)), parser);
  });
}

test('RFC 4475: a request line without a version is not SIP', (t) => {
  t.is(judge(load(SURPLUS)), 'drop');
});

for (const rfc of [4475, 5118]) {
  test(`RFC ${rfc}: the manifest names every file of the archive`, (t) => {
    const files = readdirSync(tortureDirectory(rfc)).map((name) => name.replace(/\.dat$/, ''));
    const named = tortureManifest.filter((message) => message.rfc === rfc).map(({ file }) => file);
    t.deepEqual([...named, ...(rfc === 4475 ? [SURPLUS] : [])].sort(), files.sort());
  });
}

function request(file: string): SipRequest {
  const message = parseMessage(load(file), { datagram: true });
  if (!(message instanceof SipRequest)) throw new Error(`${file} is not a request`);
  return message;
}

test('RFC 4475 §3.1.1.1 wsinv: values are read through folds and white space', (t) => {
  const message = request('wsinv');
  t.is(message.requestUri, 'sip:vivekg@chair-dnrc.example.com;unknownparam');
  t.is(message.toTag, '1918181833n');
  t.is(message.from.displayName, 'J Rosenberg \\"');
  t.is(message.fromTag, '98asjd8');
  t.is(message.maxForwards, 68);
  t.deepEqual(message.cseq, { number: 9, method: 'INVITE' });
  t.is(message.contentLength, 150);
  t.is(message.header('Subject'), '');
  t.is(message.header('newfangledheader'), 'newfangled value continued newfangled value');
  t.deepEqual(
    message.headers('via').map((via) => via.replace(/\s+/g, ' ')),
    [
      'SIP / 2.0 /UDP 192.0.2.2;branch=390skdjuw',
      'SIP / 2.0 / TCP spindle.example.com ; branch = z9hG4bK9ikj8',
      'SIP / 2.0 / UDP 192.168.255.111 ; branch= z9hG4bK30239',
    ],
  );
  const [contact] = message.contacts;
  if (typeof contact !== 'object') return t.fail('no contact');
  t.is(contact.displayName, 'Quoted string ""');
  t.is(contact.params.get('q'), '0.33');
  t.is(contact.params.get('secondparam'), true);
});

test('RFC 4475 §3.1.1.3 esc01: escapes stay in values, parameter names are resolved', (t) => {
  const message = request('esc01');
  t.is(message.uri.user, 'sips%3Auser%40example.com');
  t.is(message.uri.host, 'example.net');
  const [contact] = message.contacts;
  if (typeof contact !== 'object') return t.fail('no contact');
  t.is(contact.uri.params.get('lr'), true);
  t.is(contact.uri.params.get('name'), 'v%61lue%25%34%31');
});

test('RFC 4475 §3.1.1.8 dblreq: the body ends where Content-Length says', (t) => {
  const message = request('dblreq');
  t.is(message.method, 'REGISTER');
  t.is(message.body.length, 0);
  t.false(message.encode().includes('INVITE'));
});

test('RFC 4475 §3.1.1.12 unreason: UTF-8 passes through unharmed', (t) => {
  const data = load('unreason');
  const message = parseMessage(data, { datagram: true });
  if (!(message instanceof SipResponse)) return t.fail('not a response');
  t.true(Buffer.from(message.reason, 'latin1').toString('utf8').startsWith('= 2**3 * 5**2 но'));
  t.deepEqual(message.encode(), data);
});

test('accepted messages without trailing octets are encoded as they came', (t) => {
  for (const message of tortureManifest) {
    const { file, parser } = message;
    if (parser !== 'accept' || ['dblreq', 'trws', 'inv2543', 'noreason'].includes(file)) continue;
    const data = tortureMessage(message);
    t.deepEqual(parseMessage(data, { datagram: true }).encode(), data, file);
  }
});

test('RFC 5118 §4.10: two colons or three, the host is the same', (t) => {
  const hosts = ['ipv6-bug-abnf-3-colons', 'ipv6-correct-abnf-2-colons'].map((file) => {
    const message = parseMessage(tortureMessage({ rfc: 5118, file }), { datagram: true });
    return message instanceof SipRequest ? message.uri.host : undefined;
  });
  t.deepEqual(hosts, ['2001:db8::c000:201', '2001:db8::c000:201']);
});
