import { type ElementRange, elementRanges } from './element-ranges.ts';

/** A configuration element and a signature that follows it, as they stand in the bytes. */
export interface SignedBytes {
  readonly configuration: Uint8Array;
  /** A SecurityBlock, or anything else. */
  readonly signature: Uint8Array;
}

/** Signatures looked at before a document is read. */
const MAX_SIGNATURES = 8;

/**
 * What claims to be signed in a document that nobody has read yet: so that bytes of strangers never reach the parser.
 * @throws DocumentError 'document-malformed'
 */
export function signedBytes(bytes: Uint8Array): readonly SignedBytes[] {
  const found: SignedBytes[] = [];
  let configuration: ElementRange | undefined;
  for (const range of elementRanges(bytes)) {
    const name = range.name.slice(range.name.indexOf(':') + 1);
    if (name === 'configuration') configuration = range;
    if (name !== 'signature' || configuration === undefined || found.length === MAX_SIGNATURES) continue;
    const text = Buffer.from(bytes.subarray(range.start, range.end)).toString('latin1');
    found.push({
      configuration: bytes.subarray(configuration.start, configuration.end),
      signature: Buffer.from(text.replace(/^[^>]*>|<\/.*$/gs, ''), 'base64'),
    });
  }
  return found;
}
