import { type Clock, Event } from '../../base/index.ts';
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
  readonly nodeId: NodeId;
  readonly #table: LinkEvents;
  /** Monotonic ms of the last message from the node. */
  heardAt: number;
  /** Monotonic ms of the last message either way. */
  usedAt: number;

  constructor(table: LinkEvents, link: Link, nodeId: NodeId) {
    this.link = link;
    this.nodeId = nodeId;
    this.#table = table;
    this.heardAt = this.usedAt = table.clock.monotonic();
  }

  /** §6.1.2: with several Node-IDs in one certificate, only an Attach says which of them is meant. */
  get unattached(): boolean {
    return this.link.peer.nodeIds.length > 1;
  }

  send(message: Uint8Array): void {
    this.usedAt = this.#table.clock.monotonic();
    this.link.send(message);
  }

  onMessage(message: Uint8Array): void {
    this.heardAt = this.usedAt = this.#table.clock.monotonic();
    this.#table.onMessage(message, this);
  }

  onOversized(prefix: Uint8Array): void {
    this.#table.onOversized(prefix, this);
  }

  onState(state: LinkState): void {
    this.#table.onState(state, this);
  }
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
  readonly #nodes = new Map<NodeId, Connected[]>();

  constructor(deps: { clock: Clock }, options: ConnectionTableOptions) {
    this.#clock = deps.clock;
    const onState = (state: LinkState, connected: Connected): void => this.#onState(state, connected);
    this.#events = { ...options, clock: deps.clock, onState };
  }

  nodeIds(): IterableIterator<NodeId> {
    return this.#nodes.keys();
  }

  has(nodeId: NodeId): boolean {
    return this.#nodes.has(nodeId);
  }

  linkTo(nodeId: NodeId): LinkLike | undefined {
    const links = this.#nodes.get(nodeId);
    return links?.findLast(({ link }) => link.state === 'up') ?? links?.at(-1);
  }

  /** Takes a link over. @returns the Node-ID it is filed under */
  add(link: Link): NodeId {
    const [nodeId = ''] = link.peer.nodeIds;
    const links = this.#nodes.get(nodeId) ?? [];
    if (links.length >= MAX_LINKS_PER_NODE) {
      link.close();
      return nodeId;
    }
    const connected = new Connected(this.#events, link, nodeId);
    this.#nodes.set(nodeId, links.concat([connected]));
    // Only now: messages that came before are delivered at once, and their answers need the table.
    link.setHandler(connected);
    this.opened.emit(nodeId);
    return nodeId;
  }

  /** Monotonic ms when the node was last heard of; undefined without a link. */
  heardAt(nodeId: NodeId): number | undefined {
    const links = this.#nodes.get(nodeId);
    return links && Math.max(...links.map(({ heardAt }) => heardAt));
  }

  /** Closes spare links that have gone quiet, and the links with nodes nobody wants that were idle for `idleMs`. */
  prune(isWanted: (nodeId: NodeId) => boolean, idleMs: number): void {
    const now = this.#clock.monotonic();
    for (const [nodeId, links] of [...this.#nodes]) {
      const quiet = links.slice(0, -1).filter(({ usedAt }) => usedAt < now - SPARE_IDLE_MS);
      const last = links.at(-1);
      if (last !== undefined && last.usedAt < now - idleMs && !isWanted(nodeId)) quiet.push(last);
      for (const { link } of quiet) link.close();
    }
  }

  /** Closes the links whose certificate (DER) is no longer welcome. */
  closeUnwelcome(isWelcome: (certificate: Uint8Array) => boolean): void {
    for (const { link } of [...this.#nodes.values()].flat()) {
      if (!isWelcome(link.peer.certificate)) link.close();
    }
  }

  views(): LinkView[] {
    return [...this.#nodes].map(([nodeId, links]) => {
      const { link } = links.at(-1)!;
      return { nodeId, address: link.remote, rttMs: link.rttMs };
    });
  }

  #onState(state: LinkState, connected: Connected): void {
    const { nodeId } = connected;
    if (state === 'up') {
      this.recovered.emit(nodeId);
      return;
    }
    const links = this.#nodes.get(nodeId);
    if (links === undefined) return;
    if (state === 'closed') {
      const left = links.filter((other) => other !== connected);
      if (left.length === 0) this.#nodes.delete(nodeId);
      else this.#nodes.set(nodeId, left);
    }
    if (!links.some((other) => other !== connected && other.link.state === 'up')) this.lost.emit(nodeId);
  }
}
