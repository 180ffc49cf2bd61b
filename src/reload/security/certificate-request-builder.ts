import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { alternativeNames, RFC822_NAME, signatureAlgorithm } from './certificate-builder.ts';
import {
  context,
  generalName,
  oid,
  parseDer,
  primitive,
  sequence,
  set,
  Type,
  toBytes,
} from './der-writer.ts';

/** RFC 2985 §5.4.2. */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

/**
 * A certification request (RFC 2986), DER, signed with SHA-256: the public key and the user name wanted, as an
 * rfc822Name. The Node-IDs are the enrollment server's choice (RFC 6940 §11.3), and so they are not in it.
 * @param userName ASCII
 */
export function buildCertificateRequest(privateKey: KeyObject, userName: string): Uint8Array {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const extensions = sequence(alternativeNames([generalName(RFC822_NAME, userName)]));
  const info = sequence(
    primitive(Type.INTEGER, '\0'), // version 1
    sequence(), // subject
    parseDer(spki),
    context(0, [sequence(oid(EXTENSION_REQUEST), set(extensions))]),
  );
  const signature = sign('sha256', toBytes(info), privateKey);
  const bits = `\0${signature.toString('latin1')}`;
  return new Uint8Array(
    toBytes(sequence(info, signatureAlgorithm(privateKey), primitive(Type.BITSTRING, bits))),
  );
}
