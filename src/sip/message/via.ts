import { SipSyntaxError } from './errors.ts';
import { canonicalIpv6 } from './ipv6.ts';
import { type Params, paramText, parseParams } from './params.ts';
import { skipSpace, sliceTrimmed } from './text.ts';
import { parsePort } from './uri.ts';

/** RFC 3261 §8.1.1.7: branches of RFC 3261 elements begin with this. */
export const BRANCH_COOKIE = 'z9hG4bK';

/** One Via element (RFC 3261 §20.42). */
export interface Via {
  /** Upper case: UDP, TCP, TLS, WS, WSS or something unknown. */
  readonly protocol: string;
  /** sent-by host, lower case, IPv6 without brackets and as RFC 5952 writes it. */
  readonly host: string;
  readonly port: number | undefined;
  readonly branch: string | undefined;
  readonly received: string | undefined;
  /** RFC 3581: true when the client asks for it, a port when it was filled in. */
  readonly rport: number | true | undefined;
  readonly params: Params;
}

/** name / version / transport; the version is judged with the start line's, so that a 505 can find its way back. */
const SENT_PROTOCOL =
  /^[A-Za-z0-9\-.!%*_+`'~]+[ \t]*\/[ \t]*[A-Za-z0-9\-.!%*_+`'~]+[ \t]*\/[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)[ \t]+/;
const HOST = /^[A-Za-z0-9._-]+$/;

/**
 * Parses one Via element.
 * @throws SipSyntaxError 'bad-header'
 */
export function parseVia(text: string): Via {
  let protocol: string;
  let at: number;
  if (text.startsWith('SIP/2.0/UDP ')) {
    protocol = 'UDP';
    at = 12;
  } else {
    const match = SENT_PROTOCOL.exec(text);
    if (match === null) throw bad(text);
    protocol = match[1]!.toUpperCase();
    at = match[0].length;
  }
  at = skipSpace(text, at);
  const semicolon = text.indexOf(';', at);
  const end = semicolon < 0 ? text.length : semicolon;
  const { host, port } = parseSentBy(text, at, end);
  const params = parseParams(text, end);
  const rport = params.get('rport');
  return {
    protocol,
    host,
    port,
    branch: paramText(params, 'branch'),
    // RFC 5118 §4.5: IPv6 in brackets or without.
    received: paramText(params, 'received')?.replace(/^\[|\]$/g, ''),
    rport: rport === undefined || rport === true ? rport : parsePort(rport),
    params,
  };
}

function parseSentBy(text: string, from: number, to: number): { host: string; port: number | undefined } {
  let hostEnd: number;
  let host: string;
  if (text.charCodeAt(from) === 0x5b) {
    const close = text.indexOf(']', from);
    if (close < 0 || close > to) throw bad(text);
    const literal = canonicalIpv6(text.slice(from + 1, close));
    if (literal === undefined) throw bad(text);
    host = literal;
    hostEnd = close + 1;
  } else {
    const colon = text.indexOf(':', from);
    hostEnd = colon < 0 || colon > to ? to : colon;
    host = sliceTrimmed(text, from, hostEnd);
    if (!HOST.test(host)) throw bad(text);
  }
  const rest = sliceTrimmed(text, hostEnd, to);
  if (rest === '') return { host: host.toLowerCase(), port: undefined };
  const port = rest.charCodeAt(0) === 0x3a ? parsePort(sliceTrimmed(rest, 1, rest.length)) : undefined;
  if (port === undefined) throw bad(text);
  return { host: host.toLowerCase(), port };
}

export function formatVia({
  protocol,
  host,
  port,
  params,
}: Pick<Via, 'protocol' | 'host' | 'port' | 'params'>): string {
  const literal = host.includes(':') ? `[${host}]` : host;
  return `SIP/2.0/${protocol} ${literal}${port === undefined ? '' : `:${port}`}${params}`;
}

function bad(text: string): SipSyntaxError {
  return new SipSyntaxError('bad-header', `malformed Via: ${text.slice(0, 120)}`, { origin: 'remote' });
}
