import type { Clock, HttpClient, KeyValueStore, Logger, Metrics, Random } from '../../base/index.ts';
import { AdapterEnrollment } from '../../p2psip/enrollment/adapter-enrollment.ts';
import { HttpsRegistrationExchange } from '../../p2psip/enrollment/registration-exchange.ts';
import { ServedUsers } from '../../p2psip/enrollment/served-users.ts';
import type { OverlayServer } from '../../reload/enrollment/overlay-servers.ts';
import type { ReloadNode } from '../../reload/node/reload-node.ts';
import type { NodeIdentity } from '../../reload/security/identity.ts';

interface Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly store: KeyValueStore;
  readonly http: HttpClient;
  readonly identity: NodeIdentity;
  readonly node: Pick<ReloadNode, 'document' | 'documentChanged'>;
  /** The enrollment servers that the elements of a document name. */
  readonly serversOf: (elements: readonly string[]) => readonly OverlayServer[];
}

/** Users whom an enrollment server knows, as far as they have come to this peer. */
export interface EnrolledUsers {
  readonly served: ServedUsers;
  readonly judge: AdapterEnrollment;
  start(): void;
  stop(): void;
}

/** Wires the adapter peer's part in the identity of its users. */
export function openEnrolledUsers(deps: Deps): EnrolledUsers {
  const { identity, http, node, serversOf } = deps;
  const served = new ServedUsers(deps);
  served.load();
  const exchange = new HttpsRegistrationExchange({
    http,
    identity: () => identity.tls,
    servers: () => serversOf(node.document.enrollmentServers),
  });
  const revokedUsers = () => node.document.revokedUsers;
  const judge = new AdapterEnrollment({ ...deps, users: served, exchange, revokedUsers });
  const unsubscribe = node.documentChanged.on(() => judge.revoke());
  return {
    served,
    judge,
    start: () => judge.start(),
    stop: () => {
      unsubscribe();
      judge.stop();
      served.stop();
    },
  };
}
