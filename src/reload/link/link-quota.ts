import { type Address, originOf } from '../../base/index.ts';

/** What of all links those from one address may be: many peers may share an address, but not crowd out all others. */
const SHARE_OF_ONE_ADDRESS = 1 / 4;

interface Accepted {
  readonly isInitiator: boolean;
  readonly remote: Address;
}

/**
 * Whether the links that came from an address are as many as may come from one.
 * They are counted only when there are so many in all: nearly always nobody has to be remembered.
 */
export function hasItsShare(
  host: string,
  links: Iterable<Accepted> & { readonly size: number },
  maxLinks: number,
): boolean {
  const most = Math.max(1, Math.floor(maxLinks * SHARE_OF_ONE_ADDRESS));
  if (links.size < most) return false;
  const origin = originOf(host);
  const isV6 = host.includes(':');
  let count = 0;
  for (const { isInitiator, remote } of links) {
    if (isInitiator) continue;
    // Two IPv4 addresses need not be taken apart: the links that have to be looked at are many.
    const mayShareOrigin = isV6 || remote.host.includes(':');
    if (remote.host === host || (mayShareOrigin && originOf(remote.host) === origin)) count++;
  }
  return count >= most;
}
