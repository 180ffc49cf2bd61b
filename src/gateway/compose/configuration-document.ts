import type { Clock, Logger } from '../../base/index.ts';
import { DocumentError, type DocumentErrorCode } from '../../reload/document/document-error.ts';
import { readDocument } from '../../reload/document/document-reader.ts';
import { shareOfMessage } from '../../reload/document/document-size.ts';
import { requireCurrent, verifyFirstDocument } from '../../reload/document/document-verification.ts';
import { builtInDocument, type OverlayDocument } from '../../reload/document/overlay-document.ts';
import { CHORD_RELOAD, requireSupported } from '../../reload/document/supported.ts';
import { ConfigError, type ConfigProblem } from '../config/config-error.ts';
import { tooOpen } from '../config/exposure.ts';
import type { DocumentFile, GatewayConfig } from '../config/gateway-config.ts';

/** The topology plug-ins of this program. */
const TOPOLOGIES: ReadonlySet<string> = new Set([CHORD_RELOAD]);

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
  const document = firstDocument(file, overlay.document, overlay.name, { clock, logger });
  requireRoom(document, { file, overlay });
  return document;
}

/**
 * A document that no other came before, checked but for what it means to this peer.
 * @throws ConfigError
 */
export function firstDocument(
  file: string,
  { shown, bytes }: DocumentFile,
  overlay: string,
  { clock, logger }: { clock: Clock; logger: Logger },
): OverlayDocument {
  return explained(file, shown, () => {
    const document = readDocument(bytes, overlay);
    const { signer } = verifyFirstDocument({ clock }, document);
    requireSupported(document, TOPOLOGIES);
    if (signer === undefined) {
      logger.warn('the configuration document is not signed and names no signer: it cannot be updated', {
        document: shown,
      });
    }
    if (shareOfMessage(document) > 1) {
      logger.warn('the configuration document does not fit a message: peers cannot pass it on', {
        document: shown,
        bytes: bytes.length,
        maxMessageSize: document.maxMessageSize,
      });
    }
    return document;
  });
}

/**
 * One that an earlier run took.
 * @throws ConfigError
 */
export function requireUsable(
  document: OverlayDocument,
  { file, overlay }: Pick<GatewayConfig, 'file' | 'overlay'>,
  { clock }: { clock: Clock },
): void {
  explained(file, 'the document this peer has', () => {
    requireCurrent({ clock }, document);
    requireSupported(document, TOPOLOGIES);
  });
  requireRoom(document, { file, overlay });
}

/** @throws ConfigError */
export function requireRoom(
  document: OverlayDocument,
  { file, overlay }: Pick<GatewayConfig, 'file' | 'overlay'>,
): void {
  const breach = breachOf(document, overlay);
  if (breach !== undefined) throw new ConfigError([{ file, ...breach }]);
}

/** What is wrong with a document, as what is wrong with the configuration that names it. */
function explained<T>(file: string, shown: string, check: () => T): T {
  try {
    return check();
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
  if (document.selfSignedPermitted === undefined && overlay.enroll === undefined) {
    return {
      path: 'overlay.enroll',
      problem: 'is missing: the document wants certificates of an enrollment server',
      mend: 'name the account of this peer (enroll: {username: NAME, password-file: FILE}); p2psip user add makes one',
    };
  }
  if (overlay.enroll !== undefined && document.rootCertificates.length === 0) {
    return {
      path: 'overlay.enroll',
      problem: 'the document names no root-cert: nobody enrolls in that overlay',
      mend: 'leave it out',
    };
  }
  const isLone = !overlay.first && !overlay.localDiscovery && overlay.bootstrap.length === 0;
  if (isLone && document.bootstrapNodes.length === 0) {
    return {
      path: 'overlay.bootstrap',
      problem: 'neither the file nor the document names a peer to join through',
      mend: 'name one (bootstrap: [tls://HOST:PORT]), or write first: true on the peer that starts the overlay',
    };
  }
  if (document.selfSignedPermitted === undefined) return undefined;
  const hasSecret = overlay.sharedSecret !== undefined || document.sharedSecret !== undefined;
  return tooOpen({ ...overlay, hasSecret });
}
