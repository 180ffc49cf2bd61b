import type { Clock, Logger } from '../../base/index.ts';
import { DocumentError, type DocumentErrorCode } from '../../reload/document/document-error.ts';
import { readDocument } from '../../reload/document/document-reader.ts';
import { verifyFirstDocument } from '../../reload/document/document-verification.ts';
import { builtInDocument, type OverlayDocument } from '../../reload/document/overlay-document.ts';
import { CHORD_RELOAD, requireSupported } from '../../reload/document/supported.ts';
import { ConfigError, type ConfigProblem } from '../config/config-error.ts';
import { tooOpen } from '../config/exposure.ts';
import type { DocumentFile, GatewayConfig } from '../config/gateway-config.ts';

/** The topology plug-ins of this program. */
const TOPOLOGIES: ReadonlySet<string> = new Set([CHORD_RELOAD]);

/** Headers, lists and the security block of the ConfigUpdate that carries a document, bytes. */
const MESSAGE_OVERHEAD = 2_048;

const MENDS: Readonly<Record<DocumentErrorCode, string>> = {
  'document-malformed': 'get the document again from whoever runs the overlay',
  'document-invalid': 'have whoever runs the overlay mend it and sign it again',
  'document-foreign': 'name the overlay as the document does (overlay.name), or name another file',
  'document-unsupported': 'this version cannot take part in that overlay',
  'document-expired': 'get the current document from whoever runs the overlay',
  'document-old': 'get the current document from whoever runs the overlay',
  'document-unsigned': 'get the signed document, or take the signers out of it',
  'document-forged': 'get the document again from whoever runs the overlay',
};

/**
 * The configuration document that the file names, checked (RFC 6940 §11.1); the implied one where it names none.
 * @throws ConfigError
 */
export function openDocument(
  { file, overlay }: GatewayConfig,
  { clock, logger }: { clock: Clock; logger: Logger },
): OverlayDocument {
  if (overlay.document === undefined) return builtInDocument(overlay.name);
  const document = verified(file, overlay.document, overlay.name, clock, logger);
  const breach = breachOf(document, overlay);
  if (breach !== undefined) throw new ConfigError([{ file, ...breach }]);
  return document;
}

function verified(
  file: string,
  { shown, bytes }: DocumentFile,
  overlay: string,
  clock: Clock,
  logger: Logger,
): OverlayDocument {
  try {
    const document = readDocument(bytes, overlay);
    const { signer } = verifyFirstDocument({ clock }, document);
    requireSupported(document, TOPOLOGIES);
    if (signer === undefined) {
      logger.warn('the configuration document is not signed and names no signer: it cannot be updated', {
        document: shown,
      });
    }
    if (bytes.length + MESSAGE_OVERHEAD > document.maxMessageSize) {
      logger.warn('the configuration document does not fit a message: peers cannot pass it on', {
        document: shown,
        bytes: bytes.length,
        maxMessageSize: document.maxMessageSize,
      });
    }
    return document;
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    const problem = `${shown}: ${error.message}`;
    throw new ConfigError([{ file, path: 'overlay.document', problem, mend: MENDS[error.code] }]);
  }
}

/** What the rules for the file could not see without the document. */
function breachOf(
  document: OverlayDocument,
  overlay: GatewayConfig['overlay'],
): Omit<ConfigProblem, 'file'> | undefined {
  if (document.selfSignedPermitted === undefined) {
    return {
      path: 'overlay.document',
      problem:
        'it wants certificates of an enrollment server, and enrollment is not implemented in this version',
      mend: 'use a document with self-signed-permitted true',
    };
  }
  if (!overlay.first && overlay.bootstrap.length === 0 && document.bootstrapNodes.length === 0) {
    return {
      path: 'overlay.bootstrap',
      problem: 'neither the file nor the document names a peer to join through',
      mend: 'name one (bootstrap: [tls://HOST:PORT]), or write first: true on the peer that starts the overlay',
    };
  }
  const hasSecret = overlay.sharedSecret !== undefined || document.sharedSecret !== undefined;
  return tooOpen({ ...overlay, hasSecret });
}
