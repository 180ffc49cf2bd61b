import { seededKey } from '../../../../sim/seeded-key.ts';
import { MemoryKeyValueStore } from '../../../../src/base/key-value-store.ts';
import type { Logger } from '../../../../src/base/logger.ts';
import { silentLogger } from '../../../../src/base/logger.ts';
import { type Metrics, noMetrics } from '../../../../src/base/metrics.ts';
import type { Address } from '../../../../src/base/network.ts';
import type { ReloadTrace } from '../../../../src/base/trace.ts';
import { SeededRandom } from '../../../../src/base/virtual/seeded-random.ts';
import type { SimulatedLan } from '../../../../src/base/virtual/simulated-lan.ts';
import { SimulatedNetwork } from '../../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../../src/base/virtual/virtual-clock.ts';
import type { DiscoveryGroup } from '../../../../src/reload/discovery/group-member.ts';
import { LocalDiscovery, MDNS_GROUPS } from '../../../../src/reload/discovery/local-discovery.ts';
import { Kind } from '../../../../src/reload/document/kinds.ts';
import { builtInDocument } from '../../../../src/reload/document/overlay-document.ts';
import type { ReloadNodeOptions } from '../../../../src/reload/node/node-options.ts';
import { ReloadNode } from '../../../../src/reload/node/reload-node.ts';
import { createSelfSignedIdentity, type Identity } from '../../../../src/reload/security/identity.ts';
import { SelfSignedTrust } from '../../../../src/reload/security/trust-policy.ts';
import { userResource } from '../../../../src/reload/storage/access-policy.ts';

/** Sees the messages on all links of a peer. */
export type TraceHook = ReloadTrace['message'];

const OVERLAY = 'sim.example.org';
const PORT = 6084;

export interface SimulatedPeer {
  readonly node: ReloadNode;
  readonly identity: Identity;
  readonly host: string;
  readonly kv: MemoryKeyValueStore;
}

export interface PeerOptions extends Partial<Omit<ReloadNodeOptions, 'identity'>> {
  readonly identity?: Identity;
  readonly kv?: MemoryKeyValueStore;
  readonly trace?: TraceHook;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  /** Looks for peers there. */
  readonly lan?: SimulatedLan;
  readonly groups?: () => readonly DiscoveryGroup[];
}

/** An overlay on one virtual clock and one simulated network; the same seed gives the same run. */
export class SimulatedOverlay {
  readonly clock = new VirtualClock();
  readonly network: SimulatedNetwork;
  readonly peers: SimulatedPeer[] = [];
  readonly document = builtInDocument(OVERLAY);
  readonly #random: SeededRandom;
  #hosts = 0;

