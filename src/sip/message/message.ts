import { SipSyntaxError } from './errors.ts';
import { type HeaderLine, type HeaderList, headerLine } from './header-list.ts';
import { headerKey, isListHeader } from './header-names.ts';
import { checkNameAddr, type NameAddr, parseNameAddr } from './name-addr.ts';
import { paramText } from './params.ts';
import { nextComma, splitList } from './text.ts';
import { formatVia, parseVia, type Via } from './via.ts';

export interface CSeq {
  readonly number: number;
  readonly method: string;
}

/** A body: a range of the received datagram, or bytes of our own. */
export interface BodyRange {
  readonly data: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export const emptyBody: BodyRange = { data: new Uint8Array(0), start: 0, end: 0 };

const NO_ADDRESSES: readonly NameAddr[] = [];

const CSEQ = /^([0-9]{1,10})[ \t]+(\S+)$/;
/** RFC 3261 §8.1.1.5: less than 2**31. */
const CSEQ_LIMIT = 2 ** 31;
const MAX_SECONDS = 2 ** 32 - 1;

/**
 * A SIP message over the text it came in. Nothing is parsed until it is asked for, and `encode` copies everything
 * nobody touched. All text is binary text (one char per octet, see `text.ts`): write UTF-8 values through
 * `Buffer.from(value).toString('latin1')`.
 *
 * The typed getters throw SipSyntaxError 'bad-header' or 'bad-uri' on a malformed value; after `validateRequest` or
 * `isUsableResponse` passed, those of the mandatory headers do not.
 */
export abstract class SipMessage {
  protected readonly headerList: HeaderList;
  #body: BodyRange;
  // Parsed values, immutable, kept until their header is edited.
  #via: Via | undefined;
  #from: NameAddr | undefined;
  #to: NameAddr | undefined;
  #cseq: CSeq | undefined;
  #callId: string | undefined;
  #routes: readonly NameAddr[] | undefined;
  #contacts: readonly NameAddr[] | '*' | undefined;

  /** @param original what this is a copy of: what was parsed there need not be parsed again */
  protected constructor(headers: HeaderList, body: BodyRange, original?: SipMessage) {
    this.headerList = headers;
    this.#body = body;
    if (original === undefined) return;
    this.#via = original.#via;
    this.#from = original.#from;
    this.#to = original.#to;
    this.#cseq = original.#cseq;
    this.#callId = original.#callId;
    this.#routes = original.#routes;
    this.#contacts = original.#contacts;
  }

  /** Request line or status line, without CRLF. */
  abstract get startLine(): string;

  /** The unfolded value of the first line; compact and full names in any case mean the same. */
  header(name: string): string | undefined {
    return this.headerList.first(keyOf(name));
  }

  /** All values of a header: the elements of comma-separated headers, the lines of all others. */
  headers(name: string): string[] {
    const key = keyOf(name);
    const values = this.headerList.all(key);
    if (!isListHeader(key)) return values;
    const elements: string[] = [];
    for (const value of values) for (const element of splitList(value)) elements.push(element);
    return elements;
  }

  has(name: string): boolean {
    return this.headerList.has(keyOf(name));
  }

  /** The keys (full names in lower case) of the headers present. */
  headerKeys(): Set<string> {
    return this.headerList.keys();
  }

  /** How many lines a header has. */
  lineCount(name: string): number {
    return this.headerList.count(keyOf(name));
  }

  /** The first of these keys (full names in lower case) that has more than one line. */
  repeatedOf(keys: readonly string[]): string | undefined {
    return this.headerList.repeatedOf(keys);
  }

  /** Replaces all lines of this header by one. */
  setHeader(name: string, value: string): void {
    const line = headerLine(name, value);
    this.headerList.set(line);
    this.#edited(line.key);
  }

  /** Adds a line above the header's others (at the very top when it has none). */
  prependHeader(name: string, value: string): void {
    const line = headerLine(name, value);
    this.headerList.prepend(line);
    this.#edited(line.key);
  }

  /** Adds a line after all headers. */
  appendHeader(name: string, value: string): void {
    const line = headerLine(name, value);
    this.headerList.append(line);
    this.#edited(line.key);
  }

  removeHeader(name: string): void {
    const key = keyOf(name);
    if (this.headerList.remove(key)) this.#edited(key);
  }

  /** Removes the first element of a list header (Via, Route): a whole line, or one element of a comma list. */
  removeFirstElement(name: string): void {
    const key = keyOf(name);
    if (this.headerList.replaceFirstElement(key, name, undefined)) this.#edited(key);
  }

  /** Replaces the first element of a list header. */
  replaceFirstElement(name: string, element: string): void {
    const key = keyOf(name);
    if (this.headerList.replaceFirstElement(key, name, element)) this.#edited(key);
  }

  /** Adds its lines with this key (full name in lower case) to those of another message. */
  linesOf(key: string, to: HeaderLine[]): void {
    this.headerList.copyTo(to, key);
  }

  /** Appends another message's lines of a header as they are. */
  copyHeader(from: SipMessage, name: string): void {
    const key = keyOf(name);
    this.headerList.copy(from.headerList, key);
    this.#edited(key);
  }

  get topVia(): Via {
    this.#via ??= parseVia(this.#firstElement('via'));
    return this.#via;
  }

  /** Rewrites the first Via element, leaving those below it alone. */
  setTopVia(via: Via): void {
    this.replaceFirstElement('Via', formatVia(via));
    this.#via = via;
  }

  get from(): NameAddr {
    this.#from ??= parseNameAddr(this.#required('from'));
    return this.#from;
  }

  get to(): NameAddr {
    this.#to ??= parseNameAddr(this.#required('to'));
    return this.#to;
  }

