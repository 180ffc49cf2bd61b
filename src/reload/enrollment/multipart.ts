import { CodedError } from '../../base/index.ts';
import { mediaType } from './http-answers.ts';

/** One field of a form (RFC 7578). */
export interface FormPart {
  /** Media type in lower case without parameters; undefined when the part names none. */
  readonly contentType: string | undefined;
  readonly body: Uint8Array;
}

const MAX_PARTS = 16;
const MAX_PART_HEADER_BYTES = 1_024;

const CRLF = '\r\n';
/** RFC 2046 §5.1.1: 1 to 70 of these characters. */
const BOUNDARY = /;\s*boundary=(?:"([^"\r\n]{1,70})"|([0-9A-Za-z'()+_,\-./:=?]{1,70}))\s*(?:;|$)/i;

/**
 * Reads a multipart/form-data body.
 * @param contentType of the request
 * @returns the parts by field name
 * @throws CodedError 'form-malformed'
 */
export function parseMultipart(contentType: string, body: Uint8Array): ReadonlyMap<string, FormPart> {
  const boundary = BOUNDARY.exec(contentType);
  if (boundary === null) malformed('no boundary in the Content-Type');
  const delimiter = Buffer.from(`${CRLF}--${boundary[1] ?? boundary[2]}`, 'latin1');
  // The first delimiter need not be on a line of its own making.
  const bytes = Buffer.concat([Buffer.from(CRLF), body]);
  const parts = new Map<string, FormPart>();
  let at = bytes.indexOf(delimiter);
  for (;;) {
    if (at === -1) malformed('it ends too early');
    const start = at + delimiter.length;
    if (bytes.toString('latin1', start, start + 2) === '--') return parts;
    at = bytes.indexOf(delimiter, start);
    if (at === -1) malformed('it ends too early');
    const [name, part] = readPart(bytes.subarray(start, at));
    if (parts.has(name)) malformed(`the field ${JSON.stringify(name)} is there twice`);
    if (parts.size === MAX_PARTS) malformed(`more than ${MAX_PARTS} fields`);
    parts.set(name, part);
  }
}

/** @param bytes from behind the boundary: white space, line end, header lines, an empty line, the body */
function readPart(bytes: Buffer): [string, FormPart] {
  const end = bytes.indexOf(`${CRLF}${CRLF}`);
  if (end === -1 || end > MAX_PART_HEADER_BYTES) malformed('a field without an end to its header');
  const [padding, ...lines] = bytes.toString('utf8', 0, end).split(CRLF);
  if (padding!.trim() !== '') malformed('something behind a boundary');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) malformed('a header line without a colon');
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const disposition = headers.get('content-disposition') ?? '';
  const name = /^form-data\s*;(?:.*;)?\s*name=(?:"([^"]*)"|([^\s;"]+))/i.exec(disposition);
  if (name === null) malformed('a field without a name');
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase() ?? 'binary';
  if (!['binary', '8bit', '7bit'].includes(encoding)) malformed('a field in another transfer encoding');
  const contentType = mediaType(headers.get('content-type'));
  return [name[1] ?? name[2]!, { contentType, body: bytes.subarray(end + 4) }];
}

function malformed(what: string): never {
  throw new CodedError('form-malformed', `not a form: ${what}`, { origin: 'remote' });
}
