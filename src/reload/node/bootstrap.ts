import {
  type Address,
  type Clock,
  CodedError,
  errorMessage,
  formatAddress,
  type Logger,
  type Random,
  sameAddress,
} from '../../base/index.ts';
import type { Discovery } from '../discovery/discovery.ts';
import type { LinkLayer } from '../link/link-layer.ts';
import type { NodeId } from '../wire/ids.ts';
import type { BootstrapCache } from './bootstrap-cache.ts';
import { withDeadline } from './concurrency.ts';
import type { ConnectionTable } from './connection-table.ts';

/** One bootstrap node may take this long. */
const CONNECT_MS = 3_000;

/** Addresses that somebody on the local network told of and that are tried at one go. */
const MAX_FOUND = 16;

/** Finds a node of the overlay to begin with (RFC 6940 §11.4). */
export class Bootstrap {
  /** Finds more of them while we look. */
  readonly discovery: Discovery | undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #links: LinkLayer;
  readonly #connections: ConnectionTable;
  readonly #cache: BootstrapCache;
  readonly #configured: () => readonly Address[];
  readonly #ownAddresses: () => readonly Address[];

  constructor(
    deps: {
      clock: Clock;
      random: Random;
      logger: Logger;
      links: LinkLayer;
      connections: ConnectionTable;
      cache: BootstrapCache;
      discovery?: Discovery;
    },
    options: {
      readonly configured: () => readonly Address[];
      readonly ownAddresses: () => readonly Address[];
    },
  ) {
    this.discovery = deps.discovery;
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#logger = deps.logger;
    this.#links = deps.links;
    this.#connections = deps.connections;
    this.#cache = deps.cache;
    this.#configured = options.configured;
    this.#ownAddresses = options.ownAddresses;
  }

  /**
   * Cached peers first, then the configured nodes, then a few of those that were found; each in random order, our own
   * addresses left out. What was found nobody vouches for, so it comes last.
   */
  addresses({ cached = true } = {}): Address[] {
    const own = this.#ownAddresses();
    const found = this.#shuffled(this.discovery?.addresses() ?? []).slice(0, MAX_FOUND);
    const all = [...(cached ? this.#cache.addresses() : []), ...this.#shuffled(this.#configured()), ...found];
    return all.filter(
      (address, i) =>
        !own.some((other) => sameAddress(other, address)) &&
        all.findIndex((other) => sameAddress(other, address)) === i,
    );
  }

  #shuffled(addresses: readonly Address[]): Address[] {
    return addresses
      .map((address) => ({ address, key: this.#random.float() }))
      .sort((a, b) => a.key - b.key)
      .map(({ address }) => address);
  }

  /**
   * A link with the first bootstrap node that answers, or the one we have with it; in it we are the TLS client.
   * @param options.cached false: only the configured nodes
   * @throws CodedError 'node-id-conflict' when one of them has our Node-ID; 'no-bootstrap' when none can be reached
   */
  async connect(options: { readonly cached?: boolean; readonly signal: AbortSignal }): Promise<NodeId> {
    const { signal } = options;
    const addresses = this.addresses(options);
    let last: unknown;
    for (const address of addresses) {
      const connected = this.#connections.views().find(({ address: remote }) => sameAddress(remote, address));
      if (connected !== undefined) return connected.nodeId;
      try {
        const link = await withDeadline(
          this.#clock,
          CONNECT_MS,
          (deadline) => this.#links.connect(address, { signal: deadline }),
          signal,
        );
        return this.#connections.add(link);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof CodedError && error.code === 'node-id-conflict') throw error;
        last = error;
        this.#cache.forget(address);
        this.#logger.debug('bootstrap node not reached', {
          address: formatAddress(address),
          error: errorMessage(error),
        });
      }
    }
    if (addresses.length === 0) throw new CodedError('no-bootstrap', 'no peer is known yet');
    throw new CodedError(
      'no-bootstrap',
      `none of ${addresses.length} bootstrap nodes can be reached: ${errorMessage(last)}`,
      { cause: last },
    );
  }
}
