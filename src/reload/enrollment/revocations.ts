import type { OverlayDocument } from '../document/overlay-document.ts';
import type { NodeId } from '../wire/ids.ts';
import type { DocumentChanges } from './next-document.ts';

/** Until when an element of the document is needed: longer than the last certificate that it makes invalid, ms. */
export interface Revocations {
  readonly users: ReadonlyMap<string, number>;
  readonly nodes: ReadonlyMap<NodeId, number>;
}

/** Certificates that are no longer to count. */
export interface Revocation {
  readonly userName: string;
  readonly nodeIds: readonly NodeId[];
  /** Of the account's own certificates, ms; 0: it never enrolled. */
  readonly certifiedUntil: number;
}

/** Registration certificates, which the account knows nothing of, live no longer than this, clocks considered. */
const REGISTRATION_MS = 2 * 86_400_000;
/** What peers' clocks may be behind when a certificate expires. */
const MARGIN_MS = 86_400_000;

/**
 * Requirement T16: a revoked-user for the name and a bad-node for each of its Node-IDs, beside those of the document that
 * are still needed. An element whose time nobody remembers stays.
 */
export function withRevocation(
  document: Pick<OverlayDocument, 'revokedUsers' | 'badNodes'>,
  known: Revocations,
  now: number,
  revocation?: Revocation,
): { readonly changes: DocumentChanges; readonly revocations: Revocations } {
  const users = new Map(known.users);
  const nodes = new Map(known.nodes);
  const revokedUsers = new Map(document.revokedUsers);
  const badNodes = new Set(document.badNodes);
  prune(users, revokedUsers, now);
  prune(nodes, badNodes, now);
  if (revocation !== undefined) {
    const { userName, nodeIds, certifiedUntil } = revocation;
    const until = Math.max(now + REGISTRATION_MS, certifiedUntil + MARGIN_MS);
    // Later than the `since` of an earlier revocation by more than the second that certificates are dated with.
    const since = Math.max(now, (revokedUsers.get(userName) ?? 0) + 2_000);
    revokedUsers.set(userName, since);
    users.set(userName, until);
    for (const nodeId of nodeIds) {
      badNodes.add(nodeId);
      nodes.set(nodeId, until);
    }
  }
  return { changes: { revokedUsers, badNodes }, revocations: { users, nodes } };
}

function prune(
  times: Map<string, number>,
  elements: { delete(key: string): boolean; has(key: string): boolean },
  now: number,
): void {
  for (const [key, until] of times) {
    if (elements.has(key) && until > now) continue;
    times.delete(key);
    elements.delete(key);
  }
}

/** Whether an element could leave the document now. */
export function hasOutlived({ users, nodes }: Revocations, now: number): boolean {
  return [...users.values(), ...nodes.values()].some((until) => until <= now);
}
