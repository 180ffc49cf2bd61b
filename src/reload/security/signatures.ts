import { type KeyObject, sign, verify } from 'node:crypto';

/** Makes and checks signatures over messages and values: a port, so that a large simulation can do without them. */
export interface Signatures {
  sign(hashName: string, input: Uint8Array, privateKey: KeyObject): Uint8Array;
  verify(hashName: string, input: Uint8Array, publicKey: KeyObject, signature: Uint8Array): boolean;
}

/** RSASSA-PKCS1-v1_5 or ECDSA, as the key says. */
export const nodeSignatures: Signatures = { sign, verify };
