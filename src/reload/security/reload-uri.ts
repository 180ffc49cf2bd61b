import { ID_LENGTH, isNodeId, type NodeId } from '../wire/ids.ts';

/** What a `reload:` URI in a certificate says: this Node-ID belongs to that overlay. */
export interface NodeUri {
  readonly nodeId: NodeId;
  /** Overlay name, lower case. */
  readonly overlay: string;
}

// A Destination List with one entry: type node(1), length 16 (RFC 6940 §6.3.2.2).
const NODE_DESTINATION = `01${ID_LENGTH.toString(16)}`;

/** RFC 6940 §14.15 and requirement T11: `reload://0110<node-id>@overlay/`. */
export function formatNodeUri(nodeId: NodeId, overlay: string): string {
  return `reload://${NODE_DESTINATION}${nodeId}@${overlay}/`;
}

/**
 * Reads a URI that names one node. Some implementations write the bare Node-ID for the Destination List, or leave
 * out the final slash: both are accepted (T11).
 * @returns undefined when it is no such URI
 */
export function parseNodeUri(uri: string): NodeUri | undefined {
  const match = /^reload:\/\/([0-9a-f]+)@([^/@\s]{1,255})\/?$/i.exec(uri);
  if (match === null) return undefined;
  const destination = match[1]!.toLowerCase();
  const nodeId = destination.length === 2 * ID_LENGTH ? destination : afterDestinationHead(destination);
  return isNodeId(nodeId) ? { nodeId, overlay: match[2]!.toLowerCase() } : undefined;
}

function afterDestinationHead(destination: string): string {
  return destination.startsWith(NODE_DESTINATION) ? destination.slice(NODE_DESTINATION.length) : '';
}
