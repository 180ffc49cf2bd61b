/** The highest rate is remembered for as long, and up to twice as long, ms. */
const PEAK_MS = 5_000;
/** Over how long requests are counted, ms: as short as a flood is to be known in. */
const WINDOW_MS = 250;
/** What a source asked for is remembered for so many windows before the present one. */
const REMEMBERED_WINDOWS = 6;
/** Sources counted by themselves in a window; further ones count as one. */
const MAX_SOURCES = 65_536;
/** Stands for those further ones. */
const REST = '';
/** Of a window in which nothing came. */
const NOTHING: ReadonlyMap<string, number> = new Map();

/**
 * How many requests a second each source sends, by a sliding window: the present one, and of the one before it the share
 * that is not over yet. A single request counts as one a second, so that phones that send one now and then are not taken
 * for sources that send four a second.
 */
export class SourceRates {
  #current = new Map<string, number>();
  /** Those before, the newest first. */
  #past: readonly ReadonlyMap<string, number>[] = [];
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

  /**
   * The most of the last second and a half: when so much comes that the kernel drops what we do not read in time, what we
   * read of a flood looks like no flood.
   * @returns requests/s
   */
  most(source: string, now: number): number {
    let most = this.of(source, now);
    for (const counts of this.#past) {
      const count = counts.get(source);
      if (count !== undefined) most = Math.max(most, perSecond(count));
    }
    return most;
  }

  /** The highest rate of any source of late: what one asks for while we have no time to listen tells nothing. */
  get peak(): number {
    return Math.max(this.#peak, this.#previousPeak);
  }

  /** The source with the highest rate. */
  busiest(now: number): { readonly source: string; readonly rate: number } {
    this.#slide(now);
    let busiest = { source: REST, rate: 0 };
    for (const counts of [this.#current, this.#past[0]]) {
      for (const source of counts?.keys() ?? []) {
        const rate = this.#rate(source, now);
        if (rate > busiest.rate) busiest = { source, rate };
      }
    }
    return busiest;
  }

  #slide(now: number): void {
    const elapsed = now - this.#since;
    if (elapsed < WINDOW_MS) return;
    const windows = Math.floor(elapsed / WINDOW_MS);
    const empty = Array<typeof NOTHING>(Math.min(windows - 1, REMEMBERED_WINDOWS)).fill(NOTHING);
    this.#past = [...empty, this.#current, ...this.#past].slice(0, REMEMBERED_WINDOWS);
    this.#current = new Map();
    this.#since += windows * WINDOW_MS;
  }

  #rate(source: string, now: number): number {
    const left = 1 - (now - this.#since) / WINDOW_MS;
    return perSecond((this.#current.get(source) ?? 0) + left * (this.#past[0]?.get(source) ?? 0));
  }
}

function perSecond(count: number): number {
  return count <= 1 ? count : 1 + ((count - 1) * 1000) / WINDOW_MS;
}
