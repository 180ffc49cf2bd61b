import type { SimOverlay } from './sim-overlay.ts';
import type { SimPeer } from './sim-peer.ts';

/** How one lookup of a record ended. */
export interface LookupResult {
  /** The owner's entry came back; undefined when owner or asker died meanwhile, so that nothing can be said. */
  readonly found: boolean | undefined;
  /** Links that its request crossed. */
  readonly hops: number;
  /** ms of virtual time. */
  readonly latencyMs: number;
}

/** One Fetch of a user's record by another peer, with the end-to-end retransmissions of one request. */
export async function lookUp(
  { observer, clock }: SimOverlay,
  asking: SimPeer,
  owner: SimPeer,
  aor: string,
): Promise<LookupResult> {
  const startedAt = clock.monotonic();
  const { result, hops } = await observer.follow(() =>
    asking.overlay.fetchRegistrations(aor).catch(() => undefined),
  );
  const latencyMs = clock.monotonic() - startedAt;
  const found = result?.some(
    ({ node, registration }) => node === owner.nodeId && registration.type === 'route',
  );
  const wasCutShort = !asking.alive || !owner.alive;
  return { found: wasCutShort ? undefined : found === true, hops, latencyMs };
}
