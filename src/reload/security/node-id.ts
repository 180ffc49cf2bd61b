import { hash } from 'node:crypto';
import { concatBytes } from '../../base/index.ts';
import { ID_LENGTH, type NodeId } from '../wire/ids.ts';

/** The `digest` attribute of self-signed-permitted (RFC 6940 §11.1). */
export type NodeIdDigest = 'sha1' | 'sha256';

/**
 * RFC 6940 §11.3.1: the Node-ID of a self-signed certificate is the high-order bits of the digest of its DER
 * SubjectPublicKeyInfo.
 * @param index where the certificate has several Node-IDs: which of them, from 1; its four bytes go in front
 */
export function nodeIdOfKey(spki: Uint8Array, digest: NodeIdDigest, index?: number): NodeId {
  let input = spki;
  if (index !== undefined) {
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32BE(index);
    input = concatBytes(prefix, spki);
  }
  return hash(digest, input, 'hex').slice(0, 2 * ID_LENGTH);
}
