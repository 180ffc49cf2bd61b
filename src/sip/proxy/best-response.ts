import type { SipResponse } from '../message/response.ts';

/** A final outcome of one branch: what it answered, or the status it counts as when it did not. */
export interface Candidate {
  readonly status: number;
  readonly response: SipResponse | undefined;
}

/** RFC 3261 §16.7 step 6: they tell the caller how to ask again. */
const RESUBMISSION = new Set([415, 420, 484]);
/** They say nothing of the callee, only that a branch led nowhere: anything else a phone says is worth more. */
const NOBODY_THERE = new Set([408, 430]);

/**
 * Chooses among the final responses of a fork, none of them 2xx (RFC 3261 §16.7 step 6): 6xx first, then the lowest
 * class; within 4xx challenges, then what affects resubmission, then a busy callee, and time-outs last.
 * @param cancelled the caller gave up: he is told so (487) if any branch says it
 * @returns undefined when there are none
 */
export function chooseBest(candidates: readonly Candidate[], cancelled = false): Candidate | undefined {
  let best: Candidate | undefined;
  let bestRank = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const rank = rankOf(candidate.status, cancelled);
    if (rank < bestRank) {
      best = candidate;
      bestRank = rank;
    }
  }
  return best;
}

function rankOf(status: number, cancelled: boolean): number {
  if (status >= 600) return 0;
  if (cancelled && status === 487) return 1;
  const statusClass = Math.floor(status / 100) * 10;
  if (statusClass === 40) return statusClass + rankIn4xx(status);
  // A 503 becomes a 500 of ours: what another branch says itself tells more.
  return status === 503 ? statusClass + 1 : statusClass;
}

function rankIn4xx(status: number): number {
  if (status === 401 || status === 407) return 0;
  if (RESUBMISSION.has(status)) return 1;
  if (status === 486) return 2;
  return NOBODY_THERE.has(status) ? 9 : 5;
}

const CHALLENGES = ['WWW-Authenticate', 'Proxy-Authenticate'];

/**
 * RFC 3261 §16.7 step 7: a 401 or 407 carries the challenges of all branches.
 * @returns the response to forward: the chosen one, or a copy with more challenges
 */
export function withAllChallenges(chosen: SipResponse, candidates: readonly Candidate[]): SipResponse {
  if (!isChallenge(chosen.status)) return chosen;
  let merged = chosen;
  for (const { status, response } of candidates) {
    if (response === undefined || response === chosen || !isChallenge(status)) continue;
    if (merged === chosen) merged = chosen.clone();
    for (const name of CHALLENGES) merged.copyHeader(response, name);
  }
  return merged;
}

function isChallenge(status: number): boolean {
  return status === 401 || status === 407;
}
