import { MemoryKeyValueStore } from '../../../../src/base/key-value-store.ts';
import { silentLogger } from '../../../../src/base/logger.ts';
import { noMetrics } from '../../../../src/base/metrics.ts';
import { ReloadError } from '../../../../src/reload/forwarding/reload-error.ts';
import type { Answer, RequestOptions } from '../../../../src/reload/forwarding/request-client.ts';
import type { Destination } from '../../../../src/reload/messages/destination.ts';
import type { Method } from '../../../../src/reload/messages/method.ts';
import { ClientRouting } from '../../../../src/reload/node/client-keeper.ts';
import { Connectivity } from '../../../../src/reload/node/connectivity.ts';
import type { ReloadNodeOptions } from '../../../../src/reload/node/node-options.ts';
import { CertificateStore } from '../../../../src/reload/security/certificate-store.ts';
import type { Identity } from '../../../../src/reload/security/identity.ts';
import { SelfSignedTrust } from '../../../../src/reload/security/trust-policy.ts';
import type { SimulatedOverlay } from './simulated-overlay.ts';

/** A node with links and messages but no behaviour: it sends what a test wants and answers nothing by itself. */
export class BareNode {
  readonly host: string;
  readonly identity: Identity;
  readonly connectivity: Connectivity;
  readonly #overlay: SimulatedOverlay;

  constructor(
    overlay: SimulatedOverlay,
    host: string,
    options: Partial<ReloadNodeOptions> & { identity?: Identity } = {},
  ) {
    this.#overlay = overlay;
    this.host = host;
    const { clock, network, document } = overlay;
    const random = overlay.randomOf(host);
    this.identity = options.identity ?? overlay.newIdentity(random);
    const trust =
      typeof options.trust === 'function'
        ? options.trust(options.document ?? document)
        : new SelfSignedTrust({ overlay: document.name, digest: 'sha256', admission: { kind: 'open' } });
    this.connectivity = new Connectivity(
      {
        clock,
        random,
        network: network.host(host),
        kv: new MemoryKeyValueStore(),
        logger: silentLogger,
        metrics: noMetrics,
        certificates: new CertificateStore({ clock, trust }),
        stopping: new AbortController().signal,
        configuration: { document: () => options.document ?? document },
        routing: (connections) => new ClientRouting(this.identity.nodeId, connections),
      },
      {
        document,
        identity: this.identity,
        trust,
        listen: [{ host, port: 6084 }],
        bootstrap: overlay.peers.slice(0, 1).map((peer) => overlay.addressOf(peer)),
        ...options,
      },
      () => {},
    );
  }

  get nodeId(): string {
    return this.identity.nodeId;
  }

  /** Listens, and opens a link with the bootstrap node as its TLS client. */
  async connect(): Promise<void> {
    await this.connectivity.start();
    const { signal } = new AbortController();
    await this.#overlay.clock.runUntil(this.connectivity.bootstrap.connect({ signal }));
  }

  request<Request, Response>(
    method: Method<Request, Response>,
    body: Request,
    destination: Destination,
    options: Partial<RequestOptions> = {},
  ): Promise<Answer<Response>> {
    return this.#overlay.clock.runUntil(
      this.connectivity.forwarding.request(method, body, { destinationList: [destination], ...options }),
    );
  }

  stop(): Promise<void> {
    return this.connectivity.stop();
  }
}

/** The error code a request is answered with. */
export async function errorCodeOf(answer: Promise<unknown>): Promise<number | undefined> {
  try {
    await answer;
    return undefined;
  } catch (error) {
    if (error instanceof ReloadError) return error.errorCode;
    throw error;
  }
}
