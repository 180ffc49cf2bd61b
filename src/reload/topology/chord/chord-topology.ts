import { IdleSet, type Random } from '../../../base/index.ts';
import type { NodeId, ResourceId } from '../../wire/ids.ts';
import {
  type Actions,
  contains,
  type IdRange,
  type Membership,
  type RingSnapshot,
  type TopologyAction,
  type TopologyPlugin,
} from '../topology.ts';
import {
  decodeLeave,
  decodeRouteQueryAnswer,
  decodeUpdate,
  encodeLeave,
  encodeRouteQueryAnswer,
  encodeUpdate,
} from './chord-contents.ts';
import { Deadlines } from './deadlines.ts';
import { type ReplicaChange, ReplicaPlan } from './replica-plan.ts';
import { next } from './ring-arithmetic.ts';
import { RoutingTable } from './routing-table.ts';
import { Stabilisation, type StabilisationIntervals } from './stabilisation.ts';
import { Suspects } from './suspects.ts';
import { UpdateReader } from './update-reader.ts';

/** Changes within this time go out as one Update. */
const COALESCE_MS = 10;
/**
 * Peers that came nearer are gathered this long for those who are not our neighbours. They have to be told as well
 * (§10.7.3), but do nothing about it, and in a ring that grows they would get most of its messages. Failures they learn
 * at once: they may know who is left.
 */
const GATHER_MS = 30_000;
/** After its admission a peer waits this long for neighbours who do not let themselves be attached to. */
const FIRST_ANNOUNCEMENT_MS = 3_000;

export interface ChordOptions extends StabilisationIntervals {
  /** `chord-reactive`. */
  readonly reactive: boolean;
  /** Predecessors and successors kept, each; at least 3. */
  readonly neighbors?: number;
  /** §10.7.4.3: entries of the finger table, at least. */
  readonly fingers?: number;
  /** §10.7.1: wait before new replicas replace those of a failed successor. */
  readonly holdDownMs?: number;
}

/** CHORD-RELOAD (RFC 6940 §10) as a sans-IO machine. */
export class ChordTopology implements TopologyPlugin {
  readonly #random: Random;
  /** As given: `reactive` and the intervals may change with the configuration document. */
  readonly #given: ChordOptions;
  readonly #table: RoutingTable;
  readonly #replicas: ReplicaPlan;
  readonly #suspects = new Suspects();
  readonly #stabilisation: Stabilisation;
  readonly #deadlines = new Deadlines<'announce' | 'announce-gathered'>();
  /** Whether the next announcement is for all connections or for the neighbours. */
  #announceToAll = false;
  /** Neighbours-to-be whose Attach is under way. */
  readonly #attaching = new IdleSet<NodeId>();
  readonly #reader: UpdateReader;

  constructor(deps: { readonly random: Random }, self: NodeId, options: ChordOptions) {
    this.#random = deps.random;
    this.#given = options;
    const { neighbors = 3, fingers = 16, holdDownMs = 30_000 } = options;
    this.#table = new RoutingTable(self, { neighbors, fingers });
    this.#replicas = new ReplicaPlan(holdDownMs);
    this.#reader = new UpdateReader({ neighbors: this.#table.neighbors });
    this.#stabilisation = new Stabilisation({ ...deps, table: this.#table }, options);
  }

  get self(): NodeId {
    return this.#table.self;
  }

  get membership(): Membership {
    return this.#table.membership;
  }

  get settling(): boolean {
    return this.#attaching.size > 0;
  }

  isResponsible(id: string): boolean {
    return this.#table.isResponsible(id);
  }

  nextHop(id: string): NodeId | undefined {
    return this.#table.nextHop(id);
  }

  replicaSet(): readonly NodeId[] {
    return this.#table.replicaSet();
  }

  keeps(resource: ResourceId): boolean {
    return this.#table.keeps(resource);
  }

  isPlausibleReplicaSource(sender: NodeId, resource: ResourceId): boolean {
    return this.#table.isPlausibleReplicaSource(sender, resource);
  }

  isPlausibleOwner(node: NodeId, resource: ResourceId): boolean {
    return this.#table.isPlausibleOwner(node, resource);
  }

  responsibleFractionPpb(): number {
    return this.#table.responsibleFractionPpb();
  }

  neighbors(): readonly NodeId[] {
    return this.#table.neighbors.all();
  }

  knows(peer: NodeId): boolean {
    return this.#table.peers.has(peer);
  }

  snapshot(): RingSnapshot {
    return this.#table.snapshot();
  }

  admittingResource(): ResourceId {
    return next(this.self);
  }

