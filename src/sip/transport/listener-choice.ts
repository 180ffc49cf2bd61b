import { type Address, isLoopback, isWildcard } from '../../base/index.ts';
import type { BoundListener } from './flow.ts';

/**
 * The socket to send from: the one asked for, else one of the target's address family whose reach (loopback or
 * not) is the target's.
 */
export function chooseListener<T extends { readonly bound: BoundListener }>(
  candidates: readonly T[],
  target: Address,
  asked: BoundListener | undefined,
): T | undefined {
  let best: T | undefined;
  let bestScore = -1;
  for (const candidate of candidates) {
    const { host } = candidate.bound.local;
    if (candidate.bound === asked) return candidate;
    if (host.includes(':') !== target.host.includes(':')) continue;
    const score = isWildcard(host) ? 1 : isLoopback(host) === isLoopback(target.host) ? 2 : 0;
    if (score > bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}
