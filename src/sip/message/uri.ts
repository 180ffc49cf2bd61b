import { SipSyntaxError } from './errors.ts';
import { canonicalIpv6 } from './ipv6.ts';
import { noParams, type Params, ParamsBuilder } from './params.ts';
import { percentDecode } from './text.ts';

/** The parts a URI is built from; see the fields of `SipUri`. */
export interface SipUriParts {
  readonly scheme?: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly host: string;
  readonly port?: number | undefined;
  readonly params?: Params;
  readonly headers?: string | undefined;
  readonly opaque?: string | undefined;
}

/** An immutable SIP, SIPS or tel URI (RFC 3261 §19.1, RFC 3966), or any other URI kept as it is in `opaque`. */
export class SipUri {
  /** Lower case. */
  readonly scheme: string;
  /** As written, escapes kept; the number of a tel URI. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Lower case, IPv6 without brackets and as RFC 5952 writes it; empty for schemes other than sip and sips. */
  readonly host: string;
  readonly port: number | undefined;
  /** Names unescaped and in lower case, values as written. */
  readonly params: Params;
  /** What follows `?`, as written. */
  readonly headers: string | undefined;
  /** What follows the colon, for schemes we do not know. */
  readonly opaque: string | undefined;
  #text: string | undefined;

  constructor(parts: SipUriParts, text?: string) {
    this.scheme = parts.scheme ?? 'sip';
    this.user = parts.user;
    this.password = parts.password;
    this.host = parts.host;
    this.port = parts.port;
    this.params = parts.params ?? noParams;
    this.headers = parts.headers;
    this.opaque = parts.opaque;
    this.#text = text;
  }

  get isSip(): boolean {
    return this.scheme === 'sip' || this.scheme === 'sips';
  }

  /** The transport parameter in lower case. */
  get transport(): string | undefined {
    const value = this.params.get('transport');
    return value === undefined || value === true ? undefined : value.toLowerCase();
  }

  /** A copy with some parts replaced; `undefined` removes a part. */
  with(changes: Partial<SipUriParts>): SipUri {
    return new SipUri({ ...this.parts(), ...changes });
  }

  /** As it was written, or put together from its parts. */
  toString(): string {
    this.#text ??= this.#format();
    return this.#text;
  }

  parts(): SipUriParts {
    const { scheme, user, password, host, port, params, headers, opaque } = this;
    return { scheme, user, password, host, port, params, headers, opaque };
  }

  #format(): string {
    if (this.opaque !== undefined) return `${this.scheme}:${this.opaque}`;
    if (this.scheme === 'tel') return `tel:${this.user ?? ''}${this.params}`;
    const password = this.password === undefined ? '' : `:${this.password}`;
    const user = this.user === undefined ? '' : `${this.user}${password}@`;
    const host = this.host.includes(':') ? `[${this.host}]` : this.host;
    const port = this.port === undefined ? '' : `:${this.port}`;
    const headers = this.headers === undefined ? '' : `?${this.headers}`;
    return `${this.scheme}:${user}${host}${port}${this.params}${headers}`;
  }
}

/** Octets that never stand unescaped in a URI: controls, space, quote, angle brackets, backslash, non-ASCII. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what it looks for
const FORBIDDEN = /[\x00-\x20"<>\\\x7f-\uffff]/;
const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*)$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;

/**
 * Parses an absolute URI: sip and sips into their parts, tel into number and parameters, others as opaque text.
 * @throws SipSyntaxError 'bad-uri'
 */
