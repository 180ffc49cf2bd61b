import {
  type Clock,
  errorMessage,
  fromUtf8,
  type KeyValueStore,
  type Logger,
  utf8,
  type Write,
} from '../../base/index.ts';
import { DocumentError } from '../document/document-error.ts';
import { readDocument } from '../document/document-reader.ts';
import { requireCurrent } from '../document/document-verification.ts';
import { parseKindBlock } from '../document/kind-reader.ts';
import type { KindBlock, OverlayDocument } from '../document/overlay-document.ts';
import { compareSequence } from '../forwarding/configuration-sequence.ts';
import type { KindId, NodeId } from '../wire/ids.ts';

const DOCUMENT_KEY = 'configuration/document';
const KINDS_KEY = 'configuration/kinds';

/** A kind-block that came by itself, and who signed it. */
export interface LearnedKind {
  readonly block: KindBlock;
  readonly signer: NodeId;
}

interface SavedDeps {
  readonly clock: Clock;
  readonly kv: KeyValueStore;
  readonly logger: Logger;
}

/**
 * The document to begin with: the given one, or a newer one that an earlier run was sent and saved. That was verified
 * when it came. It counts for the overlay it is for, and only beside a document, not beside the implied one.
 * @throws DocumentError 'document-expired'
 */
export function newestDocument({ clock, kv, logger }: SavedDeps, given: OverlayDocument): OverlayDocument {
  const saved = given.source === undefined ? undefined : savedDocument({ kv, logger }, given.name);
  if (saved === undefined) return given;
  if (compareSequence(saved.sequence, given.sequence) !== 'newer') return given;
  requireCurrent({ clock }, saved);
  const { sequence } = saved;
  logger.info('a configuration document newer than the given one was saved', { sequence });
  return saved;
}

/** The newest document of the overlay that an earlier run was given, verified then; perhaps it has expired. */
export function savedDocument(
  { kv, logger }: Omit<SavedDeps, 'clock'>,
  overlay: string,
): OverlayDocument | undefined {
  const bytes = kv.get(DOCUMENT_KEY);
  if (bytes === undefined) return undefined;
  try {
    return readDocument(bytes, overlay);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    logger.warn('the saved configuration document is not used', { error: error.message });
    return undefined;
  }
}

/** Kinds learned by an earlier run, as far as the document still lets their signers define Kinds. */
export function savedKinds(
  { kv, logger }: Omit<SavedDeps, 'clock'>,
  document: OverlayDocument,
): ReadonlyMap<KindId, LearnedKind> {
  const learned = new Map<KindId, LearnedKind>();
  const bytes = kv.get(KINDS_KEY);
  if (bytes === undefined) return learned;
  try {
    for (const { text, signer } of JSON.parse(fromUtf8(bytes)) as { text: string; signer: NodeId }[]) {
      const block = parseKindBlock(text);
      const declared = document.kindBlocks.has(block.kind.id);
      if (document.kindSigners.has(signer) && !declared) learned.set(block.kind.id, { block, signer });
    }
  } catch (error) {
    logger.warn('saved Kinds are not used', { error: errorMessage(error) });
  }
  return learned;
}

/**
 * @param document undefined: it has not changed
 * @param learned undefined: they have not changed
 * @returns once it is on the disk, or could not be written, which is logged
 */
export async function saveConfiguration(
  { kv, logger }: Omit<SavedDeps, 'clock'>,
  document: OverlayDocument | undefined,
  learned?: ReadonlyMap<KindId, LearnedKind>,
): Promise<void> {
  const writes: Write[] = [];
  if (learned !== undefined) {
    const kinds = [...learned.values()].map(({ block, signer }) => ({ text: block.text, signer }));
    writes.push({ key: KINDS_KEY, value: utf8(JSON.stringify(kinds)) });
  }
  if (document?.source !== undefined) writes.push({ key: DOCUMENT_KEY, value: document.source.bytes });
  await kv.write(writes).catch((error) => {
    logger.error('the new configuration cannot be saved; a restart would begin with an older one', {
      error: errorMessage(error),
    });
  });
}
