/** By how much the share falls at a time. */
const TIGHTEN = 0.8;
/** By how much it grows at a time: near where there was trouble last, and far below. */
const CAREFUL = 0.02;
const QUICK = 0.1;
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
  #isFalling = false;
  #growth = CAREFUL;

  /** Requests/s; Infinity while nobody is limited. */
  get value(): number {
    return this.#share;
  }

  /** There are too many. @param highest rate of any source now, requests/s */
  tighten(highest: number): void {
    const before = Math.min(this.#share, highest);
    if (!this.#isFalling) this.#ceiling = before;
    this.#isFalling = true;
    this.#share = Math.max(before * TIGHTEN, MIN_SHARE);
  }

  /**
   * There is room for more; nobody is limited once it is more than anybody asks for. As with CUBIC (RFC 9438) the share
   * comes back quickly, is careful where there was trouble, and the more daring the farther it gets from there.
   */
  relax(highest: number): void {
    this.#isFalling = false;
    const isBelow = this.#share < 0.8 * this.#ceiling;
    this.#growth = isBelow || this.#share < 1.25 * this.#ceiling ? CAREFUL : this.#growth + CAREFUL;
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
