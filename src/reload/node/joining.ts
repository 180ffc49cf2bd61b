import { type Clock, CodedError, errorMessage, type Logger } from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { toNode, toResource } from '../messages/destination.ts';
import { join } from '../messages/join.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { NodeId, ResourceId } from '../wire/ids.ts';
import type { Attacher } from './attacher.ts';
import { forEachConcurrently } from './concurrency.ts';
import type { TopologyDriver } from './topology-driver.ts';
import { waitUntil } from './wait-until.ts';

/** The admitting peer's Update follows its connection at once. */
const UPDATE_MS = 5_000;

/** Neighbours that cannot be attached to hold up a join no longer than this. */
const NEIGHBORS_MS = 4_000;

/** The admitting peer hands over its records before it names us its predecessor. */
const ADMISSION_MS = 60_000;

/** Attaches to fingers that run at once. */
const FINGERS_AT_ONCE = 4;

/** The joining node's side of RFC 6940 §10.5. */
export class Joining {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #forwarding: ForwardingLayer;
  readonly #attacher: Attacher;
  readonly #topology: TopologyPlugin;
  readonly #driver: TopologyDriver;
  #admittingPeer: NodeId | undefined;

  constructor(deps: {
    clock: Clock;
    logger: Logger;
    forwarding: ForwardingLayer;
    attacher: Attacher;
    topology: TopologyPlugin;
    driver: TopologyDriver;
  }) {
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#forwarding = deps.forwarding;
    this.#attacher = deps.attacher;
    this.#topology = deps.topology;
    this.#driver = deps.driver;
  }

  /** Whom we have asked to admit us, while we wait for it. */
  get admittingPeer(): NodeId | undefined {
    return this.#admittingPeer;
  }

  /**
   * Joins through a bootstrap node that we have a link with (step 1).
   * @throws CodedError 'timeout', and what Attach and Join fail with; nothing is left behind but links
   */
  async join(bootstrap: NodeId, signal: AbortSignal): Promise<void> {
    // Step 2, §11.4: "over this connection with the destination Resource-ID set to the Joining Node's Node-ID plus 1".
    const destination = toResource(this.#topology.admittingResource());
    const admitting = await this.#attacher.attach([destination], { firstHop: bootstrap, signal });
    // Step 3: the Update it sends us lets the topology plug-in attach to our neighbours-to-be; step 4 is the plug-in's.
    await this.#until(
      () => this.#topology.knows(admitting),
      UPDATE_MS,
      'the Update of the admitting peer',
      signal,
    );
    await this.#until(() => !this.#topology.settling, NEIGHBORS_MS, 'the neighbours', signal).catch(
      (error) => {
        signal.throwIfAborted();
        this.#logger.debug('joining without some neighbours', { error: errorMessage(error) });
      },
    );
    // Steps 3 and 4: fingers are of no use to the admission, so nobody waits for them.
    void forEachConcurrently(this.#topology.initialFingers(), FINGERS_AT_ONCE, (near) =>
      this.#attachNear(near, signal),
    );
    try {
      if (this.#topology.membership !== 'member') await this.#ask(admitting, signal);
    } catch (error) {
      // Two peers that were both alone may admit one another the other way round.
      if (this.#topology.membership !== 'member') throw error;
    }
  }

  /** Steps 5 to 7. */
  async #ask(admitting: NodeId, signal: AbortSignal): Promise<void> {
    this.#admittingPeer = admitting;
    try {
      await this.#forwarding.request(
        join,
        { joiningPeerId: this.#topology.self, overlayData: new Uint8Array(0) },
        { destinationList: [toNode(admitting)], firstHop: admitting, signal },
      );
      const isOver = () => this.#topology.membership === 'member' || !this.#topology.knows(admitting);
      await this.#until(isOver, ADMISSION_MS, 'our admission', signal);
    } finally {
      this.#admittingPeer = undefined;
    }
    if (this.#topology.membership !== 'member')
      throw new CodedError('admitting-peer-lost', `${admitting} went away while it admitted us`);
  }

  async #attachNear(near: ResourceId, signal: AbortSignal): Promise<void> {
    try {
      await this.#attacher.attach([toResource(near)], { signal });
    } catch (error) {
      this.#logger.debug('no finger found', { near, error: errorMessage(error) });
    }
  }

  #until(predicate: () => boolean, timeoutMs: number, what: string, signal: AbortSignal): Promise<void> {
    return waitUntil(this.#clock, this.#driver.changed, predicate, { timeoutMs, what, signal });
  }
}
