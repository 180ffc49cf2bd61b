import { readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from './project.ts';

/** Of parser and validation stage. `accept`: fit for processing; a number: the status of the refusal; `drop`: silence. */
export type ParserVerdict = 'accept' | 'drop' | 400 | 416 | 505;

/**
 * Of a running gateway. `forward`: the callee got it, all but the hop's own headers unchanged, and his answer came back;
 * a number: the final status; `drop`: silence; `wait`: more octets are waited for; `close`: the connection is closed
 * without an answer. `closes`: behind the answer, because where the next message begins is lost.
 */
export type WireVerdict =
  | 'forward'
  | 'drop'
  | 'wait'
  | 'close'
  | number
  | { readonly status: number; readonly closes: true };

export interface TortureMessage {
  readonly rfc: 4475 | 5118;
  readonly section: string;
  readonly file: string;
  readonly parser: ParserVerdict;
  readonly udp: WireVerdict;
  readonly tcp: WireVerdict;
  /** Why this verdict. */
  readonly why: string;
}

type Row = readonly [
  file: string,
  section: string,
  parser: ParserVerdict,
  udp: WireVerdict,
  tcp: WireVerdict,
  why: string,
];

const RFC_4475: readonly Row[] = [
  [
    'wsinv',
    '3.1.1.1',
    'accept',
    'forward',
    'forward',
    'folds, white space, compact names, escaped quotes, several Vias a line',
  ],
  ['intmeth', '3.1.1.2', 'accept', 'forward', 'forward', 'every character a token and a user part may hold'],
  ['esc01', '3.1.1.3', 'accept', 'forward', 'forward', 'escapes in user parts and URI parameters'],
  ['escnull', '3.1.1.4', 'accept', 404, 404, 'escaped NUL octets in user parts: no user part we could serve'],
  [
    'esc02',
    '3.1.1.5',
    'accept',
    404,
    404,
    '% that is no escape: an unknown method to a host of ours without a user, and no REGISTER',
  ],
  ['lwsdisp', '3.1.1.6', 'accept', 'forward', 'forward', 'no space between display name and <'],
  ['longreq', '3.1.1.7', 'accept', 'forward', 'forward', 'long values'],
  [
    'dblreq',
    '3.1.1.8',
    'accept',
    200,
    'close',
    'octets after the body of a datagram are ignored; in a stream they are a request, its body longer than it says',
  ],
  ['semiuri', '3.1.1.9', 'accept', 'forward', 'forward', 'semicolon in the user part'],
  ['transports', '3.1.1.10', 'accept', 'forward', 'forward', 'unknown transports in Via'],
  ['mpart01', '3.1.1.11', 'accept', 'forward', 'forward', 'multipart body with binary octets'],
  ['unreason', '3.1.1.12', 'accept', 'drop', 'drop', 'UTF-8 in the reason phrase'],
  ['noreason', '3.1.1.13', 'accept', 'drop', 'drop', 'empty reason phrase'],
  ['badinv01', '3.1.2.1', 400, 400, 400, 'extraneous separators in Via and Contact'],
  [
    'clerr',
    '3.1.2.2',
    400,
    400,
    'wait',
    'Content-Length beyond the datagram; in a stream more is waited for',
  ],
  ['ncl', '3.1.2.3', 400, 400, { status: 400, closes: true }, 'negative Content-Length'],
  ['scalar02', '3.1.2.4', 400, 400, 400, 'CSeq and Max-Forwards out of range'],
  ['scalarlg', '3.1.2.5', 'drop', 'drop', 'drop', 'a response with a CSeq out of range'],
  ['quotbal', '3.1.2.6', 400, 400, 400, 'unterminated quoted string in To'],
  ['ltgtruri', '3.1.2.7', 400, 400, 400, 'angle brackets round the Request-URI'],
  ['lwsruri', '3.1.2.8', 400, 400, 400, 'white space in the Request-URI'],
  ['lwsstart', '3.1.2.9', 400, 400, 400, 'several spaces in the request line'],
  ['trws', '3.1.2.10', 'accept', 'forward', 'forward', 'white space after the request line harms nobody'],
  ['escruri', '3.1.2.11', 400, 400, 400, 'headers in the Request-URI'],
  ['baddate', '3.1.2.12', 'accept', 'forward', 'forward', 'a Date in EST: nothing here reads Date'],
  ['regbadct', '3.1.2.13', 400, 400, 400, 'a Contact with ? needs angle brackets'],
  ['badaspec', '3.1.2.14', 400, 400, 400, 'white space inside the brackets of To'],
  ['baddn', '3.1.2.15', 400, 400, 400, 'an unquoted display name with a comma'],
  ['badvers', '3.1.2.16', 505, 505, 505, 'SIP/7.0'],
  ['mismatch01', '3.1.2.17', 400, 400, 400, 'CSeq method is not the request method'],
  ['mismatch02', '3.1.2.18', 400, 400, 400, 'the same with an unknown method'],
  [
    'bigcode',
    '3.1.2.19',
    'drop',
    'drop',
    'close',
    'a status code of ten digits makes no status line: dropped, and its stream too',
  ],
  ['badbranch', '3.2.1', 400, 400, 400, 'a branch that is the cookie alone'],
  ['insuf', '3.3.1', 400, 400, 400, 'no Call-ID, From or To'],
  ['unkscm', '3.3.2', 416, 416, 416, 'unknown scheme in the Request-URI'],
  ['novelsc', '3.3.3', 416, 416, 416, 'known but atypical scheme in the Request-URI'],
  [
    'unksm2',
    '3.3.4',
    'accept',
    400,
    400,
    'unknown schemes in From, To and Contact: the registrar refuses what is no AoR',
  ],
  [
    'bext01',
    '3.3.5',
    'accept',
    420,
    420,
    'Proxy-Require is judged by the proxy, behind the validation stage; Require is the callee’s affair',
  ],
  ['invut', '3.3.6', 'accept', 'forward', 'forward', 'an unknown body type is the callee’s affair'],
  [
    'regaut01',
    '3.3.7',
    'accept',
    200,
    200,
    'an unknown credentials scheme: ignored where nobody is asked for a password, else challenged anew',
  ],
  ['multi01', '3.3.8', 400, 400, 400, 'CSeq, Call-ID, From, To and Max-Forwards twice'],
  ['mcl01', '3.3.9', 400, 400, { status: 400, closes: true }, 'two different Content-Lengths'],
  [
    'bcast',
    '3.3.10',
    'accept',
    'drop',
    'drop',
    'well-formed; matches no transaction, so nothing is forwarded',
  ],
  ['zeromf', '3.3.11', 'accept', 483, 483, 'Max-Forwards 0: a proxy does not forward it'],
  ['cparam01', '3.3.12', 'accept', 200, 200, 'Contact with an unknown header parameter'],
  ['cparam02', '3.3.13', 'accept', 200, 200, 'Contact with an unknown URI parameter'],
  ['regescrt', '3.3.14', 'accept', 200, 200, 'Contact with a URI header'],
  [
    'sdp01',
    '3.3.15',
    'accept',
    'forward',
    'forward',
    'an Accept without application/sdp is the callee’s affair',
  ],
  [
    'inv2543',
    '3.4.1',
    'accept',
    'forward',
    { status: 400, closes: true },
    'RFC 2543: no cookie in the branch, no Max-Forwards; no Content-Length, which a stream needs',
  ],
];

const RFC_5118: readonly Row[] = [
  ['ipv6-good', '4.1', 'accept', 200, 200, 'IPv6 references in Request-URI, Via and Contact'],
  ['ipv6-bad', '4.2', 400, 400, 400, 'an IPv6 address without brackets in the Request-URI'],
  [
    'port-ambiguous',
    '4.3',
    'accept',
    404,
    404,
    'the port inside the brackets is the end of another address, which is none of ours',
  ],
  ['port-unambiguous', '4.4', 'accept', 200, 200, 'the port outside the brackets'],
  ['via-received-param-with-delim', '4.5', 'accept', 481, 481, 'received in brackets is read as well'],
  ['via-received-param-no-delim', '4.5', 'accept', 200, 200, 'received without brackets'],
  ['ipv6-in-sdp', '4.6', 'accept', 'forward', 'forward', 'IPv6 addresses in SDP'],
  ['mult-ip-in-header', '4.7', 'accept', 'forward', 'forward', 'Vias of both families'],
  ['mult-ip-in-sdp', '4.8', 'accept', 'forward', 'forward', 'SDP with both families'],
  [
    'ipv4-mapped-ipv6',
    '4.9',
    'accept',
    'forward',
    'forward',
    'IPv4-mapped addresses in Via, Contact and SDP',
  ],
  [
    'ipv6-bug-abnf-3-colons',
    '4.10',
    'accept',
    'forward',
    'forward',
    'the extra colon of RFC 3261’s grammar before the IPv4 part is not seen',
  ],
  ['ipv6-correct-abnf-2-colons', '4.10', 'accept', 'forward', 'forward', 'an IPv4 part behind two colons'],
];

export const tortureManifest: readonly TortureMessage[] = [
  ...RFC_4475.map(
    ([file, section, parser, udp, tcp, why]) =>
      ({ rfc: 4475, section, file, parser, udp, tcp, why }) as const,
  ),
  ...RFC_5118.map(
    ([file, section, parser, udp, tcp, why]) =>
      ({ rfc: 5118, section, file, parser, udp, tcp, why }) as const,
  ),
];

export function tortureDirectory(rfc: number): string {
  return path.join(projectRoot, `test/fixtures/rfc${rfc}`);
}

export function tortureMessage({ rfc, file }: Pick<TortureMessage, 'rfc' | 'file'>): Buffer {
  return readFileSync(path.join(tortureDirectory(rfc), `${file}.dat`));
}
