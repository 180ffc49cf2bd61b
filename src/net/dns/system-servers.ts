import { Resolver } from 'node:dns';
import type { Address, Clock } from '../../base/index.ts';
import { nameServer } from './name-server.ts';

/** A machine that moves to another network has other servers, ms. */
const READ_EVERY_MS = 30_000;

/** The system's name servers (resolv.conf and its like), as they are now. */
export function systemServers(clock: Clock): () => readonly Address[] {
  let servers: readonly Address[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = clock.monotonic();
    if (now - readAt >= READ_EVERY_MS) {
      readAt = now;
      // Each resolver reads them anew.
      servers = new Resolver().getServers().map(nameServer);
    }
    return servers;
  };
}
