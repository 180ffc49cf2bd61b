import {
  type Address,
  type Clock,
  errorMessage,
  formatAddress,
  IdleSet,
  type Logger,
} from '../../base/index.ts';
import type { Link } from '../link/link.ts';
import type { LinkLayer } from '../link/link-layer.ts';
import type { NodeId } from '../wire/ids.ts';
import { withDeadline } from './concurrency.ts';

/** Nodes that we connect to at their request, at once. */
const MAX_DIALLING = 64;

/** One address of several may take this long. */
const CONNECT_MS = 3_000;

/**
 * Connects to nodes at addresses they named themselves, as the TLS client (RFC 6940 §6.5.1.13: "the node that sent the
 * Attach request MUST be the TLS server"). One address after the other, few nodes at once.
 */
export class LinkDialer {
  readonly #clock: Clock;
  readonly #links: LinkLayer;
  readonly #logger: Logger;
  readonly #stopping: AbortSignal;
  readonly #dialling = new IdleSet<NodeId>();

  /** @param options.stopping aborted when the node stops */
  constructor(
    deps: { clock: Clock; links: LinkLayer; logger: Logger },
    options: { readonly stopping: AbortSignal },
  ) {
    this.#clock = deps.clock;
    this.#links = deps.links;
    this.#logger = deps.logger;
    this.#stopping = options.stopping;
  }

  /**
   * Makes a link with the node, whose certificate must carry this Node-ID (§6.5.1.11).
   * @returns false when too many are under way, or one to this node is
   */
  dial(nodeId: NodeId, addresses: readonly Address[], onLink: (link: Link) => void): boolean {
    if (this.#dialling.has(nodeId) || this.#dialling.size >= MAX_DIALLING) return false;
    this.#dialling.add(nodeId);
    void this.#connect(nodeId, addresses)
      .then((link) => link && onLink(link))
      .finally(() => this.#dialling.delete(nodeId));
    return true;
  }

  async #connect(nodeId: NodeId, addresses: readonly Address[]): Promise<Link | undefined> {
    for (const address of addresses) {
      try {
        return await withDeadline(
          this.#clock,
          CONNECT_MS,
          (signal) => this.#links.connect(address, { expect: nodeId, signal }),
          this.#stopping,
        );
      } catch (error) {
        if (this.#stopping.aborted) return undefined;
        this.#logger.debug('an Attach candidate cannot be reached', {
          nodeId,
          address: formatAddress(address),
          error: errorMessage(error),
        });
      }
    }
    return undefined;
  }
}
