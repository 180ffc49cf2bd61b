/** RFC 6298 §2: smoothed round-trip time and the time-out derived from it, ms. */
const INITIAL_RTO_MS = 1_000;
/** (2.4): "Whenever RTO is computed, if it is less than 1 second, then the RTO SHOULD be rounded up to 1 second." */
const MIN_RTO_MS = 1_000;
/** (2.5): an upper bound of at least 60 seconds. */
const MAX_RTO_MS = 60_000;
const CLOCK_GRANULARITY_MS = 1;
const ALPHA = 1 / 8;
const BETA = 1 / 4;
const K = 4;

export class RttEstimator {
  #smoothed: number | undefined;
  #variation = 0;
  #rto = INITIAL_RTO_MS;

  /** Undefined before the first measurement. */
  get rttMs(): number | undefined {
    return this.#smoothed;
  }

  get rtoMs(): number {
    return this.#rto;
  }

  measured(rttMs: number): void {
    if (this.#smoothed === undefined) {
      // (2.2)
      this.#smoothed = rttMs;
      this.#variation = rttMs / 2;
    } else {
      // (2.3): the variation first, from the smoothed time before this measurement.
      this.#variation = (1 - BETA) * this.#variation + BETA * Math.abs(this.#smoothed - rttMs);
      this.#smoothed = (1 - ALPHA) * this.#smoothed + ALPHA * rttMs;
    }
    const rto = this.#smoothed + Math.max(CLOCK_GRANULARITY_MS, K * this.#variation);
    // RFC 6940 §6.6.3.1: rounded up to the millisecond, not to the second.
    this.#rto = Math.min(MAX_RTO_MS, Math.max(MIN_RTO_MS, Math.ceil(rto)));
  }
}
