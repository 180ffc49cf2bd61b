import type { Logger } from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import type { RequestContext } from '../forwarding/inbound-request.ts';
import { RequestRefusal } from '../forwarding/reload-error.ts';
import { ErrorCode } from '../messages/error-response.ts';
import { type JoinAns, type JoinReq, join } from '../messages/join.ts';
import { contains, type TopologyPlugin } from '../topology/topology.ts';
import type { NodeId, ResourceId } from '../wire/ids.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { RecordMover } from './record-mover.ts';
import type { TopologyDriver } from './topology-driver.ts';

/** Joining nodes that may wait for one another. */
const MAX_WAITING = 32;

interface Candidate {
  readonly nodeId: NodeId;
  readonly context: RequestContext<JoinAns>;
}

/** The admitting peer's side of RFC 6940 §10.5, one joining node after the other. */
export class Admission {
  readonly #logger: Logger;
  readonly #connections: ConnectionTable;
  readonly #mover: RecordMover;
  readonly #topology: TopologyPlugin;
  readonly #driver: TopologyDriver;
  readonly #isJoiningThrough: (nodeId: NodeId) => boolean;
  readonly #waiting: Candidate[] = [];
  #admitting: NodeId | undefined;

  constructor(
    deps: {
      logger: Logger;
      forwarding: ForwardingLayer;
      connections: ConnectionTable;
      mover: RecordMover;
      topology: TopologyPlugin;
      driver: TopologyDriver;
    },
    options: { readonly isJoiningThrough: (nodeId: NodeId) => boolean },
  ) {
    this.#logger = deps.logger;
    this.#connections = deps.connections;
    this.#mover = deps.mover;
    this.#topology = deps.topology;
    this.#driver = deps.driver;
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
      // Step 6: all that lies between our predecessor and the joining node.
      await this.#mover.replicate(this.#topology.rangeOf(nodeId), [nodeId]);
      if (!this.#connections.has(nodeId) || !this.#topology.isResponsible(nodeId)) {
        return this.#logger.info('a joining node went away', { nodeId });
      }
      // Steps 7 and 8.
      this.#driver.apply((topology, nowMs) => topology.admit(nodeId, nowMs));
      this.#logger.info('admitted', { nodeId });
    } finally {
      this.#admitting = undefined;
    }
  }
}
