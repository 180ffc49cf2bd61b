import type { Clock } from '../../base/index.ts';
import { DocumentError } from '../document/document-error.ts';
import { readDocument } from '../document/document-reader.ts';
import { requireSignedBytes, type Verified, verifyNextDocument } from '../document/document-verification.ts';
import type { OverlayDocument } from '../document/overlay-document.ts';
import { compareSequence } from '../forwarding/configuration-sequence.ts';

/**
 * The document that is to follow ours, from bytes that anybody may have sent: signed by a signer that ours names, newer,
 * and not expired (RFC 6940 §11.1).
 * @throws DocumentError
 */
export function readNextDocument(
  deps: { readonly clock: Clock },
  bytes: Uint8Array,
  before: OverlayDocument,
): Verified & { readonly document: OverlayDocument } {
  requireSignedBytes(deps, bytes, before);
  const document = readDocument(bytes, before.name);
  if (compareSequence(document.sequence, before.sequence) !== 'newer') {
    throw new DocumentError(
      'document-old',
      `its sequence ${document.sequence} is not newer than ${before.sequence}`,
    );
  }
  return { document, ...verifyNextDocument(deps, document, before) };
}
