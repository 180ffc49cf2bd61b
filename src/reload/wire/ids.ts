import { createHash } from 'node:crypto';
import { fixedHex, opaqueHex } from './sequences.ts';

/** RFC 6940 §10: CHORD-RELOAD works on 128-bit identifiers; `node-id-length` is 16 in every overlay we join. */
export const ID_LENGTH = 16;

/** 16 bytes as 32 lower-case hex digits: a map key, and `<` compares as unsigned big-endian integers. */
export type NodeId = string;

/** 0 to 254 bytes as lower-case hex; 16 bytes in CHORD-RELOAD. */
export type ResourceId = string;

export type KindId = number;

/** RFC 6940 §6.1.1: all ones, "whoever receives this". */
export const WILDCARD_NODE_ID: NodeId = 'ff'.repeat(ID_LENGTH);

/** `opaque NodeId[NodeIdLength]` */
export const nodeId = fixedHex(ID_LENGTH);

/** `opaque ResourceId<0..2^8-1>` */
export const resourceId = opaqueHex(1);

/** RFC 6940 §7.2.3: `opaque DictionaryKey<0..2^16-1>` as lower-case hex. */
export const dictionaryKey = opaqueHex(2);

const HEX_ID = /^[0-9a-f]{32}$/;

export function isNodeId(text: string): boolean {
  return HEX_ID.test(text);
}

/** RFC 6940 §10.2: SHA-1 truncated to the most significant 128 bits. */
export function resourceIdOfBytes(name: Uint8Array): ResourceId {
  return createHash('sha1')
    .update(name)
    .digest('hex')
    .slice(0, ID_LENGTH * 2);
}

/** RFC 6940 §6.3.2: the low 32 bits of the SHA-1 of the overlay name. */
export function overlayHashOf(overlayName: string): number {
  return createHash('sha1').update(overlayName, 'utf8').digest().readUInt32BE(16);
}
