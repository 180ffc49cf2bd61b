import { SipSyntaxError } from './errors.ts';
import { type Params, parseParams } from './params.ts';
import { quote, quotedEnd, skipSpace, sliceTrimmed, unquote } from './text.ts';
import { parseUri, type SipUri } from './uri.ts';

/** The value of From, To, Contact, Route, Record-Route and their like (RFC 3261 §25.1 `name-addr`, `addr-spec`). */
export interface NameAddr {
  /** Without quotes and escapes. */
  readonly displayName: string | undefined;
  readonly uri: SipUri;
  /** The header's own parameters, not the URI's. */
  readonly params: Params;
}

/** Unquoted display names are tokens; we bear other text as well, but nothing that could be read as structure. */
const UNQUOTED_NAME = /^[^",;:<>@\\]*$/;

/** What nearly all phones write into From and To: a name, a URI of user, host and port, a tag. */
const USUAL =
  /^(?:"[^"\\]*" ?)?<sips?:[A-Za-z0-9._+-]+@[A-Za-z0-9][A-Za-z0-9.-]*(?::[1-9][0-9]{0,3})?>(?:;tag=[A-Za-z0-9._+-]+)?$/;

/**
 * Whether it is one well-formed element, for those who need none of its parts.
 * @throws as `parseNameAddr` does
 */
export function checkNameAddr(text: string): void {
  if (!USUAL.test(text)) parseNameAddr(text);
}

/**
 * Parses one `"Name" <uri>;params` or `uri;params` element.
 * @throws SipSyntaxError 'bad-header' | 'bad-uri'
 */
export function parseNameAddr(text: string): NameAddr {
  const start = skipSpace(text, 0);
  let open: number;
  let displayName: string | undefined;
  if (text.charCodeAt(start) === 0x22) {
    const end = quotedEnd(text, start);
    if (end < 0) throw bad(text);
    open = skipSpace(text, end);
    if (text.charCodeAt(open) !== 0x3c) throw bad(text);
    displayName = unquote(text.slice(start, end));
  } else {
    open = text.indexOf('<', start);
    const colon = text.indexOf(':', start);
    // A bracket after the scheme's colon belongs to a parameter such as +sip.instance="<urn:…>".
    if (open < 0 || (colon >= 0 && colon < open && !text.slice(start, open).includes(','))) {
      return parseAddrSpec(text, start);
    }
    displayName = sliceTrimmed(text, start, open);
    if (!UNQUOTED_NAME.test(displayName)) throw bad(text);
    if (displayName === '') displayName = undefined;
  }
  const close = text.indexOf('>', open);
  if (close < 0) throw bad(text);
  return {
    displayName,
    uri: parseUri(text.slice(open + 1, close)),
    params: parseParams(text, close + 1),
  };
}

/** RFC 3261 §20.10: without angle brackets what follows a semicolon is the header's, and '?' or ',' are not allowed. */
function parseAddrSpec(text: string, start: number): NameAddr {
  let end = start;
  for (; end < text.length; end += 1) {
    const code = text.charCodeAt(end);
    if (code === 0x3b || code === 0x20 || code === 0x09) break;
    if (code === 0x3f || code === 0x2c) throw bad(text);
  }
  return { displayName: undefined, uri: parseUri(text.slice(start, end)), params: parseParams(text, end) };
}

/** Always in the bracketed form, which is never ambiguous. */
export function formatNameAddr({ displayName, uri, params }: NameAddr): string {
  return `${displayName === undefined ? '' : `${quote(displayName)} `}<${uri}>${params}`;
}

function bad(text: string): SipSyntaxError {
  return new SipSyntaxError('bad-header', `malformed address: ${text.slice(0, 120)}`, { origin: 'remote' });
}
