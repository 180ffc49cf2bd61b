import { concatBytes, fromHex, utf8 } from '../../base/index.ts';
import type { StoredDataValue } from '../messages/stored-data.ts';
import type { SignedBy } from '../security/signature.ts';
import { type NodeId, type ResourceId, resourceIdOfBytes } from '../wire/ids.ts';
import type { KindDefinition } from '../wire/kind-table.ts';

/**
 * RFC 6940 §7.3: whether this signer may write this value there. Asked of the signer of the value and, for original
 * Stores, of the signer of the StoreReq; of fetched values too, since any certificate can sign anything.
 */
export function mayWrite(
  kind: KindDefinition,
  resource: ResourceId,
  value: StoredDataValue,
  signer: SignedBy,
): boolean {
  switch (kind.accessControl) {
    case 'USER-MATCH':
      return isUserOf(kind, signer, resource);
    case 'NODE-MATCH':
      return nodeResource(signer.nodeId) === resource;
    case 'USER-NODE-MATCH':
      // §7.3.3: dictionaries only. Requirement S3: the key is the Node-ID that signed.
      return value.model === 'DICTIONARY' && value.key === signer.nodeId && isUserOf(kind, signer, resource);
    case 'NODE-MULTIPLE':
      return isOneOfNode(signer.nodeId, resource, kind.maxNodeMultiple ?? 0);
  }
}

/** RFC 6940 §10.2: where the data of a user is. */
export function userResource(userName: string): ResourceId {
  return resourceIdOfBytes(utf8(userName));
}

/** Where the NODE-MATCH data of a node is: at the hash of its Node-ID, not at the Node-ID (§8). */
export function nodeResource(nodeId: NodeId): ResourceId {
  return resourceIdOfBytes(fromHex(nodeId)!);
}

/**
 * Where the i-th NODE-MULTIPLE record of a node is: H(Node-ID ‖ i).
 * NOTE: RFC 6940 does not say how wide i is; TurnServer carries it as a uint8 (§9), so it is one byte here.
 */
export function nodeMultipleResource(nodeId: NodeId, i: number): ResourceId {
  return resourceIdOfBytes(concatBytes(fromHex(nodeId)!, Uint8Array.of(i)));
}

/** And one whom the overlay admits: RFC 7904 §3.4, "the overlay MUST only accept AORs that match". */
function isUserOf({ admits }: KindDefinition, { certificate }: SignedBy, resource: ResourceId): boolean {
  return certificate.userNames.some(
    (userName) => userResource(userName) === resource && (admits === undefined || admits(userName)),
  );
}

/** §7.3.4: "the verifier MUST iterate through potential i values"; §9 counts from 1. */
function isOneOfNode(nodeId: NodeId, resource: ResourceId, maxNodeMultiple: number): boolean {
  for (let i = 1; i <= Math.min(maxNodeMultiple, 255); i++) {
    if (nodeMultipleResource(nodeId, i) === resource) return true;
  }
  return false;
}
