import { ParseOption, RelaxNGValidator, XmlDocument, XmlElement, XmlLibError, XmlXPath } from 'libxml2-wasm';
import { DocumentError } from './document-error.ts';
import { type ElementRange, elementRanges } from './element-ranges.ts';
import { DOCUMENT_GRAMMAR } from './grammar.ts';

const ELEMENTS = XmlXPath.compile('*');

/** An element of a document that follows the grammar. */
export interface XmlNode {
  readonly name: string;
  readonly namespace: string;
  /** Those without a namespace. */
  readonly attributes: ReadonlyMap<string, string>;
  /** The text of an element without children, white space at both ends taken off. */
  readonly text: string;
  readonly children: readonly XmlNode[];
  /** The exact bytes of the element, a view of the document. */
  readonly bytes: Uint8Array;
}

/**
 * Reads a document and holds it to the grammar. Nothing is fetched and no entity is expanded: there are none.
 * @returns the root element
 * @throws DocumentError 'document-malformed' | 'document-invalid'
 */
export function parseXml(bytes: Uint8Array): XmlNode {
  requireUtf8(bytes);
  const ranges = elementRanges(bytes);
  const parsed = parse(bytes);
  try {
    validate(parsed);
    const reader = new TreeReader(bytes, ranges);
    return reader.read(parsed.root);
  } finally {
    parsed.dispose();
  }
}

/** Walks the parser's tree in document order and puts the ranges beside it. */
class TreeReader {
  readonly #bytes: Uint8Array;
  readonly #ranges: readonly ElementRange[];
  #next = 0;

  constructor(bytes: Uint8Array, ranges: readonly ElementRange[]) {
    this.#bytes = bytes;
    this.#ranges = ranges;
  }

  read(element: XmlElement): XmlNode {
    const { name, namespaceUri: namespace, prefix } = element;
    const range = this.#ranges[this.#next++];
    // Both readers must agree on what an element is, or a signature would cover something else than what is read.
    if (range?.name !== (prefix === '' ? name : `${prefix}:${name}`)) {
      throw new DocumentError('document-malformed', `not a configuration document: ambiguous at <${name}>`);
    }
    const children: XmlNode[] = [];
    for (const child of element.find(ELEMENTS)) {
      if (child instanceof XmlElement) children.push(this.read(child));
    }
    const attributes = new Map(
      element.attrs.filter((attr) => attr.namespaceUri === '').map((attr) => [attr.name, attr.value.trim()]),
    );
    const bytes = this.#bytes.subarray(range.start, range.end);
    const text = children.length === 0 ? element.content.trim() : '';
    return { name, namespace, attributes, text, children, bytes };
  }
}

/** §11.1: "The file MUST use the UTF-8 character encoding". Any other would let the two readers see two documents. */
function requireUtf8(bytes: Uint8Array): void {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DocumentError('document-malformed', 'not a configuration document: it is not UTF-8', { cause });
  }
  const declared = /^<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']/.exec(text)?.[1] ?? 'UTF-8';
  if (!/^utf-?8$/i.test(declared)) {
    throw new DocumentError('document-malformed', `its encoding is ${declared}; it must be UTF-8`);
  }
}

function parse(bytes: Uint8Array): XmlDocument {
  const option =
    ParseOption.XML_PARSE_NONET | ParseOption.XML_PARSE_NO_XXE | ParseOption.XML_PARSE_IGNORE_ENC;
  return saying('document-malformed', () => XmlDocument.fromBuffer(bytes, { encoding: 'utf-8', option }));
}

let validator: RelaxNGValidator | undefined;

function validate(document: XmlDocument): void {
  // Compiled once: it takes longer than a document, and never changes.
  validator ??= RelaxNGValidator.fromDoc(XmlDocument.fromString(DOCUMENT_GRAMMAR));
  const grammar = validator;
  saying('document-invalid', () => grammar.validate(document));
}

function saying<T>(code: 'document-malformed' | 'document-invalid', work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof XmlLibError)) throw cause;
    const [detail] = cause.details;
    const line = cause.details.find((entry) => entry.line > 0)?.line ?? 0;
    const what = (detail?.message ?? cause.message).trim().replace(/\s+/g, ' ');
    throw new DocumentError(code, `not a configuration document: line ${line}: ${what}`, { cause });
  }
}
