import { concatBytes, toHex, utf8 } from '../../base/index.ts';

/** One field of a form. */
export interface FormField {
  /** ASCII without quotes. */
  readonly name: string;
  /** Left out for text (RFC 7578 §4.4: "Content-Type: text/plain" is the default). */
  readonly contentType?: string;
  readonly value: Uint8Array;
}

/**
 * A form as multipart/form-data (RFC 7578, before it RFC 2388), which RFC 6940 §11.3 wants.
 * @param randomness at least 16 bytes: the boundary must not occur in a value
 */
export function writeFormData(
  fields: readonly FormField[],
  randomness: Uint8Array,
): { readonly contentType: string; readonly body: Uint8Array } {
  const boundary = `form-${toHex(randomness)}`;
  const parts = fields.flatMap(({ name, contentType, value }) => [
    utf8(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n`),
    utf8(contentType === undefined ? '\r\n' : `Content-Type: ${contentType}\r\n\r\n`),
    value,
    utf8('\r\n'),
  ]);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: concatBytes(...parts, utf8(`--${boundary}--\r\n`)),
  };
}
