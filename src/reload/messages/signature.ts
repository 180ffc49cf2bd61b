import type { TypeOf } from '../wire/codec.ts';
import { uint8 } from '../wire/integers.ts';
import { opaque, opaqueHex } from '../wire/sequences.ts';
import { sizedSelect, struct, variant } from '../wire/struct.ts';

/** The TLS HashAlgorithm registry (RFC 5246 §7.4.1.4.1), as far as RELOAD uses it. */
export const HashAlgorithm = { none: 0, sha1: 2, sha256: 4, sha384: 5, sha512: 6 } as const;

/** The TLS SignatureAlgorithm registry. */
export const SignatureAlgorithm = { anonymous: 0, rsa: 1, ecdsa: 3 } as const;

/** RFC 6940 §6.3.4: who signed, by the hash of the certificate (and, where it has several, the Node-ID used). */
export const signerIdentity = sizedSelect(2, {
  certHash: variant(1, { hashAlgorithm: uint8, certificateHash: opaqueHex(1) }),
  certHashNodeId: variant(2, { hashAlgorithm: uint8, certificateHash: opaqueHex(1) }),
  none: variant(3, {}),
});
export type SignerIdentity = TypeOf<typeof signerIdentity>;

/** RFC 6940 §6.3.4. `value` is a view of the received message. */
export const signature = struct({
  algorithm: struct({ hash: uint8, signature: uint8 }),
  identity: signerIdentity,
  value: opaque(2),
});
export type Signature = TypeOf<typeof signature>;

/** RFC 6940 §7.4.2.2: the empty signature of a value that the storing peer made up. */
export const NO_SIGNATURE: Signature = {
  algorithm: { hash: HashAlgorithm.none, signature: SignatureAlgorithm.anonymous },
  identity: { type: 'none' },
  value: new Uint8Array(0),
};
