import { type Clock, Event, type Gauge, type Metrics } from '../../base/index.ts';
import type { LinkTable } from '../forwarding/ports.ts';
import type { Link } from '../link/link.ts';
import type { NodeId } from '../wire/ids.ts';
import type { LinkView, TraceHook } from './node-options.ts';

/** Links one node may have with us: two when both Attach at once, and its bootstrap link. */
const MAX_LINKS_PER_NODE = 3;

/** Nodes connected at once, clients included. */
const MAX_NODES = 4096;

/** A second link with the same node is closed once nothing came over it for this long. */
const SPARE_IDLE_MS = 60_000;

interface Entry {
  readonly link: Link;
  /** Monotonic ms of the last message either way. */
  usedAt: number;
  /** Monotonic ms of the last message from the node. */
  heardAt: number;
}

/** Takes the messages that links bring. */
export type MessageSink = (message: Uint8Array, from: NodeId) => void;

/**
 * Whom we have links with, peers and clients alike (RFC 6940 §6.1.2: the Connection Table). A node may have several
 * links with us for a while; the newest is sent on. A spare one is closed only when it has gone quiet, because both
 * sides need not agree on which is the newest.
 */
export class ConnectionTable implements LinkTable {
  /** A node is connected that was not. */
  readonly opened = new Event<NodeId>();
  /** The last link with a node is gone. */
  readonly lost = new Event<NodeId>();
  readonly #clock: Clock;
  readonly #trace: TraceHook | undefined;
  readonly #gauge: Gauge;
  readonly #sink: MessageSink;
  readonly #entries = new Map<NodeId, Entry[]>();
  #closing = false;

  constructor(deps: { clock: Clock; metrics: Metrics; trace?: TraceHook | undefined }, sink: MessageSink) {
    this.#clock = deps.clock;
    this.#trace = deps.trace;
    this.#gauge = deps.metrics.gauge('reload_links', 'Nodes that overlay links are open with');
    this.#sink = sink;
  }

  get size(): number {
    return this.#entries.size;
  }

  nodeIds(): IterableIterator<NodeId> {
    return this.#entries.keys();
  }

  has(nodeId: NodeId): boolean {
    return this.#entries.has(nodeId);
  }

  linkTo(nodeId: NodeId): { send(message: Uint8Array): void } | undefined {
    const entry = this.#entries.get(nodeId)?.at(-1);
    if (entry === undefined) return undefined;
    return {
      send: (message) => {
        entry.usedAt = this.#clock.monotonic();
        this.#trace?.('out', nodeId, message);
        entry.link.send(message);
      },
    };
  }

  /** Takes a link over; it is closed at once when there are too many already. */
  add(link: Link, nodeId: NodeId): void {
    const entries = this.#entries.get(nodeId) ?? [];
    const full = entries.length >= MAX_LINKS_PER_NODE || (entries.length === 0 && this.size >= MAX_NODES);
    if (full || this.#closing) return link.close();
    const now = this.#clock.monotonic();
    const entry: Entry = { link, usedAt: now, heardAt: now };
    link.onMessage = (message) => {
      entry.heardAt = entry.usedAt = this.#clock.monotonic();
      this.#trace?.('in', nodeId, message);
      this.#sink(message, nodeId);
    };
    link.closed.on(() => this.#remove(nodeId, entry));
    entries.push(entry);
    this.#entries.set(nodeId, entries);
    this.#gauge.set(this.size);
    if (entries.length === 1) this.opened.emit(nodeId);
  }

  /** Monotonic ms when the node was last heard of; undefined without a link. */
  heardAt(nodeId: NodeId): number | undefined {
    const entries = this.#entries.get(nodeId);
    return entries && Math.max(...entries.map((entry) => entry.heardAt));
  }

  /** Closes spare links that have gone quiet, and the links with nodes nobody wants that were idle for `idleMs`. */
  prune(isWanted: (nodeId: NodeId) => boolean, idleMs: number): void {
    const now = this.#clock.monotonic();
    for (const [nodeId, entries] of [...this.#entries]) {
      for (const spare of entries.slice(0, -1)) if (spare.usedAt < now - SPARE_IDLE_MS) spare.link.close();
      const last = entries.at(-1);
      if (last !== undefined && last.usedAt < now - idleMs && !isWanted(nodeId)) last.link.close();
    }
  }

  close(nodeId: NodeId): void {
    for (const { link } of [...(this.#entries.get(nodeId) ?? [])]) link.close();
  }

  /** Closes all links and takes no more. */
  closeAll(): void {
    this.#closing = true;
    for (const nodeId of [...this.#entries.keys()]) this.close(nodeId);
  }

  views(): LinkView[] {
    return [...this.#entries].map(([nodeId, entries]) => {
      const { link } = entries.at(-1)!;
      return { nodeId, address: link.remote, rttMs: link.rttMs };
    });
  }

  #remove(nodeId: NodeId, entry: Entry): void {
    const entries = this.#entries.get(nodeId) ?? [];
    const left = entries.filter((other) => other !== entry);
    if (left.length === entries.length) return;
    if (left.length > 0) {
      this.#entries.set(nodeId, left);
      return;
    }
    this.#entries.delete(nodeId);
    this.#gauge.set(this.size);
    if (!this.#closing) this.lost.emit(nodeId);
  }
}
