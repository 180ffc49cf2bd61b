import { CodedError, fromHex, utf8 } from '../../../base/index.ts';
import { type NodeId, type ResourceId, resourceIdOfBytes } from '../../wire/ids.ts';

/**
 * Where a user's registrations are (RFC 6940 §10.2, RFC 7904 §7): the hash of the AoR without scheme
 * (requirement T4).
 * @param aor canonical: `alice@example.org`, %-decoded, host in lower case, no scheme, port or parameters
 * @throws CodedError 'bad-aor' when a scheme is left on it
 */
export function resourceIdOf(aor: string): ResourceId {
  if (/^sips?:/i.test(aor)) throw new CodedError('bad-aor', `a scheme in the AoR ${JSON.stringify(aor)}`);
  return resourceIdOfBytes(utf8(aor));
}

/** Where the values of a node itself are (NODE-MATCH, RFC 6940 §7.3.2): the hash of its Node-ID. */
export function resourceIdOfNode(nodeId: NodeId): ResourceId {
  const bytes = fromHex(nodeId);
  if (bytes === undefined) throw new CodedError('bad-node-id', `not a Node-ID: ${JSON.stringify(nodeId)}`);
  return resourceIdOfBytes(bytes);
}
