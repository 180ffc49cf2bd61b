import type { SimOverlay } from './sim-overlay.ts';

/** Peers that join at once, at most. */
const AT_ONCE = 256;
/** Of those that are there, one in so many may be joined through at a time: a ring of ten does not take in sixty. */
const PEERS_PER_JOIN = 16;

/** Lets peers join until there are `count`. */
export async function grow(
  overlay: SimOverlay,
  count: number,
  onProgress: (peers: number) => void,
): Promise<void> {
  const joining = new Set<Promise<unknown>>();
  await overlay.add();
  for (let started = 1; started < count; started++) {
    while (joining.size >= Math.min(AT_ONCE, 1 + Math.floor(overlay.peers.length / PEERS_PER_JOIN))) {
      await Promise.race(joining);
    }
    const join: Promise<unknown> = overlay.add().finally(() => joining.delete(join));
    joining.add(join);
    onProgress(overlay.peers.length);
  }
  await Promise.all(joining);
}
