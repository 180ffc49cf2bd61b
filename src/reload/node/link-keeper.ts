import { type Clock, errorMessage, type Logger, type Timer } from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { toNode } from '../messages/destination.ts';
import { ping } from '../messages/ping.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { NodeId } from '../wire/ids.ts';
import type { ConnectionTable } from './connection-table.ts';

/** Neighbours are looked at this often, the other links once in so many times. */
const CHECK_MS = 10_000;
const CHECKS_PER_PRUNE = 6;

/** A neighbour that was silent for this long is sent a Ping; its ack shows that the link works (RFC 6940 §6.6.5). */
const SILENCE_MS = 30_000;

/** The same for fingers, whose failure matters less (§10.7: a connectivity check to non-neighbour peers). */
const FINGER_SILENCE_MS = 10 * 60_000;

/** A link that neither side has used for this long and that we do not need is closed; its owner would have pinged. */
const UNUSED_MS = 30 * 60_000;

/** Keeps the links of the routing table alive and closes those that nobody needs, on one timer for all. */
export class LinkKeeper {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #forwarding: ForwardingLayer;
  readonly #connections: ConnectionTable;
  readonly #topology: TopologyPlugin;
  #timer: Timer | undefined;
  #checks = 0;

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
  }

  start(): void {
    this.#timer = this.#clock.setTimer(CHECK_MS, () => {
      this.#check();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.close();
  }

  #check(): void {
    const neighbors = this.#topology.neighbors();
    this.#pingSilent(neighbors, SILENCE_MS);
    if (++this.#checks % CHECKS_PER_PRUNE !== 0) return;
    const { fingers } = this.#topology.snapshot();
    const wanted = new Set([...neighbors, ...fingers]);
    this.#pingSilent(fingers, FINGER_SILENCE_MS);
    this.#connections.prune((nodeId) => wanted.has(nodeId), UNUSED_MS);
  }

  #pingSilent(nodeIds: readonly NodeId[], silenceMs: number): void {
    const since = this.#clock.monotonic() - silenceMs;
    for (const nodeId of nodeIds) {
      if ((this.#connections.heardAt(nodeId) ?? Infinity) <= since) this.#ping(nodeId);
    }
  }

  #ping(nodeId: NodeId): void {
    this.#forwarding
      .request(ping, { padding: new Uint8Array(0) }, { destinationList: [toNode(nodeId)], firstHop: nodeId })
      .catch((error) => this.#logger.debug('keepalive not answered', { nodeId, error: errorMessage(error) }));
  }
}
