import { type Clock, CodedError } from '../../base/index.ts';
import { CertificateStore } from '../security/certificate-store.ts';
import { readRootCertificate } from '../security/chain-trust.ts';
import type { KindId, NodeId } from '../wire/ids.ts';
import { DocumentError } from './document-error.ts';
import { type AcceptedSigners, verifyElement } from './document-signature.ts';
import { trustOfDocument } from './document-trust.ts';
import type { KindBlock, OverlayDocument } from './overlay-document.ts';
import { type SignedBytes, signedBytes } from './signed-bytes.ts';
import { invalid } from './values.ts';

interface VerificationDeps {
  readonly clock: Clock;
}

/** Who signed what of a document that is in force. */
export interface Verified {
  /** Undefined for an unsigned one. */
  readonly signer: NodeId | undefined;
  /** Of the kind-blocks that are signed. */
  readonly kindSigners: ReadonlyMap<KindId, NodeId>;
}

/**
 * A document that no other came before: signed by a configuration-signer it names itself, or, if it names none, by a
 * certificate that chains to its root-cert. One without configuration-signer may be unsigned: whoever gave it to us
 * vouches for it, and no ConfigUpdate will ever replace it.
 * @throws DocumentError
 */
export function verifyFirstDocument(deps: VerificationDeps, document: OverlayDocument): Verified {
  requireCurrent(deps, document);
  const { configurationSigners, rootCertificates } = document;
  const named = configurationSigners.size > 0;
  const unsigned = document.source === undefined || document.source.signatures.length === 0;
  const kindSigners = verifyKinds(deps, document);
  if (unsigned && !named) return { signer: undefined, kindSigners };
  if (!named && rootCertificates.length === 0) {
    throw new DocumentError(
      'document-forged',
      'it is signed, but names no configuration-signer and no root-cert',
    );
  }
  // Without a list only the chain proves anything: anybody can make a self-signed certificate.
  const trusting = named ? document : { ...document, selfSignedPermitted: undefined };
  return { signer: verifySource(deps, document, trusting), kindSigners };
}

/**
 * Whether bytes that claim to be the next document carry a signature that counts; asked before they are parsed.
 * @throws DocumentError
 */
export function requireSignedBytes(
  deps: VerificationDeps,
  bytes: Uint8Array,
  previous: OverlayDocument,
): void {
  requireSigners(previous);
  const signers = signersOf(deps, previous, previous.configurationSigners);
  verifyOne(signedBytes(bytes), signers);
}

/**
 * RFC 6940 §11.1: "Any configuration file MUST be signed by one of the configuration-signer elements from the previous
 * extant configuration."
 * @throws DocumentError
 */
export function verifyNextDocument(
  deps: VerificationDeps,
  document: OverlayDocument,
  previous: OverlayDocument,
): Verified {
  requireSigners(previous);
  const signer = verifySource(deps, document, previous);
  requireCurrent(deps, document);
  return { signer, kindSigners: verifyKinds(deps, document) };
}

/**
 * §11.1: "kind-block elements MUST be signed by a node listed in the kind-signers block of the current configuration."
 * @returns the signer
 * @throws DocumentError 'document-forged' | 'document-unsigned'
 */
export function verifyKindBlock(
  deps: VerificationDeps,
  { kind, signed, signature }: KindBlock,
  document: OverlayDocument,
): NodeId {
  const what = `the kind-block of ${kind.name}`;
  if (signature === undefined) throw new DocumentError('document-unsigned', `${what} has no kind-signature`);
  return verifyElement(what, signed, signature, signersOf(deps, document, document.kindSigners));
}

/**
 * NOTE: a kind-block without kind-signature, which the grammar allows, counts in a document that names no kind-signer:
 * the signature of the configuration covers it.
 */
function verifyKinds(deps: VerificationDeps, document: OverlayDocument): ReadonlyMap<KindId, NodeId> {
  const signers = new Map<KindId, NodeId>();
  for (const [id, block] of document.kindBlocks) {
    if (block.signature === undefined && document.kindSigners.size === 0) continue;
    signers.set(id, verifyKindBlock(deps, block, document));
  }
  return signers;
}

function requireSigners({ configurationSigners }: OverlayDocument): void {
  if (configurationSigners.size > 0) return;
  throw new DocumentError('document-forged', 'this overlay has no configuration-signer');
}

function verifySource(deps: VerificationDeps, { source }: OverlayDocument, by: OverlayDocument): NodeId {
  const { configurationSigners: listed } = by;
  const signers = signersOf(deps, by, listed.size === 0 ? undefined : listed);
  const { configuration, signatures = [] } = source ?? {};
  return verifyOne(
    signatures.map((signature) => ({ configuration: configuration!, signature })),
    signers,
  );
}

/** One signature that counts is enough. */
function verifyOne(signed: readonly SignedBytes[], signers: AcceptedSigners): NodeId {
  let refusal: unknown = new DocumentError('document-unsigned', 'its configuration has no signature');
  for (const { configuration, signature } of signed) {
    try {
      return verifyElement('the configuration', configuration, signature, signers);
    } catch (error) {
      refusal = error;
    }
  }
  throw refusal;
}

function signersOf(
  deps: VerificationDeps,
  document: OverlayDocument,
  nodeIds: ReadonlySet<NodeId> | undefined,
): AcceptedSigners {
  const trust = trustOfDocument(deps, document);
  return { certificates: new CertificateStore({ ...deps, trust }, { capacity: 16 }), nodeIds };
}

/** @throws DocumentError 'document-expired' | 'document-invalid' for an unusable root-cert */
export function requireCurrent(
  { clock }: VerificationDeps,
  { expiresAt, rootCertificates }: OverlayDocument,
): void {
  if (expiresAt !== undefined && expiresAt <= clock.now()) {
    throw new DocumentError('document-expired', `it expired on ${new Date(expiresAt).toISOString()}`);
  }
  try {
    rootCertificates.forEach(readRootCertificate);
  } catch (error) {
    if (error instanceof CodedError) invalid(error.message);
    throw error;
  }
}
