/** What is left of the share after a first cut; of each further one less and less, as it was not enough. */
const TIGHTEN = 0.9;
const HARDER = 0.1;
const HARDEST = 0.5;
/** By how much it grows at a time: far below where there was trouble last; from there on, more each time. */
const QUICK = 0.12;
const CAREFUL = 0.02;
/** Nobody is limited any more once the share is above what anybody asks for by this. */
const MARGIN = 1.2;
/** With it a phone that sends one request within a dialog now and then, at a weight of four, is always served. */
const MIN_SHARE = 0.25;

/**
 * The requests a second that each source may send while there are too many. Whoever stays below is not limited. Whoever
 * asks for n times the share gets the n²th part of it: asking for more gives less, so that a flood from one place
 * starves itself, and whoever backs off is served again.
 */
export class FairShare {
  #share = Infinity;
  /** Where there was trouble last. */
  #ceiling = Infinity;
  /** Cuts in a row. */
  #cuts = 0;
  #growth = 0;

  /** Requests/s; Infinity while nobody is limited. */
  get value(): number {
    return this.#share;
  }

  /** There are too many. @param highest rate of any source now, requests/s */
  tighten(highest: number): void {
    const before = Math.min(this.#share, highest);
    if (this.#cuts === 0) this.#ceiling = before;
    this.#share = Math.max(before * Math.max(TIGHTEN - HARDER * this.#cuts, HARDEST), MIN_SHARE);
    this.#cuts += 1;
    this.#growth = 0;
  }

  /**
   * There is room for more; nobody is limited once it is more than anybody asks for. As with CUBIC (RFC 9438) the share
   * comes back quickly, goes on with care where there was trouble, and the more daringly the longer there is none.
   */
  relax(highest: number): void {
    this.#cuts = 0;
    const isBelow = this.#share < 0.8 * this.#ceiling;
    this.#growth = isBelow ? 0 : this.#growth + CAREFUL;
    this.#share *= 1 + (isBelow ? QUICK : this.#growth);
    if (this.#share > MARGIN * highest) this.#share = Infinity;
  }

  /**
   * The part of its requests, 0 to 1, that a source is to get through.
   * @param rate requests/s it sends
   * @param weight how many shares it has
   */
  part(rate: number, weight: number): number {
    const allowed = this.#share * weight;
    return rate <= allowed ? 1 : (allowed / rate) ** 3;
  }
}
