import { type Clock, CodedError, errorMessage, type Logger } from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { RequestRefusal } from '../forwarding/reload-error.ts';
import { toNode } from '../messages/destination.ts';
import { ErrorCode } from '../messages/error-response.ts';
import { update } from '../messages/update.ts';
import type { TopologyPlugin, UpdateAudience } from '../topology/topology.ts';
import type { NodeId } from '../wire/ids.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { TopologyDriver } from './topology-driver.ts';

/** Update requests, ours and those of others (RFC 6940 §6.4.2.3, §10.7). */
export class Updates {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #forwarding: ForwardingLayer;
  readonly #connections: ConnectionTable;
  readonly #topology: TopologyPlugin;
  readonly #startedAt: number;

  constructor(deps: {
    clock: Clock;
    logger: Logger;
    forwarding: ForwardingLayer;
    connections: ConnectionTable;
    topology: TopologyPlugin;
  }) {
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#forwarding = deps.forwarding;
    this.#connections = deps.connections;
    this.#topology = deps.topology;
    this.#startedAt = deps.clock.monotonic();
  }

  /** Seconds since this node was made. */
  get uptimeS(): number {
    return (this.#clock.monotonic() - this.#startedAt) / 1000;
  }

  /** Hands the Updates of others to the topology plug-in. */
  serve(driver: TopologyDriver): void {
    this.#forwarding.handle(update, ({ overlayData }, context) => {
      const from = context.signer.nodeId;
      // Requirement T18: only over the signer's own link.
      if (from !== context.previousHop)
        throw new RequestRefusal(ErrorCode.Forbidden, 'not over its own link');
      driver.apply((topology, nowMs) => topology.updateReceived(from, overlayData, nowMs));
      context.respond({});
    });
  }

  /** Sends Updates; whoever does not answer is found out by its link or by the keepalive. */
  send(audience: UpdateAudience, full: boolean): void {
    const overlayData = this.#topology.updateContents(full, this.uptimeS);
    for (const nodeId of this.#members(audience)) {
      if (!this.#connections.has(nodeId)) continue;
      this.#forwarding
        .request(update, { overlayData }, { destinationList: [toNode(nodeId)], firstHop: nodeId })
        .catch((error) => {
          const code = error instanceof CodedError ? error.code : undefined;
          this.#logger.debug('Update not taken', { nodeId, code, error: errorMessage(error) });
        });
    }
  }

  #members(audience: UpdateAudience): readonly NodeId[] {
    if (typeof audience !== 'string') return audience;
    const connected = [...this.#connections.nodeIds()];
    if (audience === 'connections') return connected;
    const neighbors = this.#topology.neighbors();
    return connected.filter((nodeId) => !neighbors.includes(nodeId));
  }

  /** Our whole routing table, if we are part of the overlay: for those who asked with send_update (§6.4.2.4.1). */
  sendFull(nodeId: NodeId): void {
    if (this.#topology.membership !== 'outside') this.send([nodeId], true);
  }
}
