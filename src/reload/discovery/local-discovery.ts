import { type Address, Event, errorMessage, formatAddress, type Timer } from '../../base/index.ts';
import type { NodeId } from '../wire/ids.ts';
import type { Discovery } from './discovery.ts';
import { type DiscoveryGroup, GroupMember, type GroupMemberDeps } from './group-member.ts';
import { KnownPeers } from './known-peers.ts';
import { type FoundPeer, isConnectable } from './service-records.ts';

/** RFC 6762 §3: multicast DNS, over IPv4 and IPv6. */
export const MDNS_GROUPS: readonly DiscoveryGroup[] = [
  { address: { host: '224.0.0.251', port: 5353 }, hops: 255 },
  { address: { host: 'ff02::fb', port: 5353 }, hops: 255 },
];

/** A group that a document names may lie beyond a few routers of the same site. */
export const SITE_HOPS = 16;

/** When we ask after a start, and when nobody else is left, ms each after the one before; then at the last for ever. */
const ASK_AFTER_MS = [20, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 600_000] as const;
/** Groups of one document that are joined. */
const MAX_GROUPS = 8;

interface LocalDiscoveryOptions {
  readonly overlay: string;
  readonly nodeId: NodeId;
  /** Asked whenever we ask: a new configuration document may name others. */
  readonly groups: () => readonly DiscoveryGroup[];
}

/**
 * Peers of the same overlay on the local network: DNS-SD over multicast DNS (RFC 6763, RFC 6762; requirement A23), and the
 * same questions and answers in the groups that a configuration document names (requirement T1). Where multicast does not
 * work, this costs a line in the log and an attempt now and then, and nobody waits for it.
 */
export class LocalDiscovery implements Discovery {
  readonly found = new Event<void>();
  readonly #deps: GroupMemberDeps;
  readonly #options: LocalDiscoveryOptions;
  readonly #known: KnownPeers;
  /** By address of the group. */
  readonly #members = new Map<string, GroupMember>();
  #hasComplained = false;
  #own: () => readonly Address[] = () => [];
  #timer: Timer | undefined;
  #asked = 0;
  #isFollowing = false;
  #isStopped = false;

  constructor(deps: GroupMemberDeps, options: LocalDiscoveryOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#known = new KnownPeers(deps.clock);
  }

  get works(): boolean {
    return this.#members.size > 0;
  }

  addresses(): readonly Address[] {
    const own = this.#own();
    return this.#known.addresses().filter((address) => isConnectable(address, own));
  }

  async start(own: () => readonly Address[]): Promise<void> {
    this.#own = own;
    await this.#follow();
    this.#schedule();
  }

  ask(): void {
    this.#asked = 0;
    this.#timer?.close();
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.close();
    const members = [...this.#members.values()];
    this.#members.clear();
    await Promise.all(members.map((member) => member.stop()));
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const delayMs = ASK_AFTER_MS[Math.min(this.#asked++, ASK_AFTER_MS.length - 1)]!;
    this.#timer = this.#deps.clock.setTimer(delayMs, () => {
      for (const member of this.#members.values()) member.ask();
      this.#schedule();
      // A group that a new document names, or a cable that has been plugged in, has its turn at the next question.
      if (!this.#isFollowing) void this.#follow();
    });
  }

  /** Joins the groups there are now and leaves those that are no longer. Never rejects. */
  async #follow(): Promise<void> {
    this.#isFollowing = true;
    await this.#joinAndLeave();
    this.#isFollowing = false;
  }

  async #joinAndLeave(): Promise<void> {
    const groups = this.#options.groups().slice(0, MAX_GROUPS);
    const wanted = new Map(groups.map((group) => [formatAddress(group.address), group]));
    for (const [name, member] of this.#members) {
      if (wanted.has(name)) continue;
      this.#members.delete(name);
      await member.stop();
    }
    const failures: string[] = [];
    for (const [name, group] of wanted) {
      if (this.#members.has(name)) continue;
      await this.#join(name, group).catch((error) => failures.push(errorMessage(error)));
    }
    // One of several is enough: few hosts have both IPv4 and IPv6 on all networks.
    if (this.works || failures.length === 0 || this.#hasComplained) return;
    this.#hasComplained = true;
    this.#deps.logger.warn('peers on the local network are not looked for', { error: failures.join('; ') });
  }

  /** @throws CodedError 'multicast-unavailable' */
  async #join(name: string, group: DiscoveryGroup): Promise<void> {
    const { overlay, nodeId } = this.#options;
    const own = () => this.#own();
    const onPeer = (peer: FoundPeer, from: string) => this.#heard(peer, from);
    const member = new GroupMember(this.#deps, { overlay, nodeId, group, own, onPeer });
    await member.join();
    if (this.#isStopped) await member.stop();
    else this.#members.set(name, member);
  }

  #heard(peer: FoundPeer, from: string): void {
    if (!this.#known.heard(peer, from)) return;
    const { nodeId, addresses } = peer;
    this.#deps.logger.debug('a peer was found on the local network', {
      nodeId,
      addresses: addresses.map(formatAddress),
    });
    this.found.emit();
  }
}