  constructor(seed: number, latencyMs: readonly [number, number] = [5, 15]) {
    this.#random = new SeededRandom(seed);
    this.network = new SimulatedNetwork({ clock: this.clock, random: this.#random.derive(0) }, { latencyMs });
  }

  /** A peer that has not been started; the first one may be the first of the overlay. */
  make(options: PeerOptions = {}): SimulatedPeer {
    const index = ++this.#hosts;
    const host = `10.0.${index >> 8}.${index & 255}`;
    const random = this.#random.derive(index);
    const identity = options.identity ?? this.newIdentity(random);
    const kv = options.kv ?? new MemoryKeyValueStore();
    const {
      trace,
      logger = silentLogger,
      metrics = noMetrics,
      lan,
      groups = () => MDNS_GROUPS,
      ...nodeOptions
    } = options;
    const network = this.network.host(host);
    const { clock } = this;
    const { nodeId } = identity;
    const discovery =
      lan &&
      new LocalDiscovery(
        { clock, random, multicast: lan.host(host), logger, metrics },
        { overlay: OVERLAY, nodeId, groups },
      );
    const node = new ReloadNode(
      {
        clock,
        random,
        network,
        kv,
        logger,
        metrics,
        ...(trace && { trace: { message: trace, begun() {} } }),
        ...(discovery && { discovery }),
      },
      {
        document: this.document,
        identity,
        trust: new SelfSignedTrust({ overlay: OVERLAY, digest: 'sha256', admission: { kind: 'open' } }),
        listen: [{ host, port: PORT }],
        bootstrap: this.peers[0] === undefined ? [] : [this.addressOf(this.peers[0])],
        first: this.peers.length === 0,
        ...nodeOptions,
      },
    );
    return { node, identity, host, kv };
  }

  /** Repeatable randomness for a part of the simulation with this name. */
  randomOf(name: string): SeededRandom {
    return this.#random.derive(1_000 + Number.parseInt(name.replaceAll('.', ''), 10));
  }

  newIdentity(random: SeededRandom): Identity {
    return createSelfSignedIdentity(
      { clock: this.clock, random },
      { overlay: OVERLAY, key: seededKey(random) },
    );
  }

  addressOf({ host }: SimulatedPeer): Address {
    return { host, port: PORT };
  }

  /** Starts a peer and waits until it has joined. @returns how long it took, ms of virtual time */
  async start(peer: SimulatedPeer): Promise<number> {
    const began = this.clock.monotonic();
    this.peers.push(peer);
    await this.clock.runUntil(peer.node.start(), 120_000);
    return this.clock.monotonic() - began;
  }

  /** Peers that join one after the other. */
  async grow(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.start(this.make());
    await this.clock.advance(3_000);
  }

  /** The process dies: links are reset, nothing is said. */
  kill(peer: SimulatedPeer): void {
    this.network.kill(peer.host);
    this.peers.splice(this.peers.indexOf(peer), 1);
  }

  async stop(peer: SimulatedPeer): Promise<void> {
    await this.clock.runUntil(peer.node.stop(), 60_000);
    this.peers.splice(this.peers.indexOf(peer), 1);
  }

  async stopAll(): Promise<void> {
    await this.clock.runUntil(Promise.all(this.peers.map(({ node }) => node.stop())), 60_000);
  }

  /** What is wrong with the ring: peers whose neighbours are not the ones the Node-IDs say. */
  faults(): string[] {
    const ids = this.peers.map(({ node }) => node.nodeId).sort();
    const count = Math.min(3, ids.length - 1);
    return this.peers.flatMap(({ node }) => {
      const at = ids.indexOf(node.nodeId);
      const expected = (step: 1 | -1) =>
        Array.from(
          { length: count },
          (_, i) => ids[(at + step * (i + 1) + 2 * ids.length * 3) % ids.length]!,
        );
      const { successors, predecessors } = node.ring();
      const short = (list: readonly string[]) => list.map((id) => id.slice(0, 4)).join(' ');
      const faults = [];
      if (short(successors) !== short(expected(1)))
        faults.push(`${node.nodeId.slice(0, 4)} successors ${short(successors)}, not ${short(expected(1))}`);
      if (short(predecessors) !== short(expected(-1)))
        faults.push(
          `${node.nodeId.slice(0, 4)} predecessors ${short(predecessors)}, not ${short(expected(-1))}`,
        );
      return faults;
    });
  }

  /** Stores a SIP-REGISTRATION-like record of a user through this peer. */
  async register(peer: SimulatedPeer, user: string, text: string): Promise<void> {
    await this.clock.runUntil(this.storeOf(peer, user, text));
  }

  /** The same for those who run the clock themselves. */
  async storeOf({ node, identity }: SimulatedPeer, user: string, text: string): Promise<void> {
    const aor = `${user}@${OVERLAY}`;
    const value = { key: node.nodeId, exists: true, value: Buffer.from(text), lifetimeS: 3600 };
    await node.store(
      userResource(aor),
      [{ kind: Kind.SIP_REGISTRATION, values: [{ ...value, storageTime: this.clock.now() }] }],
      { signer: identity.registration(aor) },
    );
  }

  /** The texts registered for a user, as this peer finds them. */
  async lookup(peer: SimulatedPeer, user: string): Promise<string[]> {
    return this.clock.runUntil(this.textsOf(peer, user));
  }

  /** The same for those who run the clock themselves. */
  async textsOf({ node }: SimulatedPeer, user: string): Promise<string[]> {
    const [found] = await node.fetch(this.resourceOf(user), [{ kind: Kind.SIP_REGISTRATION }]);
    return (found?.values ?? []).map(({ value }) => Buffer.from(value.value).toString());
  }

  resourceOf(user: string): string {
    return userResource(`${user}@${OVERLAY}`);
  }

  ownerOf(resource: string): SimulatedPeer {
    const owners = this.peers.filter(({ node }) => node.isResponsible(resource));
    if (owners.length !== 1) throw new Error(`${owners.length} owners of ${resource}`);
    return owners[0]!;
  }
}
