import { type Clock, Event, IdleMap } from '../../base/index.ts';
import type { LinkLike, LinkTable, PreviousHop } from '../forwarding/ports.ts';
import type { Link, LinkHandler, LinkState } from '../link/link.ts';
import type { NodeId } from '../wire/ids.ts';
import type { LinkView } from './node-options.ts';

/** Links one node may have with us: two when both Attach at once, and its bootstrap link. */
const MAX_LINKS_PER_NODE = 3;

/** A second link with the same node is closed once nothing went over it for this long. */
const SPARE_IDLE_MS = 60_000;

/** One link with a node, and the node's place in the table. */
class Connected implements LinkLike, LinkHandler, PreviousHop {
  readonly link: Link;
  nodeId: NodeId;
  /** Which of the Node-IDs in its certificate the node uses is known. */
  attached: boolean;
  /** An older link with the same node. Nearly all nodes have one, for which a list would be dear. */
  older: Connected | undefined;
  readonly #table: LinkEvents;
  /** Monotonic ms of the last message from the node, whole: fractions would take memory of their own. */
  heardAt: number;
  /** The same of the last message either way. */
  usedAt: number;

  constructor(table: LinkEvents, link: Link, nodeId: NodeId, attached: boolean) {
    this.link = link;
    this.nodeId = nodeId;
    this.attached = attached;
    this.#table = table;
    this.heardAt = this.usedAt = Math.floor(table.clock.monotonic());
  }

  /** §6.1.2: with several Node-IDs in one certificate, only an Attach says which of them is meant. */
  get unattached(): readonly NodeId[] | undefined {
    return this.attached ? undefined : this.link.peer.nodeIds;
  }

