import { createPublicKey, type KeyObject } from 'node:crypto';
import { CodedError, type TlsIdentity } from '../../base/index.ts';
import type { NodeId } from '../wire/ids.ts';
import { Certificate } from './certificate.ts';
import type { NodeIdentity } from './identity.ts';
import { Signer } from './signature.ts';
import type { Signatures } from './signatures.ts';

/** A private key, a Node-ID and the certificate that binds the two. */
export class KeyIdentity implements NodeIdentity {
  readonly nodeId: NodeId;
  readonly userName: string;
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
  readonly tls: TlsIdentity;
  readonly signer: Signer;

  /** @param parts.certificate for the key and with the Node-ID, which is not checked here */
  constructor(
    parts: { readonly nodeId: NodeId; readonly certificate: Certificate; readonly privateKey: KeyObject },
    signatures?: Signatures,
  ) {
    const { nodeId, certificate, privateKey } = parts;
    this.nodeId = nodeId;
    this.certificate = certificate;
    this.userName = certificate.userNames[0] ?? '';
    this.privateKey = privateKey;
    this.tls = { certificates: [certificate.der], privateKey };
    this.signer = new Signer({ certificate, nodeId }, privateKey, signatures);
  }
}

/**
 * The identity that another certificate makes of the same key and Node-ID: the registration certificate of a user
 * (requirement T2). Whether the overlay trusts it is not checked here.
 * @throws CodedError 'certificate-malformed' | 'bad-identity' when it is for another key, Node-ID or user
 */
export function identityWith(own: NodeIdentity, der: Uint8Array, userName: string): NodeIdentity {
  const certificate = Certificate.parse(der);
  const { nodeId, privateKey } = own;
  const fits =
    certificate.publicKey.equals(createPublicKey(privateKey)) &&
    certificate.nodeIds.length === 1 &&
    certificate.nodeIds[0] === nodeId &&
    certificate.userNames[0] === userName;
  if (!fits) {
    throw new CodedError(
      'bad-identity',
      `the certificate is not one of ${userName} for our key and Node-ID ${nodeId}`,
      { origin: 'remote' },
    );
  }
  return new KeyIdentity({ nodeId, certificate, privateKey });
}
