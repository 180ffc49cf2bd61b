import { errorMessage, type Logger } from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { toNode, toResource } from '../messages/destination.ts';
import { ping } from '../messages/ping.ts';
import { routeQuery } from '../messages/route-query.ts';
import type { IdRange, TopologyPlugin, UpdateAudience } from '../topology/topology.ts';
import type { NodeId, ResourceId } from '../wire/ids.ts';
import type { Attacher } from './attacher.ts';
import type { Bootstrap } from './bootstrap.ts';
import type { ConnectionTable } from './connection-table.ts';
import { probePartition } from './partition-probe.ts';
import type { RecordMover } from './record-mover.ts';
import type { TopologyDriver, TopologyExecutor } from './topology-driver.ts';
import type { Updates } from './updates.ts';

export interface PeerExecutorDeps {
  readonly logger: Logger;
  readonly forwarding: ForwardingLayer;
  readonly connections: ConnectionTable;
  readonly topology: TopologyPlugin;
  readonly driver: TopologyDriver;
  readonly attacher: Attacher;
  readonly bootstrap: Bootstrap;
  readonly updates: Updates;
  readonly mover: RecordMover;
}

/** Carries out what the topology plug-in of a peer wants. */
export class PeerExecutor implements TopologyExecutor {
  readonly #deps: PeerExecutorDeps;
  readonly #stopping: AbortSignal;

  /** @param options.stopping aborted when the node stops */
  constructor(deps: PeerExecutorDeps, options: { readonly stopping: AbortSignal }) {
    this.#deps = deps;
    this.#stopping = options.stopping;
  }

  attach(nodeId: NodeId, via: NodeId | undefined): void {
    const { driver } = this.#deps;
    this.#connect(nodeId, via).then(
      () => driver.apply((topology, nowMs) => topology.attachEnded(nodeId, true, nowMs)),
      (error) => {
        if (this.#stopping.aborted) return;
        this.#failed('a neighbour cannot be attached to', error, { nodeId, via });
        driver.apply((topology, nowMs) => topology.attachEnded(nodeId, false, nowMs));
      },
    );
  }

  /** RFC 6940 §10.7.4.2: a Ping finds out who is there; only somebody new is attached to. */
  findPeer(near: ResourceId): void {
    const { forwarding, connections, attacher, topology } = this.#deps;
    if (topology.isResponsible(near)) return;
    forwarding
      .request(ping, { padding: new Uint8Array(0) }, { destinationList: [toResource(near)] })
      .then(async ({ signer }) => {
        if (!connections.has(signer.nodeId)) await attacher.attach([toNode(signer.nodeId)]);
      })
      .catch((error) => this.#failed('no finger found', error, { near }));
  }

  sendUpdate(to: UpdateAudience, full: boolean): void {
    this.#deps.updates.send(to, full);
  }

  /** The ack of the Ping, or its absence, shows whether the link works (§6.6.5). */
  check(peers: readonly NodeId[]): void {
    const { forwarding, connections } = this.#deps;
    for (const nodeId of peers) {
      if (!connections.has(nodeId)) continue;
      forwarding
        .request(
          ping,
          { padding: new Uint8Array(0) },
          { destinationList: [toNode(nodeId)], firstHop: nodeId },
        )
        .catch((error) => this.#failed('a neighbour does not answer', error, { nodeId }));
    }
  }

  replicate(_range: IdRange, to: readonly NodeId[]): void {
    this.#deps.mover.replicate(to);
  }

  handOver(): void {
    this.#deps.mover.handOver();
  }

  dropSurplus(): void {
    this.#deps.mover.dropSurplus();
  }

  admitted(by: NodeId): void {
    this.#deps.logger.info('joined the overlay', { admittedBy: by });
  }

  isolated(): void {
    this.#deps.logger.warn('no other peer is left');
  }

  probePartition(): void {
    probePartition(this.#deps, this.#stopping).catch((error) =>
      this.#failed('no bootstrap node to compare with', error, {}),
    );
  }

  async #connect(nodeId: NodeId, via: NodeId | undefined): Promise<void> {
    const { attacher, connections, forwarding } = this.#deps;
    if (connections.has(nodeId)) {
      // The link is there, but no Update came over it yet: §6.4.2.4.1 lets us ask for one.
      await forwarding.request(
        routeQuery,
        { sendUpdate: true, destination: toNode(nodeId), overlayData: new Uint8Array(0) },
        { destinationList: [toNode(nodeId)], firstHop: nodeId },
      );
      return;
    }
    // §10.6: through the peer that named it, if that is still there.
    const informed = via !== undefined && connections.has(via);
    await attacher.attach(informed ? [toNode(via), toNode(nodeId)] : [toNode(nodeId)]);
  }

  #failed(what: string, error: unknown, fields: Record<string, unknown>): void {
    if (!this.#stopping.aborted) this.#deps.logger.debug(what, { ...fields, error: errorMessage(error) });
  }
}
