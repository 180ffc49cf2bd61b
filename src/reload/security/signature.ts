import type { KeyObject } from 'node:crypto';
import { hash } from 'node:crypto';
import { CodedError, concatBytes, fromHex } from '../../base/index.ts';
import {
  HashAlgorithm,
  type Signature,
  SignatureAlgorithm,
  type SignerIdentity,
  signerIdentity,
} from '../messages/signature.ts';
import { encodeWhole } from '../wire/codec.ts';
import type { NodeId } from '../wire/ids.ts';
import type { Certificate } from './certificate.ts';
import { nodeSignatures, type Signatures } from './signatures.ts';

/** Who signed: a certificate and, of its Node-IDs, the one that was used. */
export interface SignedBy {
  readonly certificate: Certificate;
  readonly nodeId: NodeId;
}

/**
 * Why a signature does not count.
 * - `signature-none`: identity "none" or the anonymous algorithm, only good for made-up values (§7.4.2.2)
 * - `signature-signer-unknown`: no certificate at hand has the hash that the identity carries
 * - `signature-unsupported`: neither RSASSA-PKCS1-v1_5 nor ECDSA with SHA-256, -384 or -512
 * - `signature-invalid`: it does not verify
 */
export type SignatureErrorCode =
  | 'signature-none'
  | 'signature-signer-unknown'
  | 'signature-unsupported'
  | 'signature-invalid';

const HASH_NAMES: ReadonlyMap<number, 'sha1' | 'sha256' | 'sha384' | 'sha512'> = new Map([
  [HashAlgorithm.sha1, 'sha1'],
  [HashAlgorithm.sha256, 'sha256'],
  [HashAlgorithm.sha384, 'sha384'],
  [HashAlgorithm.sha512, 'sha512'],
] as const);

/** Signs for one Node-ID with one certificate; holds the parts of a signature that never change. */
export class Signer implements SignedBy {
  readonly certificate: Certificate;
  readonly nodeId: NodeId;
  readonly #privateKey: KeyObject;
  readonly #signatures: Signatures;
  readonly #algorithm: Signature['algorithm'];
  readonly #identity: SignerIdentity;
  readonly #identityBytes: Uint8Array;

  constructor(
    { certificate, nodeId }: SignedBy,
    privateKey: KeyObject,
    signatures: Signatures = nodeSignatures,
  ) {
    this.certificate = certificate;
    this.nodeId = nodeId;
    this.#privateKey = privateKey;
    this.#signatures = signatures;
    this.#algorithm = {
      hash: HashAlgorithm.sha256,
      signature: privateKey.asymmetricKeyType === 'rsa' ? SignatureAlgorithm.rsa : SignatureAlgorithm.ecdsa,
    };
    this.#identity = identityOf(certificate, nodeId);
    // A buffer of its own: pooled memory would be kept alive by it.
    this.#identityBytes = Uint8Array.from(encodeWhole(signerIdentity, this.#identity));
  }

  /**
   * RFC 6940 §6.3.4: signs the parts followed by the SignerIdentity, which ends every signature input of RELOAD.
   * @param parts from `messageSignatureParts`, or what a stored value or a configuration is signed over
   */
  sign(parts: readonly Uint8Array[]): Signature {
    const value = this.#signatures.sign(
      'sha256',
      concatBytes(...parts, this.#identityBytes),
      this.#privateKey,
    );
    return { algorithm: this.#algorithm, identity: this.#identity, value };
  }
}

/** RFC 6940 §6.3.4: cert_hash for a certificate with one Node-ID, cert_hash_node_id for one with several. */
function identityOf(certificate: Certificate, nodeId: NodeId): SignerIdentity {
  const hashAlgorithm = HashAlgorithm.sha256;
  return certificate.nodeIds.length === 1
    ? { type: 'certHash', hashAlgorithm, certificateHash: certificate.fingerprint }
    : {
        type: 'certHashNodeId',
        hashAlgorithm,
        certificateHash: hash('sha256', concatBytes(fromHex(nodeId)!, certificate.der), 'hex'),
      };
}

