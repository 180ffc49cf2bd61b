import test from 'ava';
import { Kind } from '../../src/reload/document/kinds.ts';
import type { Identity } from '../../src/reload/security/identity.ts';
import { userResource } from '../../src/reload/storage/access-policy.ts';
import { decodeRecord } from '../../src/reload/storage/kind-record.ts';
import { keyOf } from '../../src/reload/storage/record-key.ts';
import {
  type PeerOptions,
  SimulatedOverlay,
  type SimulatedPeer,
} from '../unit/reload/node/simulated-overlay.ts';

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const RUNS = 10;
const STEPS = 120;
const USERS = 40;
const MIN_PEERS = 5;
const kind = Kind.CERTIFICATE_BY_USER;

/** Peers die and come back with their old disks, the ring splits and heals, and all the while values are written and removed. */
class Trouble {
  readonly overlay: SimulatedOverlay;
  /** The storage_time of the newest acknowledged value. */
  readonly acknowledged = new Map<Identity, number>();
  readonly #random;
  readonly #users: readonly Identity[];
  readonly #down: PeerOptions[] = [];

  constructor(overlay: SimulatedOverlay) {
    this.overlay = overlay;
    this.#random = overlay.randomOf('10.7.7.7');
    const { identity } = overlay.peers[0]!;
    this.#users = Array.from({ length: USERS }, (_, i) => identity.registration(`u${i}@sim.example.org`));
  }

  async step(): Promise<void> {
    const { overlay } = this;
    const dice = this.#random.float();
    if (dice < 0.12 && overlay.peers.length > MIN_PEERS) this.#kill();
    else if (dice < 0.24 && this.#down.length > 0) await overlay.start(overlay.make(this.#down.shift()));
    else if (dice < 0.27) await this.#split();
    else for (let i = 0; i < 3; i++) await this.#write();
    await overlay.clock.advance(Math.floor(this.#random.float() * 60_000));
  }

  async end(): Promise<void> {
    for (const options of this.#down) await this.overlay.start(this.overlay.make(options));
    await this.overlay.clock.advance(2 * 600_000);
  }

  /** Values that are not the same at the owner and both replicas, or older than what was acknowledged. */
  wrong(): string[] {
    const ring = [...this.overlay.peers].sort((a, b) => (a.node.nodeId < b.node.nodeId ? -1 : 1));
    return [...this.acknowledged].flatMap(([user, storageTime]) => {
      const resource = userResource(user.userName);
      const at = ring.indexOf(this.overlay.ownerOf(resource));
      const held = [0, 1, 2].map((i) => timeOf(ring[(at + i) % ring.length]!, resource));
      const right = held.every((time) => time === held[0] && time >= storageTime);
      return right ? [] : [`${user.userName} of ${storageTime}: ${held.join()}`];
    });
  }

  #kill(): void {
    // Not the first: the others bootstrap with it.
    const others = this.overlay.peers.slice(1);
    const { kv, identity, ...victim } = this.#pick(others);
    this.#down.push({ kv, identity });
    this.overlay.kill(others.find(({ host }) => host === victim.host)!);
  }

  async #split(): Promise<void> {
    const { overlay } = this;
    const away = overlay.peers.slice(1).filter(() => this.#random.float() < 0.4);
    overlay.network.partition([away.map(({ host }) => host)]);
    for (let i = 0; i < 4; i++) {
      await this.#write();
      await overlay.clock.advance(20_000);
    }
    overlay.network.heal();
    await overlay.clock.advance(2 * 600_000);
  }

  async #write(): Promise<void> {
    const { clock, peers } = this.overlay;
    const user = this.#pick(this.#users);
    const storageTime = clock.now();
    const exists = this.#random.float() < 0.8;
    const value = { index: 0, exists, value: Buffer.from(exists ? 'v' : ''), lifetimeS: 86_400, storageTime };
    const stored = this.#pick(peers).node.store(userResource(user.userName), [{ kind, values: [value] }], {
      signer: user,
    });
    // Refused and unanswered Stores happen while the ring is split; they promise nothing.
    const taken = await clock.runUntil(
      stored.then(
        () => true,
        () => false,
      ),
      60_000,
    );
    if (taken) this.acknowledged.set(user, storageTime);
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random.float() * list.length)]!;
  }
}

function timeOf({ kv }: SimulatedPeer, resource: string): number {
  const bytes = kv.get(keyOf(resource, kind));
  return bytes === undefined ? 0 : (decodeRecord(kind, 'ARRAY', bytes).elements[0]?.storageTime ?? 0);
}

test('A28, A42: through deaths, returns with old disks and partitions no acknowledged value is lost or comes back removed', async (t) => {
  t.timeout(600_000);
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    const overlay = new SimulatedOverlay(seed);
    await overlay.grow(8);
    const trouble = new Trouble(overlay);
    for (let step = 0; step < STEPS; step++) await trouble.step();
    await trouble.end();
    t.deepEqual(overlay.faults(), [], `seed ${seed}`);
    t.deepEqual(trouble.wrong(), [], `seed ${seed}`);
    t.log(`seed ${seed}: ${trouble.acknowledged.size} values, ${overlay.peers.length} peers at the end`);
    await overlay.stopAll();
  }
});
