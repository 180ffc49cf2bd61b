import { type Address, errorMessage } from '../src/base/index.ts';
import { SeededRandom } from '../src/base/virtual/seeded-random.ts';
import { SimulatedNetwork } from '../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../src/base/virtual/virtual-clock.ts';
import { builtInDocument } from '../src/reload/document/overlay-document.ts';
import { CertificateStore } from '../src/reload/security/certificate-store.ts';
import { createSelfSignedIdentity } from '../src/reload/security/identity.ts';
import { nodeSignatures } from '../src/reload/security/signatures.ts';
import { SelfSignedTrust } from '../src/reload/security/trust-policy.ts';
import { cheapSignatures } from './cheap-signatures.ts';
import { FrameObserver } from './frame-observer.ts';
import { MessageCounts } from './message-counts.ts';
import { seededKey } from './seeded-key.ts';
import { PORT, SimPeer } from './sim-peer.ts';
import { SimulatedDisks } from './simulated-disk.ts';

const OVERLAY = 'sim.example.org';
/** Bootstrap peers that a new peer is told of. */
const BOOTSTRAPS = 3;

export interface SimOverlayOptions {
  readonly seed: number;
  /** One-way delay, ms. */
  readonly latencyMs: readonly [min: number, max: number];
  /** Whether messages and values carry ECDSA signatures, or checksums. */
  readonly realSignatures: boolean;
  /** Records that each peer keeps in the overlay. */
  readonly recordsPerPeer: number;
}

/** An overlay of real nodes in one process, on one virtual clock and one simulated network. */
export class SimOverlay {
  readonly clock = new VirtualClock();
  readonly network: SimulatedNetwork;
  readonly random: SeededRandom;
  readonly observer = new FrameObserver();
  readonly counts = new MessageCounts();
  readonly peers: SimPeer[] = [];
  /** Joins that failed for good. */
  readonly failures: string[] = [];
  readonly #options: SimOverlayOptions;
  readonly #document = builtInDocument(OVERLAY);
  readonly #trust = new SelfSignedTrust({ overlay: OVERLAY, digest: 'sha256', admission: { kind: 'open' } });
  readonly #certificates: CertificateStore;
  readonly #disks = new SimulatedDisks();
  #made = 0;

  constructor(options: SimOverlayOptions) {
    this.#options = options;
    this.random = new SeededRandom(options.seed);
    const { latencyMs } = options;
    this.network = new SimulatedNetwork({ clock: this.clock, random: this.random.derive(0) }, { latencyMs });
    this.#certificates = new CertificateStore(
      { clock: this.clock, trust: this.#trust },
      { capacity: 100_000, signatures: this.#signatures },
    );
  }

  /** Makes a peer and has it join. Resolves when it is part of the overlay. */
  async add(): Promise<SimPeer> {
    const index = ++this.#made;
    const host = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
    const random = this.random.derive(index);
    const identity = createSelfSignedIdentity(
      { clock: this.clock, random, signatures: this.#signatures },
      { overlay: OVERLAY, key: seededKey(random) },
    );
    const users = Array.from({ length: this.#options.recordsPerPeer }, (_, i) => `u${index}-${i}@${OVERLAY}`);
    const peer = new SimPeer(
      {
        clock: this.clock,
        random,
        network: this.network.host(host),
        metrics: this.counts,
        kv: this.#disks.disk(),
        certificates: this.#certificates,
        trace: this.observer,
      },
      {
        host,
        document: this.#document,
        identity,
        trust: this.#trust,
        bootstrap: this.#bootstrap(),
        users,
      },
    );
    try {
      await peer.start();
      this.peers.push(peer);
    } catch (error) {
      this.failures.push(errorMessage(error));
    }
    return peer;
  }

  /** The process dies: links are reset, nothing is said. */
  kill(peer: SimPeer): void {
    this.network.kill(peer.host);
    this.peers.splice(this.peers.indexOf(peer), 1);
    peer.died();
  }

  /** Removes the files of the simulation. */
  close(): void {
    this.#disks.close();
  }

  anybody(): SimPeer {
    return this.peers[Math.floor(this.random.float() * this.peers.length)]!;
  }

  /** Peers whose three neighbours on either side are not the ones that the Node-IDs say. */
  misplaced(): SimPeer[] {
    const sorted = this.peers.toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
    const size = sorted.length;
    const count = Math.min(3, size - 1);
    return sorted.filter(({ node }, at) => {
      const { predecessors, successors } = node.ring();
      for (let step = 1; step <= count; step++) {
        if (successors[step - 1] !== sorted[(at + step) % size]!.nodeId) return true;
        if (predecessors[step - 1] !== sorted[(at - step + size) % size]!.nodeId) return true;
      }
      return false;
    });
  }

  get #signatures() {
    return this.#options.realSignatures ? nodeSignatures : cheapSignatures;
  }

  #bootstrap(): Address[] {
    const known = new Set<SimPeer>();
    for (let i = 0; i < BOOTSTRAPS && this.peers.length > 0; i++) known.add(this.anybody());
    return [...known].map(({ host }) => ({ host, port: PORT }));
  }
}
