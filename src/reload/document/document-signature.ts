import { CodedError } from '../../base/index.ts';
import { type SecurityBlock, securityBlock } from '../messages/security-block.ts';
import type { CertificateStore } from '../security/certificate-store.ts';
import { type Signer, verifySignature } from '../security/signature.ts';
import { decodeWhole, encodeWhole } from '../wire/codec.ts';
import { DecodeError } from '../wire/decode-error.ts';
import type { NodeId } from '../wire/ids.ts';
import { DocumentError } from './document-error.ts';

/**
 * RFC 6940 §11.1: the signature of a configuration or kind element, a SecurityBlock. Requirement T15: it covers the
 * exact bytes of the element, then the SignerIdentity.
 */
export function signElement(element: Uint8Array, signer: Signer): Uint8Array {
  const signature = signer.sign([element]);
  return encodeWhole(securityBlock, { certificates: [signer.certificate.der], signature });
}

export interface AcceptedSigners {
  /** Trusts the signers' certificates. */
  readonly certificates: CertificateStore;
  /** Who may sign; undefined: whoever is trusted. */
  readonly nodeIds: ReadonlySet<NodeId> | undefined;
}

/**
 * @param what for messages: "the configuration"
 * @returns the signer's Node-ID
 * @throws DocumentError 'document-forged'
 */
export function verifyElement(
  what: string,
  element: Uint8Array,
  block: Uint8Array,
  { certificates, nodeIds }: AcceptedSigners,
): NodeId {
  const { signature, certificates: carried } = decodeBlock(what, block);
  try {
    const signedBy = certificates.signer(signature.identity, carried);
    if (nodeIds !== undefined && !nodeIds.has(signedBy.nodeId)) {
      throw new DocumentError(
        'document-forged',
        `${what} is signed by ${signedBy.nodeId}, who may not sign it`,
      );
    }
    verifySignature(signature, [element], signedBy);
    return signedBy.nodeId;
  } catch (cause) {
    if (cause instanceof DocumentError || !(cause instanceof CodedError)) throw cause;
    throw new DocumentError('document-forged', `the signature of ${what} does not count: ${cause.message}`, {
      cause,
    });
  }
}

function decodeBlock(what: string, block: Uint8Array): SecurityBlock {
  try {
    return decodeWhole(securityBlock, block);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new DocumentError('document-forged', `the signature of ${what} is no SecurityBlock`, { cause });
  }
}
