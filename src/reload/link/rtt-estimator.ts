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

const NOT_MEASURED = -1;
const US_PER_MS = 1_000;

export class RttEstimator {
  /** Microseconds: small integers, which take no memory of their own. */
  #smoothed = NOT_MEASURED;
  #variation = 0;

  /** Undefined before the first measurement. */
  get rttMs(): number | undefined {
    return this.#smoothed === NOT_MEASURED ? undefined : this.#smoothed / US_PER_MS;
  }

  get rtoMs(): number {
    if (this.#smoothed === NOT_MEASURED) return INITIAL_RTO_MS;
    const rto =
      this.#smoothed / US_PER_MS + Math.max(CLOCK_GRANULARITY_MS, (K * this.#variation) / US_PER_MS);
    // RFC 6940 §6.6.3.1: rounded up to the millisecond, not to the second.
    return Math.min(MAX_RTO_MS, Math.max(MIN_RTO_MS, Math.ceil(rto)));
  }

  measured(rttMs: number): void {
    // Beyond that the time-out is at its bound anyway.
    const rtt = Math.round(Math.min(rttMs, MAX_RTO_MS) * US_PER_MS);
    if (this.#smoothed === NOT_MEASURED) {
      // (2.2)
      this.#smoothed = rtt;
      this.#variation = rtt >> 1;
    } else {
      // (2.3): the variation first, from the smoothed time before this measurement.
      this.#variation = Math.round((1 - BETA) * this.#variation + BETA * Math.abs(this.#smoothed - rtt));
      this.#smoothed = Math.round((1 - ALPHA) * this.#smoothed + ALPHA * rtt);
    }
  }
}
