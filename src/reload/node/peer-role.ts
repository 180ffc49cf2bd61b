import {
  abortable,
  type Clock,
  type EventSource,
  type Logger,
  type Metrics,
  type Random,
} from '../../base/index.ts';
import type { OverlayDocument } from '../document/overlay-document.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import type { ResourceStore } from '../storage/resource-store.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { NodeId } from '../wire/ids.ts';
import { Admission } from './admission.ts';
import type { Attacher } from './attacher.ts';
import type { Bootstrap } from './bootstrap.ts';
import { withDeadline } from './concurrency.ts';
import type { ConnectionTable } from './connection-table.ts';
import { serveDiagnostics } from './diagnostics.ts';
import { Joining } from './joining.ts';
import { sendLeave, serveLeave } from './leaving.ts';
import { LinkKeeper } from './link-keeper.ts';
import { MembershipKeeper } from './membership-keeper.ts';
import { PeerExecutor } from './peer-executor.ts';
import { ReadRepair } from './read-repair.ts';
import { RecordMover } from './record-mover.ts';
import { StorageService } from './storage-service.ts';
import { TopologyDriver } from './topology-driver.ts';
import { Updates } from './updates.ts';

/** Replicas that are due, and the Leave requests, may take this long each. */
const LEAVE_STEP_MS = 2_000;

export interface PeerRoleDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly topology: TopologyPlugin;
  readonly forwarding: ForwardingLayer;
  readonly connections: ConnectionTable;
  readonly attacher: Attacher;
  readonly bootstrap: Bootstrap;
  readonly store: ResourceStore;
}

/** The parts of a node that a client has not: membership of the ring and storage for others. Wiring only. */
export class PeerRole {
  readonly keeper: MembershipKeeper;
  readonly service: StorageService;
  readonly #driver: TopologyDriver;
  readonly #updates: Updates;
  readonly #deps: PeerRoleDeps;
  readonly #mover: RecordMover;
  readonly #executor: PeerExecutor;
  readonly #linkKeeper: LinkKeeper;

  constructor(
    deps: PeerRoleDeps,
    options: {
      readonly first: boolean;
      readonly document: () => OverlayDocument;
      /** Aborted before `stop`. */
      readonly stopping: AbortSignal;
    },
  ) {
    this.#deps = deps;
    const { connections, topology } = deps;
    this.#updates = new Updates(deps);
    const { stopping } = options;
    this.#mover = new RecordMover(deps, { kinds: () => options.document().kinds, stopping });
    this.#driver = new TopologyDriver({ ...deps, executor: () => this.#executor });
    const wired = { ...deps, driver: this.#driver, updates: this.#updates, mover: this.#mover };
    this.#executor = new PeerExecutor(wired, { stopping });
    const joining = new Joining(wired);
    const admission = new Admission(wired, {
      isJoiningThrough: (nodeId) => joining.admittingPeer === nodeId,
    });
    const kinds = () => options.document().kinds;
    const repair = new ReadRepair(deps, { kinds });
    this.service = new StorageService({ ...wired, admission, repair });
    this.keeper = new MembershipKeeper({ ...wired, joining }, options);
    this.#linkKeeper = new LinkKeeper(deps);
    this.#updates.serve(this.#driver);
    serveLeave(deps, this.#driver);
    serveDiagnostics(wired);

    const neighbors = deps.metrics.gauge('reload_neighbors', 'Peers in the neighbour table');
    this.#driver.changed.on(() => {
      neighbors.set(topology.neighbors().length);
      this.#mover.ringChanged();
      repair.ringChanged();
    });
    connections.lost.on((nodeId) => {
      this.#mover.lost(nodeId);
      this.#driver.apply((plugin, nowMs) => plugin.linkLost(nodeId, nowMs));
      deps.forwarding.hopLost(nodeId);
    });
    connections.recovered.on((nodeId) => {
      // It left our routing table meanwhile, and we its: an Update each way brings both back.
      if (topology.membership === 'member') this.#updates.send([nodeId], false);
      this.#executor.attach(nodeId, undefined);
    });
  }

  /** Something in the routing table or in our standing may have changed. */
  get changed(): EventSource<void> {
    return this.#driver.changed;
  }

  /** The node that has just connected asked for our routing table (send_update, §6.4.2.4.1). */
  updateWanted(nodeId: NodeId): void {
    this.#updates.sendFull(nodeId);
  }

  start(): Promise<void> {
    this.#linkKeeper.start();
    return this.keeper.start();
  }

  /** RFC 6940 §10.9: replicas that are due first, so that the successors lack nothing; then Leave. */
  async leave(): Promise<void> {
    this.keeper.stop();
    const { clock, topology } = this.#deps;
    if (topology.membership !== 'member') return;
    this.#driver.apply((plugin) => plugin.flushReplicas());
    const settled = this.#mover.settled();
    await withDeadline(clock, LEAVE_STEP_MS, (signal) => abortable(settled, signal)).catch(() => {
      this.#deps.logger.warn('leaving before all replicas were taken');
    });
    await withDeadline(clock, LEAVE_STEP_MS, (signal) => sendLeave(this.#deps, signal));
  }

  stop(): void {
    this.keeper.stop();
    this.#linkKeeper.stop();
    this.#driver.stop();
  }
}
