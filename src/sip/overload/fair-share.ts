/** What is left of the share after each step in which too much came. */
const CUT = 0.9;
/** By what part it grows in a step for each part of our time that is free; the most in one step. */
const GROWTH = 0.4;
const MAX_GROWTH = 1.2;
/** This part of our time is kept free: what comes is not even from one moment to the next. */
const KEPT_FREE = 0.05;
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
  /** What it was before the present cuts. */
  #before: number | undefined;

  /** Requests/s; Infinity while nobody is limited. */
  get value(): number {
    return this.#share;
  }

  /** There are too many. @param highest rate of any source now, requests/s */
  tighten(highest: number): void {
    const share = Math.min(this.#share, highest);
    this.#before ??= share;
    this.#share = Math.max(share * CUT, MIN_SHARE);
  }

  /**
   * Nothing queues any more. While it was worked off the share had to be smaller than it must be, so half of the way is
   * taken back; then it grows: the more of our time is free, the more, so that it comes to rest before anything queues again.
   * Nobody is limited once the share is more than anybody asks for.
   * @param free part of our time, 0 to 1
   */
  relax(highest: number, free: number): void {
    if (this.#before !== undefined) this.#share = Math.sqrt(this.#share * this.#before);
    this.#before = undefined;
    const growth = 1 + GROWTH * Math.max(free - KEPT_FREE, 0);
    this.#share *= Math.min(growth, MAX_GROWTH);
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
