import { createPublicKey, type KeyObject } from 'node:crypto';
import { CodedError, type TlsIdentity } from '../../base/index.ts';
import type { NodeId } from '../wire/ids.ts';
import type { Certificate } from './certificate.ts';
import type { NodeIdentity } from './identity.ts';
import { KeyIdentity } from './key-identity.ts';
import type { Signer } from './signature.ts';

/**
 * An identity whose certificate an enrollment server issued (RFC 6940 §11.3) and issues again before it expires: key,
 * Node-ID and user name stay.
 */
export class EnrolledIdentity implements NodeIdentity {
  readonly nodeId: NodeId;
  readonly userName: string;
  readonly privateKey: KeyObject;
  #current: KeyIdentity;

  /** @throws CodedError 'bad-identity' when the certificate is not one for this key, one Node-ID and one user name */
  constructor(privateKey: KeyObject, certificate: Certificate) {
    const [nodeId, ...others] = certificate.nodeIds;
    const [userName] = certificate.userNames;
    if (!certificate.publicKey.equals(createPublicKey(privateKey))) {
      throw new CodedError('bad-identity', 'the certificate is for another key');
    }
    if (nodeId === undefined || others.length > 0) {
      throw new CodedError(
        'bad-identity',
        `the certificate has ${certificate.nodeIds.length} Node-IDs, not one`,
      );
    }
    if (userName === undefined) throw new CodedError('bad-identity', 'the certificate has no user name');
    this.nodeId = nodeId;
    this.userName = userName;
    this.privateKey = privateKey;
    this.#current = new KeyIdentity({ nodeId, certificate, privateKey });
  }

  get certificate(): Certificate {
    return this.#current.certificate;
  }

  get tls(): TlsIdentity {
    return this.#current.tls;
  }

  get signer(): Signer {
    return this.#current.signer;
  }

  /**
   * From now on this certificate is shown and signed with.
   * @throws CodedError 'bad-identity' when it changes more than its dates; the old one stays then
   */
  renew(certificate: Certificate): void {
    const renewed = new EnrolledIdentity(this.privateKey, certificate);
    if (renewed.nodeId !== this.nodeId || renewed.userName !== this.userName) {
      throw new CodedError(
        'bad-identity',
        `the new certificate is for ${renewed.userName} and Node-ID ${renewed.nodeId}, not for ${this.userName} and ${this.nodeId}`,
      );
    }
    this.#current = renewed.#current;
  }
}
