import type { SipRequest } from '../message/request.ts';

/** RFC 5393 §5.3.3: what a request without the header has, and the most we allow. */
const MAX_BREADTH = 60;

/** The incoming Max-Breadth of a request: how many branches it may have at one time, here and beyond. */
export function incomingBreadth(request: SipRequest): number {
  const text = request.header('Max-Breadth');
  if (text === undefined || !/^[0-9]{1,9}$/.test(text)) return MAX_BREADTH;
  return Math.min(Number(text), MAX_BREADTH);
}

/**
 * Divides what is left of Max-Breadth among branches that start together (RFC 5393 §5.3.3).
 * @param available what running branches leave
 * @param shares branches to start, and one for those still being looked up
 * @returns the Max-Breadth of each branch, at least 1; there may be branches for only `available` of them
 */
export function breadthPerBranch(available: number, shares: number): number {
  return Math.max(Math.floor(available / shares), 1);
}