/**
 * The certificate among these that the identity names. Says nothing about trust.
 * @throws CodedError 'signature-none' | 'signature-signer-unknown' | 'signature-unsupported'
 */
export function findSigner(identity: SignerIdentity, certificates: Iterable<Certificate>): SignedBy {
  if (identity.type === 'none') refuse('signature-none', 'there is no signature');
  if (identity.type === 'unknown') refuse('signature-unsupported', `signer identity of type ${identity.tag}`);
  const hashName = HASH_NAMES.get(identity.hashAlgorithm);
  if (hashName === undefined) {
    refuse('signature-unsupported', `signer identity with hash ${identity.hashAlgorithm}`);
  }
  for (const certificate of certificates) {
    const nodeId = namedNodeId(identity, hashName, certificate);
    if (nodeId !== undefined) return { certificate, nodeId };
  }
  refuse('signature-signer-unknown', 'no certificate with the hash in the signer identity');
}

type HashIdentity = Extract<SignerIdentity, { type: 'certHash' | 'certHashNodeId' }>;

function namedNodeId(identity: HashIdentity, hashName: string, certificate: Certificate): NodeId | undefined {
  const { der, nodeIds, fingerprint } = certificate;
  if (identity.type === 'certHash') {
    const found = hashName === 'sha256' ? fingerprint : hash(hashName, der, 'hex');
    // §6.3.4: cert_hash_node_id MUST be used with several Node-IDs; with cert_hash we could not tell which.
    return found === identity.certificateHash && nodeIds.length === 1 ? nodeIds[0] : undefined;
  }
  return nodeIds.find(
    (nodeId) => hash(hashName, concatBytes(fromHex(nodeId)!, der), 'hex') === identity.certificateHash,
  );
}

// SHA-1 may name a certificate, but is no hash to sign with.
const SIGNATURE_HASHES = new Map([...HASH_NAMES].filter(([, name]) => name !== 'sha1'));
const KEY_TYPES: ReadonlyMap<number, 'rsa' | 'ec'> = new Map([
  [SignatureAlgorithm.rsa, 'rsa'],
  [SignatureAlgorithm.ecdsa, 'ec'],
] as const);

/**
 * Checks a signature over `parts` followed by its own SignerIdentity with the key of `signedBy`.
 * @throws CodedError 'signature-unsupported' | 'signature-invalid'
 */
export function verifySignature(
  { algorithm, identity, value }: Signature,
  parts: readonly Uint8Array[],
  { certificate, nodeId }: SignedBy,
): void {
  const hashName = SIGNATURE_HASHES.get(algorithm.hash);
  const keyType = KEY_TYPES.get(algorithm.signature);
  if (hashName === undefined || keyType === undefined) {
    refuse('signature-unsupported', `algorithm {${algorithm.hash}, ${algorithm.signature}}`);
  }
  const input = concatBytes(...parts, encodeWhole(signerIdentity, identity));
  if (certificate.publicKey.asymmetricKeyType !== keyType || !certificate.verifies(hashName, input, value)) {
    refuse('signature-invalid', `the signature of ${nodeId} does not verify`);
  }
}

/**
 * RFC 6940 §6.3.4: overlay ‖ transaction_id ‖ MessageContents (‖ SignerIdentity, added when signing).
 * @param contents the encoded MessageContents: message_code, message_body, extensions
 */
export function messageSignatureParts(
  overlayHash: number,
  transactionId: bigint,
  contents: Uint8Array,
): readonly Uint8Array[] {
  const head = Buffer.allocUnsafe(12);
  head.writeUInt32BE(overlayHash, 0);
  head.writeBigUInt64BE(transactionId, 4);
  return [head, contents];
}

function refuse(code: SignatureErrorCode, message: string): never {
  throw new CodedError(code, message, { origin: 'remote' });
}
