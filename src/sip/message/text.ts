/**
 * Scanning helpers for header text. Heads are handled as "binary text": one char per octet (latin1), so offsets in
 * the text are offsets in the datagram and UTF-8 passes through unharmed. That is why nothing here uses `trim()`
 * or `\s`: U+00A0 may be the second octet of a UTF-8 character.
 */

const HTAB = 0x09;
const SP = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/;
const FOLD = /[ \t]*\r\n[ \t]+/g;

/** RFC 3261 §25.1 `token`. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** The first position at or after `from` that is neither space nor tab. Folds are removed before scanning. */
export function skipSpace(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code === SP || code === HTAB; code = text.charCodeAt(at)) at += 1;
  return at;
}

/** The part of `text` between two positions without surrounding spaces and tabs. */
export function sliceTrimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function trimSpace(text: string): string {
  return sliceTrimmed(text, 0, text.length);
}

/** RFC 3261 §7.3.1: a fold (CRLF and white space) stands for one space. */
export function unfold(text: string): string {
  return text.includes('\n') ? trimSpace(text.replace(FOLD, ' ')) : text;
}

/** The position after the quoted string that begins at `from`, or -1 when it is never closed. */
export function quotedEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at += 1;
    else if (code === QUOTE) return at + 1;
  }
  return -1;
}

/** The content of a quoted string without its escapes; text that is not quoted comes back as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || text.charCodeAt(0) !== QUOTE || text.charCodeAt(text.length - 1) !== QUOTE)
    return text;
  const content = text.slice(1, -1);
  return content.includes('\\') ? content.replace(/\\(.)/g, '$1') : content;
}

/** `text` as a quoted string (RFC 3261 §25.1). */
export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * The position of the first comma at or after `from` that stands neither in a quoted string nor in angle brackets;
 * -1 when there is none. An unclosed quote or bracket swallows the rest.
 */
export function nextComma(text: string, from: number): number {
  if (text.indexOf(',', from) < 0) return -1;
  let inBrackets = false;
  for (let at = from; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = inBrackets ? at + 1 : quotedEnd(text, at);
        if (end < 0) return -1;
        at = end - 1;
        break;
      }
      case 0x3c: // <
        inBrackets = true;
        break;
      case 0x3e: // >
        inBrackets = false;
        break;
      case 0x2c: // ,
        if (!inBrackets) return at;
        break;
    }
  }
  return -1;
}

/** The elements of a comma-separated header value, trimmed; empty elements are kept, for validation to refuse. */
export function splitList(value: string): string[] {
  const elements: string[] = [];
  let start = 0;
  for (let comma = nextComma(value, 0); comma >= 0; comma = nextComma(value, start)) {
    elements.push(sliceTrimmed(value, start, comma));
    start = comma + 1;
  }
  elements.push(sliceTrimmed(value, start, value.length));
  return elements;
}

/** Replaces %HH escapes by the octets they stand for; undefined when an escape is malformed. */
export function percentDecode(text: string): string | undefined {
  if (!text.includes('%')) return text;
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function isSpace(code: number): boolean {
  return code === SP || code === HTAB;
}
