import { type Address, CodedError, errorMessage, formatAddress, type Logger } from '../../base/index.ts';
import type { NodeId } from '../wire/ids.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { OverlayLinks } from './overlay-links.ts';
import { WorkQueue } from './work-queue.ts';

/** Addresses that others asked us to connect to: so many at once, and so many waiting. */
const CONCURRENT = 8;
const WAITING = 64;

/** One address of several may take this long. */
const CONNECT_MS = 3_000;

/**
 * Connects to nodes at addresses they named themselves, as the TLS client (RFC 6940 §6.5.1.13: "the node that sent the
 * Attach request MUST be the TLS server"). One address after the other, few nodes at once.
 */
export class LinkDialer {
  readonly #links: OverlayLinks;
  readonly #connections: ConnectionTable;
  readonly #logger: Logger;
  readonly #queue = new WorkQueue({ concurrency: CONCURRENT, capacity: WAITING });

  constructor(deps: { links: OverlayLinks; connections: ConnectionTable; logger: Logger }) {
    this.#links = deps.links;
    this.#connections = deps.connections;
    this.#logger = deps.logger;
  }

  /**
   * Makes a link with the node, whose certificate must carry this Node-ID (§6.5.1.11).
   * @param onConnected called when the link stands and is in the connection table
   * @returns false when too many are waiting
   */
  dial(nodeId: NodeId, addresses: readonly Address[], onConnected: () => void): boolean {
    return this.#queue.add(() => this.#connect(nodeId, addresses, onConnected)) !== undefined;
  }

  stop(): void {
    this.#queue.clear();
  }

  async #connect(nodeId: NodeId, addresses: readonly Address[], onConnected: () => void): Promise<void> {
    for (const address of addresses) {
      try {
        const link = await this.#links.connect(address, { expected: nodeId, timeoutMs: CONNECT_MS });
        this.#connections.add(link, nodeId);
        onConnected();
        return;
      } catch (error) {
        this.#logger.debug('an Attach candidate does not answer', {
          nodeId,
          address: formatAddress(address),
          error: errorMessage(error),
          ...(error instanceof CodedError && { code: error.code }),
        });
      }
    }
  }
}
