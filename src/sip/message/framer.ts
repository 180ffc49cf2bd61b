import { MAX_HEAD_BYTES, MessageError, type ParsedHead, parseHead } from './parser.ts';
import type { SipRequest } from './request.ts';
import type { SipResponse } from './response.ts';

/** The owner of a byte stream. */
export interface FramerHandler {
  onMessage(message: SipRequest | SipResponse): void;
  /** A double CRLF: RFC 5626 §3.5.1 wants a single one back. */
  onPing(): void;
  /** A single CRLF, the answer to our own ping. */
  onPong(): void;
  /** Framing is lost: the framer takes nothing more, and the connection is of no further use. */
  onError(error: MessageError): void;
}

const MAX_BODY_BYTES = 1_048_576;

/** What a rest may keep in memory beside itself of what it came in. */
const MAX_SPARE_BYTES = 8_192;
const NOTHING = Buffer.alloc(0);

const CR = 0x0d;
const LF = 0x0a;

/**
 * Cuts a byte stream into SIP messages by Content-Length (RFC 3261 §18.3) and tells keepalives apart. Holds at most
 * one head and one body.
 */
export class StreamFramer {
  readonly #handler: FramerHandler;
  readonly #maxBody: number;
  #buffered: Buffer = NOTHING;
  /** A body that is still incomplete, `#gathered` octets of it; doubled when full, so many small pieces cost no more. */
  #body: Buffer = NOTHING;
  #gathered = 0;
  #head: ParsedHead | undefined;
  /** Octets of `#buffered` already searched for the end of the head. */
  #searched = 0;
  #failed = false;

  constructor(handler: FramerHandler, options: { maxBodyBytes?: number } = {}) {
    this.#handler = handler;
    this.#maxBody = options.maxBodyBytes ?? MAX_BODY_BYTES;
  }

  /** True between the first octet of a message and its last. */
  get midMessage(): boolean {
    return this.#head !== undefined || this.#buffered.length > 0;
  }

  /** What is held of a message that is not whole yet. */
  get heldBytes(): number {
    return this.#body.length + this.#buffered.length;
  }

  push(chunk: Buffer): void {
    if (this.#failed) return;
    if (this.#head !== undefined) {
      this.#gather(chunk);
      if (this.#gathered < (this.#head.contentLength ?? 0)) return;
      this.#buffered = this.#body.subarray(0, this.#gathered);
      this.#body = NOTHING;
      this.#gathered = 0;
    } else {
      this.#buffered = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk]);
    }
    try {
      while (!this.#failed && this.#step());
      this.#buffered = alone(this.#buffered);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.#fail(error);
    }
  }

  #gather(chunk: Buffer): void {
    const bytes = this.#gathered + chunk.length;
    if (bytes > this.#body.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#body.length));
      this.#body.copy(larger, 0, 0, this.#gathered);
      this.#body = larger;
    }
    chunk.copy(this.#body, this.#gathered);
    this.#gathered = bytes;
  }

  /** Takes one message or keepalive off the buffer; false when more octets are needed. */
  #step(): boolean {
    if (this.#head !== undefined) return this.#takeBody(this.#head);
    const data = this.#buffered;
    if (data.length === 0) return false;
    if (data[0] === CR) return this.#takeLineBreak(data);
    const end = data.indexOf('\r\n\r\n', Math.max(this.#searched - 3, 0), 'latin1');
    if (end < 0) {
      this.#searched = data.length;
      if (data.length > MAX_HEAD_BYTES) throw new MessageError('message-too-large', 'head over 64 kB');
      // Junk without a line break is refused before it fills the buffer.
      if (data.length > 4096 && !data.includes('\r\n')) throw new MessageError('not-sip', 'no start line');
      return false;
    }
    if (end > MAX_HEAD_BYTES) throw new MessageError('message-too-large', 'head over 64 kB');
    const head = parseHead(data.toString('latin1', 0, end + 4), end);
    this.#searched = 0;
    if (head.contentLength === undefined) {
      const message = head.finish({ data, start: 0, end: 0 });
      const request = 'method' in message ? message : undefined;
      // RFC 3261 §18.3: over stream transports Content-Length is mandatory.
      throw new MessageError('malformed-message', 'no Content-Length on a stream', request);
    }
    if (head.contentLength > this.#maxBody) throw new MessageError('message-too-large', 'body too large');
    this.#buffered = data.subarray(end + 4);
    this.#head = head;
    return true;
  }

  #takeBody(head: ParsedHead): boolean {
    const length = head.contentLength ?? 0;
    const data = this.#buffered;
    if (data.length < length) {
      this.#gather(data);
      this.#buffered = NOTHING;
      return false;
    }
    this.#head = undefined;
    this.#buffered = data.subarray(length);
    this.#handler.onMessage(head.finish({ data, start: 0, end: length }));
    return true;
  }

  /** RFC 5626 §4.4.1: between messages CRLF CRLF is a ping, a single CRLF a pong. */
  #takeLineBreak(data: Buffer): boolean {
    if (data.length < 2) return false;
    if (data[1] !== LF) throw new MessageError('not-sip', 'CR without LF');
    if (data[2] === CR && data[3] === LF) {
      this.#buffered = data.subarray(4);
      this.#handler.onPing();
      return true;
    }
    // NOTE: a ping cut between its two CRLFs counts as two pongs. To take two pongs in a row for a ping instead
    // would let two elements answer each other without end.
    if (data.length === 3 && data[2] === CR) return false;
    this.#buffered = data.subarray(2);
    this.#handler.onPong();
    return true;
  }

  #fail(error: MessageError): void {
    this.#failed = true;
    this.#buffered = NOTHING;
    this.#body = NOTHING;
    this.#gathered = 0;
    this.#head = undefined;
    this.#handler.onError(error);
  }
}

/** A rest without the chunk it is the end of: a connection may wait for long with a single octet. */
function alone(rest: Buffer): Buffer {
  if (rest.length === 0) return NOTHING;
  return rest.buffer.byteLength - rest.length > MAX_SPARE_BYTES ? Buffer.from(rest) : rest;
}
