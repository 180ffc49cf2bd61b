import type { Address, Clock } from '../../base/index.ts';
import { readDocument } from '../document/document-reader.ts';
import { verifyNextDocument } from '../document/document-verification.ts';
import { writeDocument } from '../document/document-writer.ts';
import type { OverlayDocument } from '../document/overlay-document.ts';
import type { Signer } from '../security/signature.ts';
import type { NodeId } from '../wire/ids.ts';
import { DOCUMENT_LIFETIME_MS } from './new-overlay.ts';

/** What is to be different in the next document. */
export interface DocumentChanges {
  readonly bootstrapNodes?: readonly Address[];
  readonly multicastBootstrap?: readonly Address[];
  readonly badNodes?: ReadonlySet<NodeId>;
  readonly revokedUsers?: ReadonlyMap<string, number>;
}

/** RFC 6940 §6.3.2.1: 65535 is for ConfigUpdates, so 65534 is followed by 0. */
const SEQUENCES = 65_535;

/**
 * The document that follows `current`: the changes, the next sequence number, a new expiration, signed. It is read back
 * and verified as every peer will.
 */
export function nextDocument(
  { clock, signer }: { readonly clock: Clock; readonly signer: Signer },
  current: OverlayDocument,
  changes: DocumentChanges = {},
): OverlayDocument {
  const bytes = writeDocument(
    {
      ...current,
      ...changes,
      sequence: (current.sequence + 1) % SEQUENCES,
      expiresAt: clock.now() + DOCUMENT_LIFETIME_MS,
    },
    { configuration: signer, kinds: signer },
  );
  const document = readDocument(bytes, current.name);
  verifyNextDocument({ clock }, document, current);
  return document;
}
