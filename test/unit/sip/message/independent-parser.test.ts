import { readFileSync } from 'node:fs';
import test from 'ava';
import Srf from 'drachtio-srf';
import { parseMessage } from '../../../../src/sip/message/parser.ts';
import { parseUri } from '../../../../src/sip/message/uri.ts';

/** What we use of drachtio-srf's parser, which shares no code with ours; its own typings leave it out. */
interface OtherMessage {
  readonly method?: string;
  get(name: string): string | undefined;
  getParsedHeader(
    name: 'via',
  ): { version: string; protocol: string; host: string; port?: number; params: object }[];
  getParsedHeader(name: 'cseq'): { seq: number; method: string };
  getParsedHeader(name: 'from' | 'to'): { params: { tag?: string } };
}
interface OtherParser {
  readonly SipMessage: new (text: string) => OtherMessage;
  parseUri(text: string): { scheme: string; user?: string; host: string; port?: number; params: object };
}
const other = Srf as unknown as OtherParser;

/** Well-formed messages that the other parser reads rightly as well (it joins the Vias of longreq). */
const FILES =
  `wsinv intmeth esc01 escnull lwsdisp dblreq semiuri transports mpart01 unreason noreason baddate trws unksm2
bext01 invut regaut01 bcast zeromf cparam01 cparam02 regescrt sdp01 inv2543`.split(/\s+/);

for (const file of FILES) {
  test(`RFC 4475 ${file}: same values as drachtio-srf's parser`, (t) => {
    const data = readFileSync(`test/fixtures/rfc4475/${file}.dat`);
    const ours = parseMessage(data, { datagram: true });
    const theirs = new other.SipMessage(data.toString('latin1'));
    t.is(ours.callId, theirs.get('call-id')?.trim() ?? '');
    t.deepEqual(ours.cseq, {
      number: theirs.getParsedHeader('cseq').seq,
      method: theirs.getParsedHeader('cseq').method,
    });
    t.is(ours.fromTag, theirs.getParsedHeader('from').params.tag);
    t.is(ours.toTag, theirs.getParsedHeader('to').params.tag);
    const vias = theirs.getParsedHeader('via');
    t.is(ours.headers('via').length, vias.length);
    const { host, protocol, port } = ours.topVia;
    t.like(vias[0], { host, protocol, port });
  });
}

for (const text of [
  'sip:alice@example.org',
  'sips:alice:secret@example.org:5061;transport=tcp',
  'sip:[2001:db8::1]:5070;lr',
  'sip:+12125551212@example.com;user=phone',
  'sip:192.0.2.4',
]) {
  test(`RFC 3261 §19.1: ${text} as drachtio-srf reads it`, (t) => {
    const ours = parseUri(text);
    const theirs = other.parseUri(text);
    t.is(ours.scheme, theirs.scheme);
    t.is(ours.user, theirs.user ?? undefined);
    t.is(ours.host, theirs.host.replace(/^\[|\]$/g, ''));
    t.is(ours.port ?? null, theirs.port || null);
    t.deepEqual(
      [...ours.params].map(([name, value]) => [name, value === true ? null : value]),
      Object.entries(theirs.params),
    );
  });
}
