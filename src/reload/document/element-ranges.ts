import { DocumentError } from './document-error.ts';

/** Bytes a document may have. */
export const MAX_DOCUMENT_BYTES = 262_144;
const MAX_ELEMENTS = 8_192;
const MAX_DEPTH = 32;
/** Validation takes time with the square of their number. */
const MAX_ATTRIBUTES = 32;

/** Where an element stands in its document: from the `<` of its start tag to behind the `>` of its end tag. */
export interface ElementRange {
  /** As the start tag has it, prefix included. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

interface Open {
  readonly name: string;
  readonly start: number;
  end: number;
}

/**
 * The elements of a document in the order of their start tags. Signatures cover the exact bytes of an element (RFC
 * 6940 §11.1), which an XML parser does not give. Sound for well-formed documents only: whether it is one the parser
 * says. A document type declaration is refused, and with it every entity, before the parser sees the bytes.
 * @throws DocumentError 'document-malformed'
 */
export function elementRanges(bytes: Uint8Array): readonly ElementRange[] {
  if (bytes.length > MAX_DOCUMENT_BYTES) malformed(`${bytes.length} bytes, more than ${MAX_DOCUMENT_BYTES}`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Open[] = [];
  const open: Open[] = [];
  for (let at = text.indexOf(LESS); at !== -1; at = text.indexOf(LESS, at)) {
    if (isAt(text, '<!--', at)) at = behind(text, '-->', at + 4);
    else if (isAt(text, '<![CDATA[', at)) at = behind(text, ']]>', at + 9);
    else if (text[at + 1] === BANG) malformed('it has a document type declaration');
    else if (text[at + 1] === QUESTION) at = behind(text, '?>', at + 2);
    else if (text[at + 1] === SLASH) {
      const element = open.pop() ?? malformed('an end tag without a start tag');
      at = behind(text, '>', at + 2);
      element.end = at;
    } else {
      const end = endOfStartTag(text, at);
      const element: Open = { name: nameAt(text, at + 1), start: at, end };
      if (elements.push(element) > MAX_ELEMENTS) malformed(`more than ${MAX_ELEMENTS} elements`);
      if (text[end - 2] !== SLASH && open.push(element) > MAX_DEPTH) malformed(`deeper than ${MAX_DEPTH}`);
      at = end;
    }
  }
  if (open.length > 0 || elements.length === 0) malformed('it ends too early');
  return elements;
}

const LESS = 0x3c;
const GREATER = 0x3e;
const SLASH = 0x2f;
const BANG = 0x21;
const QUESTION = 0x3f;
const QUOTES: readonly number[] = [0x22, 0x27];

function isAt(text: Buffer, mark: string, at: number): boolean {
  return text.toString('latin1', at, at + mark.length) === mark;
}

/** Just behind the next `mark`. */
function behind(text: Buffer, mark: string, from: number): number {
  const at = text.indexOf(mark, from, 'latin1');
  return at === -1 ? malformed('it ends too early') : at + mark.length;
}

/** An attribute value may hold a `>`. */
function endOfStartTag(text: Buffer, start: number): number {
  let attributes = 0;
  for (let at = start + 1; at < text.length; at++) {
    const byte = text[at]!;
    if (byte === GREATER) return at + 1;
    if (QUOTES.includes(byte)) {
      if (++attributes > MAX_ATTRIBUTES) malformed(`an element with more than ${MAX_ATTRIBUTES} attributes`);
      at = text.indexOf(byte, at + 1);
      if (at === -1) break;
    }
  }
  return malformed('it ends too early');
}

function nameAt(text: Buffer, start: number): string {
  let end = start;
  while (end < text.length && !NAME_ENDS.has(text[end]!)) end++;
  return text.toString('utf8', start, end);
}

const NAME_ENDS = new Set([0x20, 0x09, 0x0a, 0x0d, SLASH, GREATER]);

function malformed(what: string): never {
  throw new DocumentError('document-malformed', `not a configuration document: ${what}`);
}
