import {
  type Address,
  type Connection,
  errorMessage,
  formatAddress,
  IdleMap,
  IdleSet,
  type Logger,
  type Network,
  type TlsOptions,
} from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import type { RequestContext } from '../forwarding/inbound-request.ts';
import { RequestRefusal } from '../forwarding/reload-error.ts';
import { type AppAttachReqAns, appAttach } from '../messages/app-attach.ts';
import { ErrorCode } from '../messages/error-response.ts';
import type { NodeId } from '../wire/ids.ts';
import type { AppAttacher } from './app-attacher.ts';
import { connectableAddresses, mixesIceAndNoIce, toCandidates } from './candidates.ts';

/** Connections we make at the request of others, at once. */
const MAX_CONNECTING = 64;

/** One address of several may take this long. */
const CONNECT_MS = 3_000;

export type ApplicationHandler = (connection: Connection, nodeId: NodeId) => void;

/** Answers AppAttach requests (RFC 6940 §6.5.2) and connects to whoever sent them, as the TLS client. */
export class AppAttachResponder {
  readonly #network: Network;
  readonly #logger: Logger;
  readonly #attacher: AppAttacher;
  readonly #ownAddresses: () => readonly Address[];
  readonly #tlsTowards: (nodeId: NodeId) => TlsOptions;
  readonly #handlers = new IdleMap<number, ApplicationHandler>();
  readonly #connecting = new IdleSet<string>();
  readonly #stopping: AbortSignal;

  constructor(
    deps: {
      network: Network;
      logger: Logger;
      forwarding: ForwardingLayer;
      attacher: AppAttacher;
    },
    options: {
      readonly ownAddresses: () => readonly Address[];
      /** TLS that lets only this node in. */
      readonly tlsTowards: (nodeId: NodeId) => TlsOptions;
      /** Aborted when the node stops. */
      readonly stopping: AbortSignal;
    },
  ) {
    this.#network = deps.network;
    this.#logger = deps.logger;
    this.#attacher = deps.attacher;
    this.#ownAddresses = options.ownAddresses;
    this.#tlsTowards = options.tlsTowards;
    this.#stopping = options.stopping;
    deps.forwarding.handle(appAttach, (request, context) => this.#onAppAttach(request, context));
  }

  /** Takes the connections that others ask for with this Application-ID (§14.5). */
  onApplication(application: number, handler: ApplicationHandler): void {
    this.#handlers.set(application, handler);
  }

  async #onAppAttach(request: AppAttachReqAns, context: RequestContext<AppAttachReqAns>): Promise<void> {
    const { application } = request;
    const from = context.signer.nodeId;
    const handler = this.#handlers.get(application);
    // §6.5.2.2
    if (handler === undefined) throw new RequestRefusal(ErrorCode.Not_Found, `no application ${application}`);
    if (mixesIceAndNoIce(request.candidates)) {
      throw new RequestRefusal(ErrorCode.Invalid_Message, 'candidates with and without ICE');
    }
    const addresses = connectableAddresses(request.candidates, this.#ownAddresses());
    if (addresses.length === 0) {
      throw new RequestRefusal(ErrorCode.Not_Found, 'no candidate this node may connect to');
    }
    const key = `${from}/${application}`;
    if (this.#connecting.has(key) || this.#connecting.size >= MAX_CONNECTING) {
      throw new RequestRefusal(ErrorCode.In_Progress);
    }
    this.#connecting.add(key);
    try {
      const candidates = toCandidates(await this.#attacher.addresses(application));
      context.respond({ ufrag: '', password: '', application, role: 'active', candidates });
      const connection = await this.#connect(from, addresses);
      if (connection !== undefined) handler(connection, from);
    } finally {
      this.#connecting.delete(key);
    }
  }

  async #connect(nodeId: NodeId, addresses: readonly Address[]): Promise<Connection | undefined> {
    const tls = this.#tlsTowards(nodeId);
    const signal = this.#stopping;
    for (const address of addresses) {
      try {
        return await this.#network.connect(address, { tls, timeoutMs: CONNECT_MS, signal });
      } catch (error) {
        this.#logger.debug('an AppAttach candidate cannot be reached', {
          nodeId,
          address: formatAddress(address),
          error: errorMessage(error),
        });
      }
    }
    return undefined;
  }
}
