import {
  type Clock,
  CodedError,
  Event,
  errorMessage,
  type Logger,
  type Random,
  sleep,
} from '../../base/index.ts';
import type { Routing } from '../forwarding/ports.ts';
import { Backoff } from '../link/backoff.ts';
import type { NodeId } from '../wire/ids.ts';
import type { Bootstrap } from './bootstrap.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { NodeState } from './node-options.ts';

const BACKOFF = { firstMs: 250, maxMs: 30_000 };

/** A client is responsible for nothing and sends everything through a peer it is connected with (RFC 6940 §4.2.1). */
export class ClientRouting implements Routing {
  readonly self: NodeId;
  readonly #connections: ConnectionTable;

  constructor(self: NodeId, connections: ConnectionTable) {
    this.self = self;
    this.#connections = connections;
  }

  isResponsible(): boolean {
    return false;
  }

  nextHop(): NodeId | undefined {
    const [first] = this.#connections.nodeIds();
    return first;
  }

  /** A client has no neighbour table to compare with. */
  isPlausibleOwner(): boolean {
    return true;
  }
}

/** Keeps a client connected with one peer. */
export class ClientKeeper {
  readonly stateChanged = new Event<NodeState>();
  /** Connecting again met something that trying on does not mend: our Node-ID at another node. */
  readonly failed = new Event<Error>();
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #bootstrap: Bootstrap;
  readonly #connections: ConnectionTable;
  readonly #stopping = new AbortController();
  #state: NodeState = 'joining';

  constructor(deps: {
    clock: Clock;
    random: Random;
    logger: Logger;
    bootstrap: Bootstrap;
    connections: ConnectionTable;
  }) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#logger = deps.logger;
    this.#bootstrap = deps.bootstrap;
    this.#connections = deps.connections;
  }

  get state(): NodeState {
    return this.#state;
  }

  /** @throws CodedError 'no-bootstrap' when no address is known; 'node-id-conflict' */
  async start(): Promise<void> {
    if (this.#bootstrap.addresses().length === 0 && this.#bootstrap.discovery === undefined) {
      throw new CodedError('no-bootstrap', 'a client needs a bootstrap node');
    }
    await this.#connect();
    this.#connections.lost.on(() => {
      if (this.#state !== 'joined' || [...this.#connections.nodeIds()].length > 0) return;
      this.#become('isolated');
      this.#connect().catch((error) => {
        if (!this.#stopping.signal.aborted) this.failed.emit(error);
      });
    });
  }

  stop(): void {
    this.#stopping.abort(new CodedError('stopped', 'this node is stopping'));
  }

  async #connect(): Promise<void> {
    const { signal } = this.#stopping;
    const backoff = new Backoff(this.#random, BACKOFF);
    for (;;) {
      try {
        await this.#bootstrap.connect({ signal });
        return this.#become('joined');
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof CodedError && error.code === 'node-id-conflict') throw error;
        const delayMs = Math.round(backoff.next());
        this.#logger.warn('no peer yet', { error: errorMessage(error), retryInMs: delayMs });
        await sleep(this.#clock, delayMs, signal);
      }
    }
  }

  #become(state: NodeState): void {
    this.#state = state;
    this.stateChanged.emit(state);
  }
}
