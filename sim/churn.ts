import type { SimOverlay } from './sim-overlay.ts';
import type { SimPeer } from './sim-peer.ts';

/** Sessions of exponential length: each peer crashes at its end, and another one with a new Node-ID joins. */
export class Churn {
  readonly #overlay: SimOverlay;
  readonly #meanMs: number;
  #running = false;
  /** Peers that crashed so far. */
  crashes = 0;

  constructor(overlay: SimOverlay, meanMs: number) {
    this.#overlay = overlay;
    this.#meanMs = meanMs;
  }

  start(): void {
    this.#running = true;
    for (const peer of this.#overlay.peers) this.#live(peer);
  }

  stop(): void {
    this.#running = false;
  }

  #live(peer: SimPeer): void {
    const sessionMs = -this.#meanMs * Math.log(1 - this.#overlay.random.float());
    this.#overlay.clock.setTimer(sessionMs, () => {
      if (!this.#running) return;
      this.#overlay.kill(peer);
      this.crashes++;
      void this.#overlay.add().then((successor) => this.#live(successor));
    });
  }
}
