import {
  type Clock,
  CodedError,
  Event,
  errorMessage,
  IdleSet,
  type Logger,
  type Random,
  sleep,
} from '../../base/index.ts';
import { Backoff } from '../link/backoff.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { Bootstrap } from './bootstrap.ts';
import { withDeadline } from './concurrency.ts';
import type { Joining } from './joining.ts';
import type { NodeState } from './node-options.ts';
import type { TopologyDriver } from './topology-driver.ts';
import { waitUntil } from './wait-until.ts';

/** A node that may be the first asks the others for this long before it starts a ring of its own. */
const FIRST_NODE_MS = 5_000;

/** And so long it listens for somebody on the local network, where nobody is known: a few questions and answers. */
const DISCOVERY_MS = 2_000;

/** Whoever is cut off is back within 10 s of the overlay being there again. */
const BACKOFF = { firstMs: 250, maxMs: 8_000 };

/** Brings a peer into the overlay and back into it (RFC 6940 §§10.5, 10.7.1, 11.4). */
export class MembershipKeeper {
  readonly stateChanged = new Event<NodeState>();
  /** Joining again met something that trying on does not mend: our Node-ID at another node. */
  readonly failed = new Event<Error>();
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #bootstrap: Bootstrap;
  readonly #joining: Joining;
  readonly #topology: TopologyPlugin;
  readonly #driver: TopologyDriver;
  readonly #first: boolean;
  /** Attempts to get in: two at once when everybody is lost again before the first has quite ended. */
  readonly #trying = new IdleSet<AbortController>();
  #isStopped = false;
  #state: NodeState = 'joining';
  #looping = false;
  #wasAlone = false;

  constructor(
    deps: {
      clock: Clock;
      random: Random;
      logger: Logger;
      bootstrap: Bootstrap;
      joining: Joining;
      topology: TopologyPlugin;
      driver: TopologyDriver;
    },
    options: { readonly first: boolean },
  ) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#logger = deps.logger;
    this.#bootstrap = deps.bootstrap;
    this.#joining = deps.joining;
    this.#topology = deps.topology;
    this.#driver = deps.driver;
    this.#first = options.first;
    deps.driver.changed.on(() => this.#follow());
    this.#bootstrap.discovery?.found.on(() => this.#follow());
  }

  get state(): NodeState {
    return this.#state;
  }

  /**
   * Resolves when this peer is part of the overlay, however long that takes when others have to come first.
   * @throws CodedError 'no-bootstrap' when there is nobody to ask and we must not be the first; 'node-id-conflict'
   */
  async start(): Promise<void> {
    const { discovery } = this.#bootstrap;
    const isNobodyKnown = () => this.#bootstrap.addresses().length === 0;
    if (discovery?.works && isNobodyKnown()) {
      await this.#try((signal) => this.#pause(DISCOVERY_MS, signal));
    }
    if (isNobodyKnown() && (this.#first || discovery === undefined)) {
      // §6.4.2.1: "a configuration flag or setting seems appropriate".
      if (!this.#first) {
        throw new CodedError(
          'no-bootstrap',
          'no bootstrap node is known, and this node must not be the first',
        );
      }
      return this.#driver.apply((topology, nowMs) => topology.standAlone(nowMs));
    }
    if (!this.#first) return this.#try((signal) => this.#joinAtLast(signal));
    try {
      await this.#try((signal) =>
        withDeadline(this.#clock, FIRST_NODE_MS, (deadline) => this.#joinAtLast(deadline), signal),
      );
    } catch (error) {
      if (this.#isStopped) throw stopped();
      if (isConflict(error)) throw error;
      this.#logger.info('nobody answers: starting the overlay', { error: errorMessage(error) });
      this.#driver.apply((topology, nowMs) => topology.standAlone(nowMs));
    }
  }

  /** Nobody else is left: keeps asking bootstrap nodes and known peers until we are in again. */
  rejoin(): void {
    if (this.#looping) return;
    this.#looping = true;
    this.#try((signal) => this.#joinAtLast(signal))
      .catch((error) => {
        if (!this.#isStopped) this.failed.emit(error);
      })
      .finally(() => {
        this.#looping = false;
      });
  }

  stop(): void {
    this.#isStopped = true;
    for (const trying of this.#trying) trying.abort(stopped());
  }

  async #try(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (this.#isStopped) throw stopped();
    const trying = new AbortController();
    this.#trying.add(trying);
    try {
      await work(trying.signal);
    } finally {
      this.#trying.delete(trying);
    }
  }

  async #joinAtLast(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#random, BACKOFF);
    while (!this.#isMember()) {
      try {
        const bootstrap = await this.#bootstrap.connect({ signal });
        if (!this.#isMember()) await this.#joining.join(bootstrap, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (isConflict(error)) throw error;
        const delayMs = Math.round(backoff.next());
        const entry = { error: errorMessage(error), retryInMs: delayMs };
        // A first node that is alone has nothing to complain about.
        if (this.#state === 'joined') this.#logger.debug('nobody else answers', entry);
        else this.#logger.warn('not joined yet', entry);
        await this.#pause(delayMs, signal);
      }
    }
  }

  /** Waits, but for somebody who turns up on the local network. */
  async #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    const { discovery } = this.#bootstrap;
    if (discovery === undefined) return sleep(this.#clock, delayMs, signal);
    const known = this.#bootstrap.addresses().length;
    const hasMore = () => this.#bootstrap.addresses().length > known;
    const options = { timeoutMs: delayMs, what: 'other peers', signal };
    await waitUntil(this.#clock, discovery.found, hasMore, options).catch(() => signal.throwIfAborted());
  }

  #isMember(): boolean {
    return this.#topology.membership === 'member';
  }

  #follow(): void {
    const { membership } = this.#topology;
    if (membership === 'outside') return;
    const alone = membership === 'alone';
    if (alone && !this.#wasAlone) this.#bootstrap.discovery?.ask();
    this.#wasAlone = alone;
    // A node that may be the first may also be the last.
    const state = alone && !this.#first ? 'isolated' : 'joined';
    if (alone && this.#bootstrap.addresses().length > 0 && !this.#isStopped) this.rejoin();
    if (state === this.#state) return;
    this.#state = state;
    this.stateChanged.emit(state);
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof CodedError && error.code === 'node-id-conflict';
}

function stopped(): CodedError {
  return new CodedError('stopped', 'this node is stopping');
}