  send(message: Uint8Array): void {
    this.usedAt = Math.floor(this.#table.clock.monotonic());
    this.link.send(message);
  }

  onMessage(message: Uint8Array): void {
    this.heardAt = this.usedAt = Math.floor(this.#table.clock.monotonic());
    this.#table.onMessage(message, this);
  }

  onOversized(prefix: Uint8Array): void {
    this.#table.onOversized(prefix, this);
  }

  onState(state: LinkState): void {
    this.#table.onState(state, this);
  }
}

/** A link and the older ones with the same node, newest first. */
function* withOlder(newest: Connected | undefined): IterableIterator<Connected> {
  for (let next = newest; next !== undefined; next = next.older) yield next;
}

export interface ConnectionTableOptions {
  readonly onMessage: (message: Uint8Array, from: PreviousHop) => void;
  /** The beginning of a message over max-message-size: its link closes after this. */
  readonly onOversized: (prefix: Uint8Array, from: PreviousHop) => void;
}

/** What the table hears of its links. */
interface LinkEvents extends ConnectionTableOptions {
  readonly clock: Clock;
  readonly onState: (state: LinkState, connected: Connected) => void;
}

/**
 * Whom we have links with, peers and clients alike (RFC 6940 §6.1.2: the Connection Table). A node may have several
 * links with us for a while; the newest that works is sent on. A spare one is closed only when it has gone quiet,
 * because both sides need not agree on which is the newest.
 */
export class ConnectionTable implements LinkTable {
  /** A link with the node stands, the first or one more. */
  readonly opened = new Event<NodeId>();
  /** No link with the node works any more: all are closed, or suspect (§6.6.5: out of the routing table). */
  readonly lost = new Event<NodeId>();
  /** A suspect link works again. */
  readonly recovered = new Event<NodeId>();
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  /** The newest link with each node. */
  readonly #nodes = new Map<NodeId, Connected>();
  /** The newest link of a certificate with several Node-IDs, under each of them, until one is Attached with. */
  readonly #unattached = new IdleMap<NodeId, Connected>();

  constructor(deps: { clock: Clock }, options: ConnectionTableOptions) {
    this.#clock = deps.clock;
    const onState = (state: LinkState, connected: Connected): void => this.#onState(state, connected);
    const { onMessage, onOversized } = options;
    this.#events = { onMessage, onOversized, clock: deps.clock, onState };
  }

  nodeIds(): IterableIterator<NodeId> {
    return this.#nodes.keys();
  }

  has(nodeId: NodeId): boolean {
    return this.#nodes.has(nodeId);
  }

  linkTo(nodeId: NodeId): LinkLike | undefined {
    const newest = this.#nodes.get(nodeId);
    if (newest === undefined) return this.#unattached.get(nodeId);
    for (let next: Connected | undefined = newest; next !== undefined; next = next.older) {
      if (next.link.state === 'up') return next;
    }
    return newest;
  }

  /**
   * Takes a link over.
   * @param attachedAs the Node-ID that the other side used in an Attach with us
   * @returns the Node-ID it is filed under
   */
  add(link: Link, attachedAs?: NodeId): NodeId {
    const { nodeIds } = link.peer;
    const nodeId = attachedAs ?? nodeIds[0] ?? '';
    if (this.#count(nodeId) >= MAX_LINKS_PER_NODE) {
      link.close();
      return nodeId;
    }
    const attached = nodeIds.length === 1 || attachedAs !== undefined;
    const connected = new Connected(this.#events, link, nodeId, attached);
    this.#file(connected);
    for (const id of connected.unattached ?? []) this.#unattached.set(id, connected);
    // Only now: messages that came before are delivered at once, and their answers need the table.
    link.setHandler(connected);
    this.opened.emit(nodeId);
    return nodeId;
  }

  /**
   * A node has Attached with us and used this Node-ID: a link of its certificate, until now filed under the first of
   * its Node-IDs, is one with that node.
   * @returns whether there is a link with the node
   */
  attached(nodeId: NodeId): boolean {
    const connected = this.#unattached.get(nodeId);
    if (connected === undefined) return this.has(nodeId);
    const before = connected.nodeId;
    this.#forget(connected);
    connected.nodeId = nodeId;
    connected.attached = true;
    this.#file(connected);
    if (!this.has(before)) this.lost.emit(before);
    if (before !== nodeId) this.opened.emit(nodeId);
    return true;
  }

  /** Monotonic ms when the node was last heard of; undefined without a link. */
  heardAt(nodeId: NodeId): number | undefined {
    if (!this.#nodes.has(nodeId)) return undefined;
    let latest = 0;
    for (const { heardAt } of withOlder(this.#nodes.get(nodeId))) latest = Math.max(latest, heardAt);
    return latest;
  }

  /** Closes spare links that have gone quiet, and the links with nodes nobody wants that were idle for `idleMs`. */
  prune(isWanted: (nodeId: NodeId) => boolean, idleMs: number): void {
    const now = this.#clock.monotonic();
    for (const [nodeId, newest] of [...this.#nodes]) {
      const isUnwanted = newest.usedAt < now - idleMs && !isWanted(nodeId);
      for (const { link, usedAt } of [...withOlder(newest.older)]) {
        if (usedAt < now - SPARE_IDLE_MS) link.close();
      }
      if (isUnwanted) newest.link.close();
    }
  }

  /** Closes the links whose certificate (DER) is no longer welcome. */
  closeUnwelcome(isWelcome: (certificate: Uint8Array) => boolean): void {
    for (const { link } of [...this.#nodes.values()].flatMap((newest) => [...withOlder(newest)])) {
      if (!isWelcome(link.peer.certificate)) link.close();
    }
  }

  views(): LinkView[] {
    return [...this.#nodes].map(([nodeId, { link }]) => ({
      nodeId,
      address: link.remote,
      rttMs: link.rttMs,
    }));
  }

  #onState(state: LinkState, connected: Connected): void {
    const { nodeId } = connected;
    if (state === 'up') {
      this.recovered.emit(nodeId);
      return;
    }
    if (!this.#nodes.has(nodeId)) return;
    const others = [...withOlder(this.#nodes.get(nodeId))].filter((other) => other !== connected);
    if (state === 'closed') this.#forget(connected);
    if (!others.some(({ link }) => link.state === 'up')) this.lost.emit(nodeId);
  }

  #count(nodeId: NodeId): number {
    let count = 0;
    for (const _ of withOlder(this.#nodes.get(nodeId))) count++;
    return count;
  }

  /** As the newest link with its node. */
  #file(connected: Connected): void {
    connected.older = this.#nodes.get(connected.nodeId);
    this.#nodes.set(connected.nodeId, connected);
  }

  #forget(connected: Connected): void {
    const { nodeId, unattached = [] } = connected;
    const newest = this.#nodes.get(nodeId);
    if (newest === connected) {
      if (connected.older === undefined) this.#nodes.delete(nodeId);
      else this.#nodes.set(nodeId, connected.older);
    } else {
      for (const newer of withOlder(newest)) if (newer.older === connected) newer.older = connected.older;
    }
    connected.older = undefined;
    for (const id of unattached) if (this.#unattached.get(id) === connected) this.#unattached.delete(id);
  }
}
