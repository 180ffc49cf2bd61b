import {
  type Address,
  type Clock,
  type KeyValueStore,
  type Metrics,
  type Network,
  type Random,
  type ReloadTrace,
  silentLogger,
} from '../src/base/index.ts';
import { RegistrationPublisher } from '../src/p2psip/registration-publisher.ts';
import { ReloadOverlay } from '../src/p2psip/reload-overlay.ts';
import type { OverlayDocument } from '../src/reload/document/overlay-document.ts';
import { ReloadNode } from '../src/reload/node/reload-node.ts';
import type { CertificateStore } from '../src/reload/security/certificate-store.ts';
import { type Identity, ownRegistrations } from '../src/reload/security/identity.ts';
import type { TrustPolicy } from '../src/reload/security/trust-policy.ts';

/** Longer than any simulation: a phone that stays registered. */
const BINDING_MS = 365 * 86_400_000;

/** The RELOAD port of every simulated host. */
export const PORT = 6084;

interface SimPeerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly metrics: Metrics;
  readonly kv: KeyValueStore;
  readonly certificates: CertificateStore;
  readonly trace: ReloadTrace;
}

interface SimPeerOptions {
  readonly host: string;
  readonly document: OverlayDocument;
  readonly identity: Identity;
  readonly trust: TrustPolicy;
  readonly bootstrap: readonly Address[];
  readonly users: readonly string[];
}

/** One adapter peer without its SIP side: the node, and the publisher that keeps its users' records in the overlay. */
export class SimPeer {
  readonly host: string;
  readonly node: ReloadNode;
  readonly overlay: ReloadOverlay;
  readonly users: readonly string[];
  readonly #clock: Clock;
  readonly #publisher: RegistrationPublisher;
  alive = true;

  constructor(deps: SimPeerDeps, options: SimPeerOptions) {
    const { host, document, identity, trust, bootstrap } = options;
    this.host = host;
    this.users = options.users;
    this.#clock = deps.clock;
    const common = { ...deps, logger: silentLogger };
    this.node = new ReloadNode(common, {
      document,
      identity,
      trust,
      listen: [{ host, port: PORT }],
      bootstrap,
      first: bootstrap.length === 0,
    });
    const registrations = ownRegistrations(identity);
    this.overlay = new ReloadOverlay(
      { ...common, node: this.node, identity, registrations },
      { name: document.name },
    );
    this.#publisher = new RegistrationPublisher({ ...common, overlay: this.overlay, store: deps.kv });
  }

  get nodeId(): string {
    return this.node.nodeId;
  }

  /** Joins, then registers its users. Resolves when it has joined. */
  async start(): Promise<void> {
    await this.node.start();
    const presence = { contactPrefs: '', expiresAt: this.#clock.now() + BINDING_MS };
    for (const aor of this.users) this.#publisher.update(aor, presence);
  }

  /** Its host is dead: ends what a crashed process would no longer do. Nothing of it reaches anybody. */
  died(): void {
    this.alive = false;
    void this.#publisher.stop(0);
    void this.node.stop();
  }
}