export function parseUri(text: string): SipUri {
  if (FORBIDDEN.test(text)) throw bad(text);
  const colon = text.indexOf(':');
  const scheme =
    colon === 3 && text.startsWith('sip:') ? 'sip' : text.slice(0, Math.max(colon, 0)).toLowerCase();
  if (scheme === 'sip' || scheme === 'sips') return parseSipUri(text, scheme, colon + 1);
  if (!SCHEME.test(scheme)) throw bad(text);
  if (scheme !== 'tel') return new SipUri({ scheme, host: '', opaque: text.slice(colon + 1) }, text);
  const semicolon = text.indexOf(';');
  const end = semicolon < 0 ? text.length : semicolon;
  if (end === colon + 1) throw bad(text);
  const user = text.slice(colon + 1, end);
  return new SipUri({ scheme, user, host: '', params: parseUriParams(text, end, text.length) }, text);
}

function parseSipUri(text: string, scheme: string, start: number): SipUri {
  let user: string | undefined;
  let password: string | undefined;
  let at = start;
  // An unescaped @ stands in neither parameters nor headers, so the first one ends the user part, which itself may
  // hold ';' and '?' (RFC 3261 §25.1 user-unreserved).
  const separator = text.indexOf('@', start);
  if (separator >= 0) {
    const colon = text.indexOf(':', start);
    const userEnd = colon >= 0 && colon < separator ? colon : separator;
    user = text.slice(start, userEnd);
    if (userEnd !== separator) password = text.slice(userEnd + 1, separator);
    if (user === '') throw bad(text);
    at = separator + 1;
  }
  let host: string;
  if (text.charCodeAt(at) === 0x5b) {
    const close = text.indexOf(']', at);
    const literal = close < 0 ? undefined : canonicalIpv6(text.slice(at + 1, close));
    if (literal === undefined) throw bad(text);
    host = literal;
    at = close + 1;
  } else {
    const end = hostEnd(text, at);
    host = text.slice(at, end);
    if (!HOST_NAME.test(host)) throw bad(text);
    at = end;
  }
  let port: number | undefined;
  if (text.charCodeAt(at) === 0x3a) {
    const end = hostEnd(text, at + 1);
    port = parsePort(text.slice(at + 1, end));
    if (port === undefined) throw bad(text);
    at = end;
  }
  const question = text.indexOf('?', at);
  const paramsEnd = question < 0 ? text.length : question;
  const params = parseUriParams(text, at, paramsEnd);
  const headers = question < 0 ? undefined : text.slice(question + 1);
  return new SipUri({ scheme, user, password, host: host.toLowerCase(), port, params, headers }, text);
}

/** Any URI as it may stand in a request line: without headers and method (RFC 3261 §19.1.1 table 1, §16.6 step 2). */
export function asRequestUri(text: string): string {
  // Seldom has a Contact any of them: parsing for nothing is spared.
  if (!/\?|;method=/i.test(text)) return text;
  const uri = parseUri(text);
  return uri.with({ params: uri.params.without(['method']), headers: undefined }).toString();
}

function parseUriParams(text: string, from: number, to: number): Params {
  if (from === to) return noParams;
  if (text.charCodeAt(from) !== 0x3b) throw bad(text);
  const params = new ParamsBuilder();
  for (let start = from + 1; start <= to; ) {
    const semicolon = text.indexOf(';', start);
    const end = semicolon < 0 || semicolon > to ? to : semicolon;
    const equals = text.indexOf('=', start);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    const name = percentDecode(text.slice(start, nameEnd))?.toLowerCase();
    if (name === undefined || name === '') throw bad(text);
    params.add(name, nameEnd === end ? true : text.slice(nameEnd + 1, end));
    start = end + 1;
  }
  return params.build();
}

/** A decimal port 1-65535; undefined when it is none. */
export function parsePort(text: string): number | undefined {
  if (text.length === 0 || text.length > 5) return undefined;
  let port = 0;
  for (let at = 0; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    port = 10 * port + digit;
  }
  return port >= 1 && port <= 65535 ? port : undefined;
}

function hostEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x3a || code === 0x3b || code === 0x3f) break;
  }
  return at;
}

function bad(text: string): SipSyntaxError {
  return new SipSyntaxError('bad-uri', `malformed URI: ${text.slice(0, 120)}`, { origin: 'remote' });
}
