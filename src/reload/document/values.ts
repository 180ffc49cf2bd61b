import { DocumentError } from './document-error.ts';

/** The values of elements and attributes. All throw DocumentError 'document-invalid'. */

/** xsd:boolean has two forms for each value. */
export function readBoolean(text: string): boolean {
  return text === 'true' || text === '1';
}

export function readInteger(text: string, name: string, min: number, max: number): number {
  const value = /^[+-]?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) invalid(`${name} is ${shown(text)}, not from ${min} to ${max}`);
  return value;
}

/** §11.1: "MUST conform to the Internet date/time format defined in [RFC3339] and be specified using UTC". */
export function readTime(text: string, name: string): number {
  const value = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(value)) invalid(`${name} is ${shown(text)}, not a time like 2030-01-31T00:00:00Z`);
  return value;
}

/** A Node-ID of `length` bytes as lower-case hex. */
export function readNodeId(text: string, name: string, length: number): string {
  const id = text.toLowerCase();
  if (!/^[0-9a-f]*$/.test(id) || id.length !== 2 * length) {
    invalid(`${name} is ${shown(text)}, not ${2 * length} hex digits`);
  }
  return id;
}

/** The grammar has checked that it is base64. */
export function readBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

export function invalid(what: string): never {
  throw new DocumentError('document-invalid', what);
}

export function unsupported(what: string): never {
  throw new DocumentError('document-unsupported', what);
}

/** Text of others in a message: short, on one line. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
