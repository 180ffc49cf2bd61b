import type { Logger } from '../../base/index.ts';
import { admitsDomain } from '../../reload/document/domain-restriction.ts';
import type { ReloadNode } from '../../reload/node/reload-node.ts';

/** Says which of our domains the overlay's document has no room for, now and after each change of it (RFC 7904 §3.4). */
export function watchAdmittedDomains(
  { logger, node }: { readonly logger: Logger; readonly node: ReloadNode },
  domains: readonly string[],
): void {
  const report = () => {
    for (const domain of domains) {
      if (!admitsDomain(node.document.kinds, domain))
        logger.warn('users of a domain cannot be registered: the document does not admit it', { domain });
    }
  };
  report();
  node.documentChanged.on(report);
}
