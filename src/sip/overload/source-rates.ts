/** The highest rate is remembered for as long, and up to twice as long, ms. */
const PEAK_MS = 5_000;
/** Over how long requests are counted, ms: as short as a flood is to be known in. */
const WINDOW_MS = 250;
/** Sources counted by themselves in a window; further ones count as one. */
const MAX_SOURCES = 65_536;
/** Stands for those further ones. */
const REST = '';

/**
 * How many requests a second each source sends, by a sliding window: the present one, and of the one before it the share
 * that is not over yet. A single request counts as one a second, so that phones that send one now and then are not taken
 * for sources that send four a second.
 */
export class SourceRates {
  #current = new Map<string, number>();
  #previous: ReadonlyMap<string, number> = new Map();
  #since = 0;
  #peak = 0;
  #previousPeak = 0;
  #peakSince = 0;

  /** One more request. @param now monotonic ms @returns the rate with it, requests/s */
  count(source: string, now: number): number {
    this.#slide(now);
    const key = this.#current.size < MAX_SOURCES || this.#current.has(source) ? source : REST;
    this.#current.set(key, (this.#current.get(key) ?? 0) + 1);
    const rate = this.#rate(key, now);
    if (now - this.#peakSince >= PEAK_MS) {
      this.#previousPeak = now - this.#peakSince < 2 * PEAK_MS ? this.#peak : 0;
      this.#peak = 0;
      this.#peakSince = now;
    }
    this.#peak = Math.max(this.#peak, rate);
    return rate;
  }

  /** @returns requests/s; 0 when nothing came within the window */
  of(source: string, now: number): number {
    this.#slide(now);
    return this.#rate(source, now);
  }

  /** The highest rate of any source of late: what one asks for while we have no time to listen tells nothing. */
  get peak(): number {
    return Math.max(this.#peak, this.#previousPeak);
  }

  /** The source with the highest rate. */
  busiest(now: number): { readonly source: string; readonly rate: number } {
    this.#slide(now);
    let busiest = { source: REST, rate: 0 };
    for (const counts of [this.#current, this.#previous]) {
      for (const source of counts.keys()) {
        const rate = this.#rate(source, now);
        if (rate > busiest.rate) busiest = { source, rate };
      }
    }
    return busiest;
  }

  #slide(now: number): void {
    const elapsed = now - this.#since;
    if (elapsed < WINDOW_MS) return;
    this.#previous = elapsed < 2 * WINDOW_MS ? this.#current : new Map();
    this.#current = new Map();
    this.#since = elapsed < 2 * WINDOW_MS ? this.#since + WINDOW_MS : now;
  }

  #rate(source: string, now: number): number {
    const left = 1 - (now - this.#since) / WINDOW_MS;
    const count = (this.#current.get(source) ?? 0) + left * (this.#previous.get(source) ?? 0);
    return count <= 1 ? count : 1 + ((count - 1) * 1000) / WINDOW_MS;
  }
}
