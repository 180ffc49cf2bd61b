import { SipSyntaxError } from './errors.ts';
import { quotedEnd, skipSpace } from './text.ts';

/**
 * Parameters in the order written: names in lower case, values exactly as written (a quoted string keeps its
 * quotes, see `unquote`), `true` for a parameter without a value.
 */
export type Params = ReadonlyMap<string, string | true>;

export const noParams: Params = new Map();

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;

/**
 * Parses `;name=value;flag` from `from` to the end of the text, white space around each part allowed (RFC 3261
 * §25.1 `generic-param`).
 * @throws SipSyntaxError 'bad-header' on an empty name, an unclosed quote or stray text
 */
export function parseParams(text: string, from: number): Params {
  let at = skipSpace(text, from);
  if (at >= text.length) return noParams;
  const params = new Map<string, string | true>();
  while (at < text.length) {
    if (text.charCodeAt(at) !== SEMICOLON) throw bad(text);
    at = skipSpace(text, at + 1);
    const nameStart = at;
    at = wordEnd(text, at);
    if (at === nameStart) throw bad(text);
    const name = text.slice(nameStart, at).toLowerCase();
    at = skipSpace(text, at);
    let value: string | true = true;
    if (text.charCodeAt(at) === EQUALS) {
      at = skipSpace(text, at + 1);
      const valueStart = at;
      at = text.charCodeAt(at) === QUOTE ? quotedEnd(text, at) : valueEnd(text, at);
      if (at < 0) throw bad(text);
      value = text.slice(valueStart, at);
      at = skipSpace(text, at);
    }
    // The first one counts: a repeated parameter cannot override what an earlier element checked.
    if (!params.has(name)) params.set(name, value);
  }
  return params;
}

/** `;name=value;flag` */
export function formatParams(params: Params): string {
  let text = '';
  for (const [name, value] of params) text += value === true ? `;${name}` : `;${name}=${value}`;
  return text;
}

/** The value of a parameter that must have one; undefined when absent or written without a value. */
export function paramText(params: Params, name: string): string | undefined {
  const value = params.get(name);
  return value === true ? undefined : value;
}

function wordEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === SEMICOLON || code === EQUALS || isDelimiter(code)) break;
  }
  return at;
}

function valueEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === SEMICOLON || isDelimiter(code)) break;
  }
  return at;
}

/** Space, tab, comma, quote and angle brackets end a token; controls are never part of one. */
function isDelimiter(code: number): boolean {
  return code <= 0x20 || code === 0x2c || code === QUOTE || code === 0x3c || code === 0x3e || code === 0x7f;
}

function bad(text: string): SipSyntaxError {
  return new SipSyntaxError('bad-header', `malformed parameters: ${text.slice(0, 120)}`, {
    origin: 'remote',
  });
}
