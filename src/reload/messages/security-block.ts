import type { Codec, TypeOf } from '../wire/codec.ts';
import { opaque, vector } from '../wire/sequences.ts';
import { struct } from '../wire/struct.ts';
import { signature } from './signature.ts';

/** RFC 6091 CertificateType; RFC 6940 §6.3.4 defines the use of X.509 only. */
const X509 = 0;

/** Certificates one message may carry: a signer's for each value and their chains. */
const MAX_CERTIFICATES = 256;

const der = opaque(2);

/** GenericCertificate as its DER bytes, a view of the received message. */
const genericCertificate: Codec<Uint8Array> = {
  decode(reader) {
    const type = reader.uint(1);
    if (type !== X509) throw reader.error('unknown-type', `certificate type ${type}`);
    return der.decode(reader);
  },
  encode(writer, value) {
    writer.uint(1, X509);
    der.encode(writer, value);
  },
};

/** RFC 6940 §6.3.4. */
export const securityBlock = struct({
  certificates: vector(2, genericCertificate, MAX_CERTIFICATES),
  signature,
});
export type SecurityBlock = TypeOf<typeof securityBlock>;
