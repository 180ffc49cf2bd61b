import type {
  Actions,
  IdRange,
  Membership,
  RingSnapshot,
  TopologyPlugin,
} from '../../../../src/reload/topology/topology.ts';

/**
 * Another topology than Chord, for requirement A29: a full mesh. Everybody has a link with everybody and a copy of
 * everything, and whoever is nearest by XOR is responsible. Its Update is the list of peers its sender knows; a joining
 * node is admitted by the peer it finds.
 */
export class FullMeshTopology implements TopologyPlugin {
  readonly self: string;
  membership: Membership = 'outside';
  readonly #peers = new Set<string>();
  readonly #attaching = new Set<string>();

  constructor(self: string) {
    this.self = self;
  }

  get settling(): boolean {
    return this.#attaching.size > 0;
  }

  isResponsible(id: string): boolean {
    return this.membership !== 'outside' && this.#nearest(id) === this.self;
  }

  nextHop(id: string): string | undefined {
    return this.membership === 'outside' ? [...this.#peers][0] : this.#nearest(id);
  }

  replicaSet(): readonly string[] {
    return [...this.#peers];
  }

  keeps(): boolean {
    return true;
  }

  isPlausibleReplicaSource(): boolean {
    return true;
  }

  isPlausibleOwner(node: string, resource: string): boolean {
    const others = this.membership === 'outside' ? [] : [this.self, ...this.#peers];
    return others.every((peer) => distance(node, resource) <= distance(peer, resource));
  }

  responsibleFractionPpb(): number {
    return Math.floor(1e9 / (this.#peers.size + 1));
  }

  neighbors(): readonly string[] {
    return [...this.#peers];
  }

  knows(peer: string): boolean {
    return this.#peers.has(peer);
  }

  snapshot(): RingSnapshot {
    return { predecessors: [], successors: [...this.#peers], fingers: [] };
  }

  admittingResource(): string {
    return this.self;
  }

  rangeOf(joining: string): IdRange {
    return { after: joining, upTo: joining };
  }

  initialFingers(): readonly string[] {
    return [];
  }

  updateContents(): Uint8Array {
    return Buffer.from([this.self, ...this.#peers].join(''), 'hex');
  }

  routeQueryContents(next: string): Uint8Array {
    return Buffer.from(next, 'hex');
  }

  routeQueryNext(contents: Uint8Array): string {
    return Buffer.from(contents).toString('hex');
  }

  leaveContents(): Uint8Array {
    return new Uint8Array(0);
  }

  standAlone(): Actions {
    this.membership = 'alone';
    return [];
  }

  updateReceived(from: string, contents: Uint8Array): Actions {
    const named: string[] = Buffer.from(contents).toString('hex').match(/.{32}/g) ?? [];
    this.#attaching.delete(from);
    const isNew = !this.#peers.has(from);
    this.#peers.add(from);
    const admitted = this.membership !== 'member' && named.includes(this.self);
    if (admitted) this.membership = 'member';
    const unknown = named.filter(
      (peer) => peer !== this.self && !this.#peers.has(peer) && !this.#attaching.has(peer),
    );
    for (const peer of unknown) this.#attaching.add(peer);
    return [
      ...unknown.map((nodeId) => ({ type: 'attach', nodeId, via: from }) as const),
      ...(admitted ? ([{ type: 'admitted', by: from }] as const) : []),
      ...(this.membership === 'member' && (admitted || isNew)
        ? ([{ type: 'send-update', to: 'connections', full: false }] as const)
        : []),
    ];
  }

  leaveReceived(from: string): Actions {
    return this.linkLost(from);
  }

  forget(peer: string): Actions {
    this.#peers.delete(peer);
    return [];
  }

  admit(joining: string): Actions {
    this.membership = 'member';
    this.#peers.add(joining);
    return [{ type: 'send-update', to: [joining], full: false }];
  }

  linkLost(peer: string): Actions {
    this.#peers.delete(peer);
    if (this.membership !== 'member' || this.#peers.size > 0) return [];
    this.membership = 'alone';
    return [{ type: 'isolated' }];
  }

  attachEnded(peer: string): Actions {
    this.#attaching.delete(peer);
    return [];
  }

  flushReplicas(): Actions {
    return [];
  }

  nextTimeout(): number | undefined {
    return undefined;
  }

  timeout(): Actions {
    return [];
  }

  #nearest(id: string): string {
    return [this.self, ...this.#peers].reduce((best, peer) =>
      distance(peer, id) < distance(best, id) ? peer : best,
    );
  }
}

function distance(a: string, b: string): bigint {
  return BigInt(`0x${a}`) ^ BigInt(`0x${b}`);
}
