import { CodedError } from '../../base/index.ts';
import { type HeaderLine, HeaderList } from './header-list.ts';
import { headerKeyAt } from './header-names.ts';
import { type BodyRange, emptyBody } from './message.ts';
import { SipRequest } from './request.ts';
import { SipResponse } from './response.ts';

/**
 * `not-sip`: no SIP start line. `malformed-message`: a SIP start line, but broken structure. `message-too-large`:
 * over a bound. `truncated-message`: the datagram ends before the body does (RFC 3261 §18.3).
 */
export type MessageErrorCode = 'not-sip' | 'malformed-message' | 'message-too-large' | 'truncated-message';

/** A message that cannot be used. `request` is what could be saved of a request, to answer 400 with. */
export class MessageError extends CodedError<MessageErrorCode> {
  readonly request: SipRequest | undefined;

  constructor(code: MessageErrorCode, message: string, request?: SipRequest) {
    super(code, message, { origin: 'remote' });
    this.request = request;
  }
}

/** Bounds of one head: octets up to and with the empty line, and header lines. */
export const MAX_HEAD_BYTES = 65_536;
const MAX_HEADER_LINES = 256;

const REQUEST_LINE = /^([A-Za-z0-9\-.!%*_+`'~]{1,64}) (.*) (SIP\/[0-9]{1,3}\.[0-9]{1,3})[ \t]*$/i;
const STATUS_LINE = /^SIP\/2\.0 ([1-6][0-9][0-9])(?: (.*))?$/i;

/** A parsed head whose body is still to come. */
export interface ParsedHead {
  /** The value of Content-Length; undefined when the header is absent. */
  readonly contentLength: number | undefined;
  finish(body: BodyRange): SipRequest | SipResponse;
}

/**
 * Parses one datagram, or one framed message of a WebSocket.
 * @param data kept by reference as the message's body: do not change it afterwards
 * @param options.datagram octets after the body are ignored (RFC 3261 §18.3); otherwise they are an error
 * @throws MessageError
 */
export function parseMessage(data: Buffer, options: { datagram: boolean }): SipRequest | SipResponse {
  const start = leadingLineBreaks(data);
  const text = data.toString('latin1', start, start + MAX_HEAD_BYTES);
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) throw headlessError(text, data.length - start);
  const head = parseHead(text, headEnd);
  const bodyStart = start + headEnd + 4;
  const available = data.length - bodyStart;
  const length = head.contentLength ?? available;
  if (length > available) {
    const saved = head.finish(emptyBody);
    throw new MessageError('truncated-message', 'Content-Length beyond the datagram', asRequest(saved));
  }
  if (length < available && !options.datagram) {
    throw new MessageError('malformed-message', 'octets after the body', asRequest(head.finish(emptyBody)));
  }
  return head.finish(length === 0 ? emptyBody : { data, start: bodyStart, end: bodyStart + length });
}

/**
 * Parses start line and header lines.
 * @param text binary text that begins with the start line; it may go on after the head
 * @param headEnd position of the CRLF CRLF that ends the head
 * @throws MessageError
 */
export function parseHead(text: string, headEnd: number): ParsedHead {
  const lineEnd = text.indexOf('\r\n');
  const startLine = parseStartLine(text.slice(0, lineEnd));
  if (startLine === undefined) throw new MessageError('not-sip', 'no SIP start line');
  const lines: HeaderLine[] = [];
  const fault = indexLines(text, lineEnd + 2, headEnd, lines);
  const headers = new HeaderList(lines);
  const contentLength = readContentLength(headers);
  if (fault !== undefined || contentLength === 'malformed') {
    const saved = asRequest(new Head(startLine, headers, undefined).finish(emptyBody));
    const why = fault ?? 'malformed or contradictory Content-Length';
    throw new MessageError('malformed-message', why, saved);
  }
  return new Head(startLine, headers, contentLength);
}

type StartLine =
  | { readonly status: number; readonly reason: string }
  | { readonly method: string; readonly requestUri: string; readonly version: string };

/** Each method as one text, so that comparing two of them compares pointers. */
const USUAL_METHODS = new Map(
  ['INVITE', 'ACK', 'BYE', 'CANCEL', 'REGISTER', 'OPTIONS', 'SUBSCRIBE', 'NOTIFY', 'MESSAGE', 'PRACK'].map(
    (method) => [method, method],
  ),
);
const USUAL_END = ' SIP/2.0';
const LINE_BREAK = /[\n\r\u2028\u2029]/;

function parseStartLine(line: string): StartLine | undefined {
  return usualRequestLine(line) ?? anyStartLine(line);
}

/** What nearly all requests begin with, in a third of the time that the pattern takes. */
function usualRequestLine(line: string): StartLine | undefined {
  const uriEnd = line.length - USUAL_END.length;
  const space = line.indexOf(' ');
  if (space >= uriEnd || !line.endsWith(USUAL_END) || LINE_BREAK.test(line)) return undefined;
  const method = USUAL_METHODS.get(line.slice(0, space));
  if (method === undefined) return undefined;
  return { method, requestUri: line.slice(space + 1, uriEnd), version: 'SIP/2.0' };
}

function anyStartLine(line: string): StartLine | undefined {
  // No method has a slash.
  const status = line.charCodeAt(3) === 0x2f ? STATUS_LINE.exec(line) : null;
  if (status !== null) return { status: Number(status[1]), reason: status[2] ?? '' };
  const request = REQUEST_LINE.exec(line);
  if (request === null) return undefined;
  return { method: request[1]!, requestUri: request[2]!, version: request[3]!.toUpperCase() };
}

class Head implements ParsedHead {
  readonly contentLength: number | undefined;
  readonly #startLine: StartLine;
  readonly #headers: HeaderList;

  constructor(startLine: StartLine, headers: HeaderList, contentLength: number | undefined) {
    this.#startLine = startLine;
    this.#headers = headers;
    this.contentLength = contentLength;
  }

  finish(body: BodyRange): SipRequest | SipResponse {
    const line = this.#startLine;
    const headers = this.#headers;
    if ('status' in line) return new SipResponse({ status: line.status, reason: line.reason, headers, body });
    const { method, requestUri, version } = line;
    return new SipRequest({ method, requestUri, version, headers, body });
  }
}

/** Fills `lines`; returns what is wrong with the head, if anything. Malformed lines are left out. */
function indexLines(text: string, from: number, headEnd: number, lines: HeaderLine[]): string | undefined {
  let fault: string | undefined;
  let start = from;
  while (start < headEnd) {
    let end = text.indexOf('\r', start);
    // A fold: the line goes on while the next one begins with white space (RFC 3261 §7.3.1).
    for (; end < headEnd; end = text.indexOf('\r', end + 2)) {
      if (text.charCodeAt(end + 1) !== 0x0a) return 'CR without LF';
      const next = text.charCodeAt(end + 2);
      if (next !== 0x20 && next !== 0x09) break;
    }
    if (lines.length >= MAX_HEADER_LINES) return 'too many header lines';
    const line = indexLine(text, start, end);
    if (line === undefined) fault = 'malformed header line';
    else lines.push(line);
    start = end + 2;
  }
  // A lone LF would be a line end to some elements and text to others.
  if (hasLoneLineFeed(text, from, headEnd)) return 'LF without CR';
  return fault;
}

function indexLine(text: string, start: number, end: number): HeaderLine | undefined {
  const colon = text.indexOf(':', start);
  if (colon < 0 || colon >= end) return undefined;
  let nameEnd = colon;
  // White space before the colon is allowed (RFC 3261 §25.1 HCOLON).
  while (
    nameEnd > start &&
    (text.charCodeAt(nameEnd - 1) === 0x20 || text.charCodeAt(nameEnd - 1) === 0x09)
  ) {
    nameEnd -= 1;
  }
  if (nameEnd === start) return undefined;
  const key = headerKeyAt(text, start, nameEnd);
  return key === undefined ? undefined : { key, source: text, start, valueStart: colon + 1, end };
}

function hasLoneLineFeed(text: string, from: number, to: number): boolean {
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) {
    if (text.charCodeAt(at - 1) !== 0x0d) return true;
  }
  return false;
}

/** RFC 3261 §20.14; repeated with one value is borne, different values are not (RFC 4475 §3.3.9). */
function readContentLength(headers: HeaderList): number | undefined | 'malformed' {
  const first = headers.first('content-length');
  if (first === undefined) return undefined;
  if (!/^[0-9]{1,9}$/.test(first)) return 'malformed';
  if (headers.count('content-length') > 1 && headers.all('content-length').some((value) => value !== first)) {
    return 'malformed';
  }
  return Number(first);
}

/** No empty line: too large, cut off, or no SIP at all. */
function headlessError(text: string, length: number): MessageError {
  const lineEnd = text.indexOf('\r\n');
  const startLine = lineEnd < 0 ? '' : text.slice(0, lineEnd);
  if (!REQUEST_LINE.test(startLine) && !STATUS_LINE.test(startLine)) {
    return new MessageError('not-sip', 'no SIP start line');
  }
  const lines: HeaderLine[] = [];
  const lastLine = text.lastIndexOf('\r\n');
  indexLines(text, lineEnd + 2, lastLine, lines);
  const match = REQUEST_LINE.exec(startLine);
  const saved =
    match === null
      ? undefined
      : new SipRequest({ method: match[1]!, requestUri: match[2]!, headers: new HeaderList(lines) });
  if (length > MAX_HEAD_BYTES) return new MessageError('message-too-large', 'head over 64 kB', saved);
  return new MessageError('truncated-message', 'no end of the head', saved);
}

/** RFC 3261 §7.5: CRLFs before the start line are ignored. */
function leadingLineBreaks(data: Buffer): number {
  let at = 0;
  while (data[at] === 0x0d && data[at + 1] === 0x0a) at += 2;
  return at;
}

function asRequest(message: SipRequest | SipResponse): SipRequest | undefined {
  return message instanceof SipRequest ? message : undefined;
}
