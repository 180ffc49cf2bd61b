import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { MessageError, parseMessage } from '../../../../src/sip/message/parser.ts';
import { SipRequest } from '../../../../src/sip/message/request.ts';
import { SipResponse } from '../../../../src/sip/message/response.ts';
import { isUsableResponse, validateRequest } from '../../../../src/sip/message/validate.ts';

/** `accept`: fit for processing; a number: refused with this status; `drop`: met with silence. */
type Verdict = 'accept' | 'drop' | 400 | 416 | 505;

/** RFC 4475: file, section, the verdict of parser and validation stage on a datagram, and why. */
const MANIFEST: readonly (readonly [file: string, section: string, verdict: Verdict, why: string])[] = [
  ['wsinv', '3.1.1.1', 'accept', 'folds, white space, compact names, escaped quotes, several Vias a line'],
  ['intmeth', '3.1.1.2', 'accept', 'every character a token and a user part may hold'],
  ['esc01', '3.1.1.3', 'accept', 'escapes in user parts and URI parameters'],
  ['escnull', '3.1.1.4', 'accept', 'escaped NUL octets in user parts'],
  ['esc02', '3.1.1.5', 'accept', '% that is no escape; the method is unknown, which is for the TU to say'],
  ['lwsdisp', '3.1.1.6', 'accept', 'no space between display name and <'],
  ['longreq', '3.1.1.7', 'accept', 'long values'],
  ['dblreq', '3.1.1.8', 'accept', 'octets after the body of a datagram are ignored'],
  ['semiuri', '3.1.1.9', 'accept', 'semicolon in the user part'],
  ['transports', '3.1.1.10', 'accept', 'unknown transports in Via'],
  ['mpart01', '3.1.1.11', 'accept', 'multipart body with binary octets'],
  ['unreason', '3.1.1.12', 'accept', 'UTF-8 in the reason phrase'],
  ['noreason', '3.1.1.13', 'accept', 'empty reason phrase'],
  ['badinv01', '3.1.2.1', 400, 'extraneous separators in Via and Contact'],
  ['clerr', '3.1.2.2', 400, 'Content-Length beyond the datagram'],
  ['ncl', '3.1.2.3', 400, 'negative Content-Length'],
  ['scalar02', '3.1.2.4', 400, 'CSeq and Max-Forwards out of range'],
  ['scalarlg', '3.1.2.5', 'drop', 'a response with a CSeq out of range'],
  ['quotbal', '3.1.2.6', 400, 'unterminated quoted string in To'],
  ['ltgtruri', '3.1.2.7', 400, 'angle brackets round the Request-URI'],
  ['lwsruri', '3.1.2.8', 400, 'white space in the Request-URI'],
  ['lwsstart', '3.1.2.9', 400, 'several spaces in the request line'],
  ['trws', '3.1.2.10', 'accept', 'white space after the request line harms nobody'],
  ['escruri', '3.1.2.11', 400, 'headers in the Request-URI'],
  ['baddate', '3.1.2.12', 'accept', 'a Date in EST: nothing here reads Date'],
  ['regbadct', '3.1.2.13', 400, 'a Contact with ? needs angle brackets'],
  ['badaspec', '3.1.2.14', 400, 'white space inside the brackets of To'],
  ['baddn', '3.1.2.15', 400, 'an unquoted display name with a comma'],
  ['badvers', '3.1.2.16', 505, 'SIP/7.0'],
  ['mismatch01', '3.1.2.17', 400, 'CSeq method is not the request method'],
  ['mismatch02', '3.1.2.18', 400, 'the same with an unknown method'],
  ['bigcode', '3.1.2.19', 'drop', 'status code of ten digits'],
  ['badbranch', '3.2.1', 400, 'a branch that is the cookie alone'],
  ['insuf', '3.3.1', 400, 'no Call-ID, From or To'],
  ['unkscm', '3.3.2', 416, 'unknown scheme in the Request-URI'],
  ['novelsc', '3.3.3', 416, 'known but atypical scheme in the Request-URI'],
  [
    'unksm2',
    '3.3.4',
    'accept',
    'unknown schemes in From, To and Contact: the registrar refuses it, a proxy does not',
  ],
  ['bext01', '3.3.5', 'accept', 'Proxy-Require is judged by the proxy (420), behind this stage'],
  ['invut', '3.3.6', 'accept', 'an unknown body type is the callee’s affair'],
  ['regaut01', '3.3.7', 'accept', 'an unknown credentials scheme is the registrar’s affair'],
  ['multi01', '3.3.8', 400, 'CSeq, Call-ID, From, To and Max-Forwards twice'],
  ['mcl01', '3.3.9', 400, 'two different Content-Lengths'],
  ['bcast', '3.3.10', 'accept', 'well-formed; matches no transaction, so nothing is forwarded'],
  ['zeromf', '3.3.11', 'accept', 'Max-Forwards 0: the proxy answers 483, a UAS processes it'],
  ['cparam01', '3.3.12', 'accept', 'Contact with an unknown header parameter'],
  ['cparam02', '3.3.13', 'accept', 'Contact with an unknown URI parameter'],
  ['regescrt', '3.3.14', 'accept', 'Contact with a URI header'],
  ['sdp01', '3.3.15', 'accept', 'an Accept without application/sdp is the callee’s affair'],
  ['inv2543', '3.4', 'accept', 'RFC 2543: no cookie in the branch, no Max-Forwards, no Content-Length'],
];

/** Not in RFC 4475's list but in its archive. */
const EXTRA: typeof MANIFEST = [['test', '—', 'drop', 'a request line without a version is not SIP']];

// AVA runs tests with the project's root as working directory.
const fixtures = 'test/fixtures/rfc4475';

function load(file: string): Buffer {
  return readFileSync(`${fixtures}/${file}.dat`);
}

function judge(data: Buffer): Verdict | number {
  try {
    const message = parseMessage(data, { datagram: true });
    if (message instanceof SipResponse) return isUsableResponse(message) ? 'accept' : 'drop';
    return validateRequest(message)?.status ?? 'accept';
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    return error.request === undefined ? 'drop' : 400;
  }
}

for (const [file, section, verdict, why] of [...MANIFEST, ...EXTRA]) {
  test(`RFC 4475 §${section} ${file}: ${verdict} (${why})`, (t) => {
    t.is(judge(load(file)), verdict);
  });
}

test('RFC 4475: the manifest names every file of the archive', (t) => {
  const files = readdirSync(fixtures).map((name) => name.replace(/\.dat$/, ''));
  t.deepEqual([...MANIFEST, ...EXTRA].map(([file]) => file).sort(), files.sort());
});

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
  for (const [file, , verdict] of MANIFEST) {
    if (verdict !== 'accept' || ['dblreq', 'trws', 'inv2543', 'noreason'].includes(file)) continue;
    t.deepEqual(parseMessage(load(file), { datagram: true }).encode(), load(file), file);
  }
});
