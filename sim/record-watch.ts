import { lookUp } from './lookups.ts';
import type { Measurements } from './measurements.ts';
import type { SimOverlay } from './sim-overlay.ts';
import type { SimPeer } from './sim-peer.ts';

/** A peer that has joined has its records stored within this time. */
const STORE_MS = 10_000;
/** A record that was not found is looked for again after this time, so that outages are measured closely. */
const RETRY_MS = 5_000;

/** Looks up every record of every living owner from somewhere, again and again. */
export class RecordWatch {
  readonly #overlay: SimOverlay;
  readonly #measurements: Measurements;
  readonly #probeMs: number;
  readonly #watched = new WeakSet<SimPeer>();
  #running = false;

  constructor(deps: { overlay: SimOverlay; measurements: Measurements }, options: { probeMs: number }) {
    this.#overlay = deps.overlay;
    this.#measurements = deps.measurements;
    this.#probeMs = options.probeMs;
  }

  start(): void {
    this.#running = true;
    this.#adopt();
  }

  stop(): void {
    this.#running = false;
  }

  /** Peers that have joined meanwhile. */
  #adopt(): void {
    if (!this.#running) return;
    for (const peer of this.#overlay.peers) {
      if (this.#watched.has(peer)) continue;
      this.#watched.add(peer);
      // Spread out from the first probe on.
      const firstMs = STORE_MS + this.#overlay.random.float() * this.#probeMs;
      for (const aor of peer.users) this.#later(firstMs, peer, aor, undefined);
    }
    this.#overlay.clock.setTimer(1_000, () => this.#adopt());
  }

  /** @param missingSince virtual ms of the first lookup that did not find the record */
  #later(delayMs: number, owner: SimPeer, aor: string, missingSince: number | undefined): void {
    this.#overlay.clock.setTimer(delayMs, () => void this.#probe(owner, aor, missingSince));
  }

  async #probe(owner: SimPeer, aor: string, missingSince: number | undefined): Promise<void> {
    if (!this.#running) return;
    if (!owner.alive) {
      if (missingSince !== undefined) this.#measurements.missing--;
      return;
    }
    const { clock } = this.#overlay;
    const startedAt = clock.monotonic();
    const result = await lookUp(this.#overlay, this.#overlay.anybody(), owner, aor);
    if (!this.#running) return;
    // A record that is missing is asked for more often: those lookups are no fair sample.
    if (missingSince === undefined) this.#measurements.lookup(result);
    if (result.found === true) {
      if (missingSince !== undefined) this.#measurements.missing--;
      this.#later(this.#probeMs, owner, aor, undefined);
    } else if (result.found === false) {
      if (missingSince === undefined) this.#measurements.missing++;
      const since = missingSince ?? startedAt;
      this.#measurements.outage(clock.monotonic() - since);
      this.#later(RETRY_MS, owner, aor, since);
    } else {
      this.#later(RETRY_MS, owner, aor, missingSince);
    }
  }
}