  rangeOf(joining: NodeId): IdRange {
    return { after: this.#table.range().after, upTo: joining };
  }

  initialFingers(): readonly ResourceId[] {
    return this.#table.searchableFingers().map((i) => this.#table.fingers.target(i));
  }

  updateContents(full: boolean, uptimeS: number): Uint8Array {
    return encodeUpdate(this.snapshot(), full, uptimeS);
  }

  routeQueryContents(next: NodeId): Uint8Array {
    return encodeRouteQueryAnswer(next);
  }

  routeQueryNext(contents: Uint8Array): NodeId {
    return decodeRouteQueryAnswer(contents);
  }

  leaveContents(to: NodeId): Uint8Array {
    return encodeLeave(this.#table.neighbors.current, to);
  }

  standAlone(nowMs: number): Actions {
    this.#table.membership = 'alone';
    this.#stabilisation.start(nowMs);
    return [];
  }

  updateReceived(from: NodeId, contents: Uint8Array, nowMs: number): Actions {
    const named = decodeUpdate(contents);
    const actions: TopologyAction[] = [];
    this.#suspects.clear(from);
    this.#attached(from, nowMs);
    // §6.5.1: whoever sends an Update is a peer and can be routed through.
    const isNew = this.#table.peers.add(from);
    // §10.5 step 7: the admitting peer labels us its predecessor.
    if (this.membership !== 'member' && named?.predecessors[0] === this.self)
      this.#admitted(from, nowMs, actions);
    else if (isNew) this.#reconcile('better-peer', nowMs, actions);
    if (named !== undefined) {
      this.#attachToWanted([...named.predecessors, ...named.successors], from, actions);
      if (this.membership === 'member') this.#reader.read(from, named, nowMs, actions);
    }
    return actions;
  }

  leaveReceived(from: NodeId, contents: Uint8Array, nowMs: number): Actions {
    const named = decodeLeave(contents);
    this.#suspects.addForOnce(from, nowMs);
    // §10.9: as if it had failed.
    const actions = this.#remove(from, nowMs);
    this.#attachToWanted(named, undefined, actions);
    return actions;
  }

  admit(joining: NodeId, nowMs: number): Actions {
    const actions: TopologyAction[] = [];
    this.#table.membership = 'member';
    this.#suspects.clear(joining);
    this.#table.peers.add(joining);
    this.#reconcile('better-peer', nowMs, actions);
    // This is the announcement, and what the joining node is now responsible for it was given before.
    this.#deadlines.clear('announce');
    this.#gather(nowMs);
    return [
      ...actions.filter(({ type }) => type !== 'hand-over'),
      { type: 'send-update', to: [joining], full: false },
      { type: 'send-update', to: this.neighbors(), full: false },
    ];
  }

  forget(peer: NodeId, nowMs: number): Actions {
    return this.#remove(peer, nowMs);
  }

  linkLost(peer: NodeId, nowMs: number): Actions {
    const wasNeighbor = this.neighbors().includes(peer);
    const actions = this.#remove(peer, nowMs);
    if (wasNeighbor && this.membership === 'member') {
      // §10.7.1 "actively routing a new Attach to the lost peer": a reset link does not mean a dead peer.
      this.#attaching.add(peer);
      actions.push({ type: 'attach', nodeId: peer });
    }
    return actions;
  }

  attachEnded(peer: NodeId, connected: boolean, nowMs: number): Actions {
    if (connected) this.#suspects.clear(peer);
    else this.#suspects.add(peer, nowMs);
    this.#attached(peer, nowMs);
    return [];
  }

  nextTimeout(): number | undefined {
    const soonest = Math.min(
      this.#deadlines.next() ?? Infinity,
      this.#stabilisation.next() ?? Infinity,
      this.#suspects.next() ?? Infinity,
      this.#replicas.heldUntil ?? Infinity,
    );
    return soonest === Infinity ? undefined : soonest;
  }

  timeout(nowMs: number): Actions {
    const actions: TopologyAction[] = [];
    if (this.#deadlines.take('announce', nowMs)) this.#announce(actions);
    if (this.#deadlines.take('announce-gathered', nowMs) && this.membership === 'member')
      actions.push({ type: 'send-update', to: 'non-neighbors', full: false });
    this.#stabilisation.timeout(nowMs, actions);
    for (const peer of this.#suspects.takeDue(nowMs)) {
      if (this.#table.neighbors.wanted([peer]).length > 0) this.#attachTo(peer, undefined, actions);
      else this.#suspects.clear(peer);
    }
    if ((this.#replicas.heldUntil ?? Infinity) <= nowMs) this.#replicate(this.#replicas.release(), actions);
    return actions;
  }

  flushReplicas(): Actions {
    const actions: TopologyAction[] = [];
    this.#replicate(this.#replicas.release(), actions);
    return actions;
  }

  #admitted(by: NodeId, nowMs: number, actions: TopologyAction[]): void {
    const wasAlone = this.membership === 'alone';
    this.#table.membership = 'member';
    this.#table.neighbors.refresh();
    // The admitting peer holds what it has just given us; its successor may not have been sent all of it yet.
    this.#replicas.assumeHeldBy(by);
    actions.push({ type: 'admitted', by });
    const { after } = this.#table.range();
    if (wasAlone) actions.push({ type: 'hand-over', range: { after: this.self, upTo: after } });
    this.#replicate(this.#replicas.changed(this.replicaSet(), 'better-peer', nowMs), actions);
    this.#stabilisation.start(nowMs);
    // §10.5: no Update of ours before the neighbours are attached.
    this.#announceToAll = true;
    this.#deadlines.set('announce', nowMs + FIRST_ANNOUNCEMENT_MS);
    if (!this.settling) this.#deadlines.set('announce', nowMs + COALESCE_MS);
  }

  #announce(actions: TopologyAction[]): void {
    if (this.membership !== 'member') return;
    const all = this.#announceToAll;
    this.#announceToAll = false;
    if (all) this.#deadlines.clear('announce-gathered');
    actions.push({ type: 'send-update', to: all ? 'connections' : this.neighbors(), full: false });
  }

  #gather(nowMs: number): void {
    this.#deadlines.setIfUnset('announce-gathered', nowMs + GATHER_MS * (0.5 + this.#random.float() / 2));
  }

  #attached(peer: NodeId, nowMs: number): void {
    if (this.#attaching.delete(peer) && !this.settling)
      this.#deadlines.advance('announce', nowMs + COALESCE_MS);
  }

  #remove(peer: NodeId, nowMs: number): TopologyAction[] {
    const actions: TopologyAction[] = [];
    this.#attaching.delete(peer);
    this.#reader.forget(peer);
    const failedFinger = this.#table.fingerHeldBy(peer);
    if (!this.#table.peers.delete(peer)) return actions;
    this.#reconcile('failure', nowMs, actions);
    if (this.membership !== 'member') return actions;
    if (this.#table.peers.size === 0) {
      this.#table.membership = 'alone';
      return [{ type: 'isolated' }];
    }
    // §10.7.2: reactive recovery starts a search for a new entry.
    if (failedFinger !== undefined && this.#given.reactive)
      actions.push({
        type: 'find-peer',
        near: this.#table.fingers.randomInRange(failedFinger, this.#random),
      });
    return actions;
  }

  /** Brings everything that depends on the set of known peers in line with it, and says what follows. */
  #reconcile(change: ReplicaChange, nowMs: number, actions: TopologyAction[]): void {
    const before = this.#table.neighbors.refresh();
    if (before === undefined || this.membership !== 'member') return;
    // §10.7.1, §10.7.3: neighbours and, when our range changed, everybody else learn of it.
    if (this.#given.reactive || before.predecessors[0] !== this.#table.neighbors.predecessor) {
      this.#deadlines.setIfUnset('announce', nowMs + COALESCE_MS);
      if (change === 'failure') this.#announceToAll = true;
      else this.#gather(nowMs);
    }
    this.#followRange(before.predecessors[0] ?? this.self, actions);
    this.#replicate(this.#replicas.changed(this.replicaSet(), change, nowMs), actions);
    this.#stabilisation.neighborsChanged(nowMs);
  }

  #followRange(oldStart: NodeId, actions: TopologyAction[]): void {
    const { after: start } = this.#table.range();
    if (oldStart === start) return;
    const shrunk =
      start !== this.self &&
      (oldStart === this.self || contains({ after: oldStart, upTo: this.self }, start));
    if (shrunk) actions.push({ type: 'hand-over', range: { after: oldStart, upTo: start } });
    else if (this.replicaSet().length > 0)
      actions.push({ type: 'replicate', range: { after: start, upTo: oldStart }, to: this.replicaSet() });
  }

  #replicate(to: readonly NodeId[], actions: TopologyAction[]): void {
    if (to.length > 0 && this.membership === 'member')
      actions.push({ type: 'replicate', range: this.#table.range(), to });
  }

  #attachToWanted(named: readonly NodeId[], informant: NodeId | undefined, actions: TopologyAction[]): void {
    const candidates = named.filter((peer) => !this.#suspects.has(peer));
    for (const peer of this.#table.neighbors.wanted(candidates)) this.#attachTo(peer, informant, actions);
  }

  #attachTo(nodeId: NodeId, informant: NodeId | undefined, actions: TopologyAction[]): void {
    if (this.#attaching.has(nodeId)) return;
    this.#attaching.add(nodeId);
    actions.push(
      informant === undefined ? { type: 'attach', nodeId } : { type: 'attach', nodeId, via: informant },
    );
  }
}
