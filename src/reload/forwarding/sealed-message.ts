import type { Envelope } from '../messages/message.ts';
import { securityBlock } from '../messages/security-block.ts';
import type { CertificateStore } from '../security/certificate-store.ts';
import { messageSignatureParts, type SignedBy, type Signer, verifySignature } from '../security/signature.ts';
import { encodeWhole } from '../wire/codec.ts';

/** All of a message but its forwarding header, which changes on the way. */
export interface SealedMessage {
  readonly contents: Uint8Array;
  readonly security: Uint8Array;
}

export interface SealOptions {
  readonly overlayHash: number;
  readonly transactionId: bigint;
  readonly signer: Signer;
  /** Certificates of the values inside (DER); the signer's own goes along by itself. */
  readonly certificates?: readonly Uint8Array[];
}

/** RFC 6940 §6.3.4: signs the contents and adds each certificate once. */
export function seal(
  contents: Uint8Array,
  { overlayHash, transactionId, signer, certificates = [] }: SealOptions,
): SealedMessage {
  const own = signer.certificate.der;
  const others = certificates.filter((der) => Buffer.compare(der, own) !== 0);
  const signature = signer.sign(messageSignatureParts(overlayHash, transactionId, contents));
  return { contents, security: encodeWhole(securityBlock, { certificates: [own, ...others], signature }) };
}

/**
 * RFC 6940 §6.3.4: "the destination node MUST verify the signature and the authorizing certificate".
 * @throws CodedError with a SignatureErrorCode or CertificateErrorCode
 */
export function verifyEnvelope(
  { header, contentsBytes, security }: Envelope,
  certificates: CertificateStore,
): SignedBy {
  const { signature } = security;
  const signedBy = certificates.signer(signature.identity, security.certificates);
  verifySignature(
    signature,
    messageSignatureParts(header.overlay, header.transactionId, contentsBytes),
    signedBy,
  );
  return signedBy;
}
