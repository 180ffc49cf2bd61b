import { type HeaderLine, HeaderList, headerLine } from './header-list.ts';
import { REASONS } from './reasons.ts';
import { SipRequest } from './request.ts';
import { SipResponse } from './response.ts';

const NO_BODY = headerLine('Content-Length', '0');

/** Names and values in order; write UTF-8 as binary text (see `SipMessage`). */
export type HeaderFields = Iterable<readonly [name: string, value: string]>;

export interface ResponseOptions {
  /** Added to a To without a tag; required for anything but 100 (RFC 3261 §8.2.6.2). */
  readonly toTag?: string;
  readonly headers?: HeaderFields;
  readonly body?: Uint8Array;
  readonly contentType?: string;
}

/**
 * A response with the header fields RFC 3261 §8.2.6.2 copies from the request; Record-Route too in dialog-forming
 * responses (§12.1.1), Timestamp in a 100 (§8.2.6.1).
 */
export function createResponse(
  request: SipRequest,
  status: number,
  reason: string = REASONS[status] ?? 'Unknown',
  options: ResponseOptions = {},
  toTag: string | undefined = options.toTag,
): SipResponse {
  const lines: HeaderLine[] = [];
  request.linesOf('via', lines);
  if (status > 100 && status < 300) request.linesOf('record-route', lines);
  request.linesOf('from', lines);
  if (toTag === undefined || hasTag(request)) request.linesOf('to', lines);
  else lines.push(headerLine('To', `${request.header('To')};tag=${toTag}`));
  request.linesOf('call-id', lines);
  request.linesOf('cseq', lines);
  if (status === 100) request.linesOf('timestamp', lines);
  for (const [name, value] of options.headers ?? []) lines.push(headerLine(name, value));
  if (options.body === undefined) lines.push(NO_BODY);
  const response = new SipResponse({ status, reason, headers: new HeaderList(lines) });
  if (options.body !== undefined) response.setBody(options.body, options.contentType);
  return response;
}

/** A request refused as malformed may have no readable To: what there is goes back as it came. */
function hasTag(request: SipRequest): boolean {
  try {
    return request.toTag !== undefined;
  } catch {
    return true;
  }
}

export interface RequestOptions {
  readonly method: string;
  readonly uri: string;
  /** The whole Via value, with its branch. */
  readonly via?: string;
  /** Whole header values: From with its tag. */
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  readonly cseq: number;
  readonly maxForwards?: number;
  readonly headers?: HeaderFields;
  readonly body?: Uint8Array;
  readonly contentType?: string;
}

/** A request of our own (RFC 3261 §8.1.1). */
export function createRequest(options: RequestOptions): SipRequest {
  const lines = [
    headerLine('Max-Forwards', String(options.maxForwards ?? 70)),
    headerLine('From', options.from),
    headerLine('To', options.to),
    headerLine('Call-ID', options.callId),
    headerLine('CSeq', `${options.cseq} ${options.method}`),
  ];
  if (options.via !== undefined) lines.unshift(headerLine('Via', options.via));
  const { method } = options;
  const request = new SipRequest({ method, requestUri: options.uri, headers: new HeaderList(lines) });
  for (const [name, value] of options.headers ?? []) request.appendHeader(name, value);
  if (options.body !== undefined) request.setBody(options.body, options.contentType);
  else request.appendHeader('Content-Length', '0');
  return request;
}

/**
 * RFC 3261 §9.1: the CANCEL for a request we sent: its top Via alone, its To without what a response added.
 * @param reason the value of Reason (RFC 3326)
 */
export function createCancel(request: SipRequest, reason?: string): SipRequest {
  const cancel = hopByHop(request, 'CANCEL');
  cancel.copyHeader(request, 'To');
  if (reason !== undefined) cancel.appendHeader('Reason', reason);
  return finish(cancel, request);
}

/** RFC 3261 §17.1.1.3: the ACK a client transaction sends for a final response other than 2xx. */
export function createAck(request: SipRequest, response: SipResponse): SipRequest {
  const ack = hopByHop(request, 'ACK');
  ack.copyHeader(response, 'To');
  return finish(ack, request);
}

function hopByHop(request: SipRequest, method: string): SipRequest {
  const headers = new HeaderList([
    headerLine('Via', request.headers('Via')[0] ?? ''),
    headerLine('Max-Forwards', '70'),
  ]);
  const made = new SipRequest({ method, requestUri: request.requestUri, headers });
  made.copyHeader(request, 'Route');
  made.copyHeader(request, 'From');
  return made;
}

function finish(made: SipRequest, request: SipRequest): SipRequest {
  made.copyHeader(request, 'Call-ID');
  made.appendHeader('CSeq', `${request.cseq.number} ${made.method}`);
  made.appendHeader('Content-Length', '0');
  return made;
}