  /** Whether From and To are there and well-formed. @throws SipSyntaxError as their getters do */
  checkParties(): void {
    if (this.#from === undefined) checkNameAddr(this.#required('from'));
    if (this.#to === undefined) checkNameAddr(this.#required('to'));
  }

  get fromTag(): string | undefined {
    return paramText(this.from.params, 'tag');
  }

  get toTag(): string | undefined {
    return paramText(this.to.params, 'tag');
  }

  get callId(): string {
    this.#callId ??= this.#required('call-id');
    return this.#callId;
  }

  get cseq(): CSeq {
    this.#cseq ??= parseCSeq(this.#required('cseq'));
    return this.#cseq;
  }

  /** undefined when absent. RFC 3261 §20.22: 0-255. */
  get maxForwards(): number | undefined {
    const value = this.headerList.first('max-forwards');
    if (value === undefined) return undefined;
    const number = /^[0-9]{1,9}$/.test(value) ? Number(value) : 256;
    if (number > 255) throw bad('Max-Forwards', value);
    return number;
  }

  get routes(): readonly NameAddr[] {
    this.#routes ??= this.#addresses('route');
    return this.#routes;
  }

  get contacts(): readonly NameAddr[] | '*' {
    this.#contacts ??= this.#isStar() ? '*' : this.#addresses('contact');
    return this.#contacts;
  }

  /**
   * Expires in seconds, at most 2**32-1.
   * @returns undefined when absent or malformed (RFC 3261 §20.19, §10.3: then the default applies)
   */
  get expires(): number | undefined {
    const value = this.headerList.first('expires');
    return value === undefined ? undefined : parseDeltaSeconds(value);
  }

  /** @returns undefined when absent or malformed */
  get contentLength(): number | undefined {
    const value = this.headerList.first('content-length');
    return value !== undefined && /^[0-9]{1,9}$/.test(value) ? Number(value) : undefined;
  }

  get body(): Uint8Array {
    const { data, start, end } = this.#body;
    return data.subarray(start, end);
  }

  get bodyLength(): number {
    return this.#body.end - this.#body.start;
  }

  /** Replaces the body, and Content-Length and Content-Type with it. */
  setBody(body: Uint8Array, contentType?: string): void {
    this.#body = { data: body, start: 0, end: body.length };
    this.setHeader('Content-Length', String(body.length));
    if (contentType !== undefined) this.setHeader('Content-Type', contentType);
    else if (body.length === 0) this.removeHeader('Content-Type');
  }

  /** The message as octets. A missing Content-Length is added, as streams need it (RFC 3261 §18.3). */
  encode(): Buffer {
    const { start, end } = this.#body;
    const head = this.#head();
    const encoded = Buffer.allocUnsafe(head.length + end - start);
    encoded.write(head, 0, 'latin1');
    if (end > start) encoded.set(this.body, head.length);
    return encoded;
  }

  /** The same as binary text. */
  toText(): string {
    return this.bodyLength === 0 ? this.#head() : this.encode().toString('latin1');
  }

  abstract clone(): SipMessage;

  protected get bodyRange(): BodyRange {
    return this.#body;
  }

  /** Up to and with the empty line. */
  #head(): string {
    const length = this.headerList.has('content-length') ? '' : `Content-Length: ${this.bodyLength}\r\n`;
    return `${this.startLine}\r\n${this.headerList.format()}${length}\r\n`;
  }

  /** RFC 3261 §10.2.2: all bindings of an AoR. */
  #isStar(): boolean {
    return this.headerList.first('contact') === '*' && this.headerList.count('contact') === 1;
  }

  #addresses(key: string): readonly NameAddr[] {
    const value = this.headerList.first(key);
    if (value === undefined) return NO_ADDRESSES;
    // Most often there is one line with one address.
    if (nextComma(value, 0) < 0 && this.headerList.count(key) === 1) return [parseNameAddr(value)];
    return this.headers(key).map(parseNameAddr);
  }

  #required(key: string): string {
    const value = this.headerList.first(key);
    if (value === undefined || value === '') throw bad(key, '(missing)');
    return value;
  }

  #firstElement(key: string): string {
    const value = this.headerList.firstElement(key);
    if (value === undefined) throw bad(key, '(missing)');
    return value;
  }

  #edited(key: string): void {
    switch (key) {
      case 'via':
        this.#via = undefined;
        break;
      case 'from':
        this.#from = undefined;
        break;
      case 'to':
        this.#to = undefined;
        break;
      case 'cseq':
        this.#cseq = undefined;
        break;
      case 'call-id':
        this.#callId = undefined;
        break;
      case 'route':
        this.#routes = undefined;
        break;
      case 'contact':
        this.#contacts = undefined;
        break;
    }
  }
}

/** `delta-seconds`, clamped to 2**32-1 (RFC 3261 §20.19); undefined when it is not a number. */
export function parseDeltaSeconds(text: string): number | undefined {
  if (!/^[0-9]+$/.test(text)) return undefined;
  return text.length > 10 ? MAX_SECONDS : Math.min(Number(text), MAX_SECONDS);
}

function parseCSeq(value: string): CSeq {
  const match = CSEQ.exec(value);
  const number = match === null ? CSEQ_LIMIT : Number(match[1]);
  if (number >= CSEQ_LIMIT) throw bad('CSeq', value);
  return { number, method: match![2]! };
}

function keyOf(name: string): string {
  return headerKey(name) ?? name.toLowerCase();
}

function bad(name: string, value: string): SipSyntaxError {
  return new SipSyntaxError('bad-header', `malformed ${name}: ${value.slice(0, 120)}`, { origin: 'remote' });
}
