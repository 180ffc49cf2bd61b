import {
  abortable,
  type Clock,
  CodedError,
  type Counter,
  errorMessage,
  type Logger,
  type Metrics,
} from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import type { RequestContext } from '../forwarding/inbound-request.ts';
import { RequestRefusal } from '../forwarding/reload-error.ts';
import { ErrorCode } from '../messages/error-response.ts';
import { type JoinAns, type JoinReq, join } from '../messages/join.ts';
import { contains, type TopologyPlugin } from '../topology/topology.ts';
import type { NodeId, ResourceId } from '../wire/ids.ts';
import { withDeadline } from './concurrency.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { RecordMover } from './record-mover.ts';
import type { TopologyDriver } from './topology-driver.ts';

/** Joining nodes that may wait for one another. */
const MAX_WAITING = 32;

/** What the joining node will be responsible for must be stored there within this time. */
const HAND_OVER_MS = 45_000;

interface Candidate {
  readonly nodeId: NodeId;
  readonly context: RequestContext<JoinAns>;
}

/** The admitting peer's side of RFC 6940 §10.5, one joining node after the other. */
export class Admission {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #connections: ConnectionTable;
  readonly #mover: RecordMover;
  readonly #topology: TopologyPlugin;
  readonly #driver: TopologyDriver;
  readonly #admitted: Counter;
  readonly #isJoiningThrough: (nodeId: NodeId) => boolean;
  readonly #waiting: Candidate[] = [];
  #admitting: NodeId | undefined;

  constructor(
    deps: {
      clock: Clock;
      logger: Logger;
      metrics: Metrics;
      forwarding: ForwardingLayer;
      connections: ConnectionTable;
      mover: RecordMover;
      topology: TopologyPlugin;
      driver: TopologyDriver;
    },
    options: { readonly isJoiningThrough: (nodeId: NodeId) => boolean },
  ) {
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#connections = deps.connections;
    this.#mover = deps.mover;
    this.#topology = deps.topology;
    this.#driver = deps.driver;
    this.#admitted = deps.metrics.counter('reload_admissions_total', 'Joining nodes that this peer admitted');
    this.#isJoiningThrough = options.isJoiningThrough;
    deps.forwarding.handle(join, (request, context) => this.#onJoin(request, context));
  }

  /** The joining node that will be responsible for the resource: it must get what is stored there meanwhile. */
  heirOf(resource: ResourceId): NodeId | undefined {
    const heir = this.#admitting;
    return heir !== undefined && contains(this.#topology.rangeOf(heir), resource) ? heir : undefined;
  }

  #onJoin({ joiningPeerId }: JoinReq, context: RequestContext<JoinAns>): void {
    // §6.4.2.1: the Node-ID asked for, the signer and the link must be the same.
    if (joiningPeerId !== context.signer.nodeId || joiningPeerId !== context.previousHop) {
      throw new RequestRefusal(ErrorCode.Forbidden, 'a Join for another Node-ID than that of the link');
    }
    // Two peers that are both alone may ask one another: the larger Node-ID is admitted.
    if (this.#isJoiningThrough(joiningPeerId) && this.#topology.self > joiningPeerId) {
      throw new RequestRefusal(ErrorCode.In_Progress, 'we are joining through you');
    }
    // It lost patience and asks again: the answer to the first request would come to nobody.
    const again = this.#waiting.findIndex(({ nodeId }) => nodeId === joiningPeerId);
    if (again >= 0) this.#waiting.splice(again, 1);
    if (this.#waiting.length >= MAX_WAITING)
      throw new RequestRefusal(ErrorCode.In_Progress, 'too many Joins');
    this.#waiting.push({ nodeId: joiningPeerId, context });
    if (this.#admitting === undefined) void this.#admitWaiting();
  }

  async #admitWaiting(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await this.#admit(next);
    }
  }

  async #admit({ nodeId, context }: Candidate): Promise<void> {
    // Who joins is not part of the ring, whatever we remember of it: it has been started again.
    this.#driver.apply((topology, nowMs) => topology.forget(nodeId, nowMs));
    if (!this.#topology.isResponsible(nodeId)) {
      // NOTE: RFC 6940 names no error for this; the joining node has to look for its admitting peer again.
      return context.fail(ErrorCode.Not_Found, 'not responsible for this Node-ID');
    }
    this.#admitting = nodeId;
    try {
      // Step 5.
      context.respond({ overlayData: new Uint8Array(0) });
      await this.#handOver(nodeId);
      // It may have given up, or somebody nearer may have been found, who will admit it when it asks again.
      if (!this.#connections.has(nodeId) || !this.#topology.isResponsible(nodeId)) return;
      // Steps 7 and 8.
      this.#driver.apply((topology, nowMs) => topology.admit(nodeId, nowMs));
      this.#admitted.inc();
      this.#logger.info('admitted', { nodeId });
    } catch (error) {
      this.#logger.info('a joining node was not admitted', { nodeId, error: errorMessage(error) });
    } finally {
      this.#admitting = undefined;
    }
  }

  /**
   * Step 6: all that lies between our predecessor and the joining node.
   * @throws CodedError 'timeout' | 'joining-node-lost': others wait to be admitted
   */
  async #handOver(nodeId: NodeId): Promise<void> {
    const gone = new AbortController();
    const unsubscribe = this.#connections.lost.on((lost) => {
      if (lost === nodeId) gone.abort(new CodedError('joining-node-lost', 'its link is gone'));
    });
    const range = this.#topology.rangeOf(nodeId);
    try {
      await withDeadline(
        this.#clock,
        HAND_OVER_MS,
        (signal) => abortable(this.#mover.giveToJoining(range, nodeId, signal), signal),
        gone.signal,
      );
    } finally {
      unsubscribe();
    }
  }
}
