import { createPublicKey, hash, type KeyObject } from 'node:crypto';
import { CodedError } from '../../base/index.ts';
import type { NodeId } from '../wire/ids.ts';
import { type CertificateFields, parseCertificateFields } from './certificate-fields.ts';
import type { NodeUri } from './reload-uri.ts';
import { nodeSignatures, type Signatures } from './signatures.ts';

/** Why a certificate is not accepted. */
export type CertificateErrorCode =
  | 'certificate-malformed'
  | 'certificate-expired'
  | 'certificate-not-yet-valid'
  | 'certificate-foreign'
  | 'certificate-untrusted'
  | 'certificate-node-id-mismatch'
  | 'certificate-not-allowed'
  | 'certificate-revoked';

/**
 * The certificate of a RELOAD node (RFC 6940 §11.3): one or more Node-IDs, at most one user name, a public key.
 * Reading one proves nothing; `CertificateStore.verify` does.
 */
export class Certificate {
  readonly der: Uint8Array;
  /** SHA-256 of the DER form, lower-case hex: what cert_hash carries. */
  readonly fingerprint: string;
  readonly nodes: readonly NodeUri[];
  readonly nodeIds: readonly NodeId[];
  /** The rfc822Name: none or one. */
  readonly userNames: readonly string[];
  /** ms since the Unix epoch, both inclusive. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: KeyObject;
  readonly #signatures: Signatures;

  private constructor(
    der: Uint8Array,
    fields: CertificateFields,
    publicKey: KeyObject,
    signatures: Signatures,
  ) {
    this.der = der;
    this.fingerprint = fingerprintOf(der);
    this.nodes = fields.nodes;
    this.nodeIds = fields.nodes.map((node) => node.nodeId);
    this.userNames = fields.userNames;
    this.notBefore = fields.notBefore;
    this.notAfter = fields.notAfter;
    this.publicKey = publicKey;
    this.#signatures = signatures;
  }

  /**
   * @param importKey makes a key of a DER SubjectPublicKeyInfo; a cache, where there is one
   * @param signatures how signatures by the certificate's key are checked
   * @throws CodedError 'certificate-malformed'
   */
  static parse(
    der: Uint8Array,
    importKey: (spki: Uint8Array) => KeyObject = importPublicKey,
    signatures: Signatures = nodeSignatures,
  ): Certificate {
    const fields = parseCertificateFields(der);
    // The bytes may be a view of a whole received message, which must not be kept alive by the certificate.
    return new Certificate(new Uint8Array(der), fields, importKey(fields.spki), signatures);
  }

  /** The DER SubjectPublicKeyInfo, exactly as the certificate carries it. */
  get spki(): Uint8Array {
    return parseCertificateFields(this.der).spki;
  }

  /** Whether this key made the certificate's signature. */
  isSignedBy(key: KeyObject): boolean {
    const { signed, signatureHash, signatureKeyType, signature } = parseCertificateFields(this.der);
    return (
      key.asymmetricKeyType === signatureKeyType &&
      nodeSignatures.verify(signatureHash, signed, key, signature)
    );
  }

  /** Whether the certificate's key made this signature over `input`. */
  verifies(hashName: string, input: Uint8Array, signature: Uint8Array): boolean {
    return this.#signatures.verify(hashName, input, this.publicKey, signature);
  }
}

/** SHA-256 of a DER certificate as lower-case hex. */
export function fingerprintOf(der: Uint8Array): string {
  return hash('sha256', der, 'hex');
}

/**
 * RSA of 2048 bits or more and EC over P-256 or P-384.
 * @throws CodedError 'certificate-malformed'
 */
export function importPublicKey(spki: Uint8Array): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch (cause) {
    throw new CodedError('certificate-malformed', 'malformed certificate: unusable public key', { cause });
  }
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const usable =
    key.asymmetricKeyType === 'rsa'
      ? modulusLength >= 2048 && modulusLength <= 8192
      : key.asymmetricKeyType === 'ec' && ['prime256v1', 'secp384r1'].includes(namedCurve);
  if (!usable)
    throw new CodedError('certificate-malformed', 'a public key neither RSA-2048+ nor EC P-256/P-384');
  return key;
}
