/** What is left of the share after each step in which too much came: at first, when it is not known at all, and later. */
const FIRST_CUT = 0.9;
const CUT = 0.97;
/**
 * As soon as nothing queues so much of the way down is taken back, by no more than this factor: while the queue was
 * worked off the share had to be smaller than it must be.
 */
const TAKEN_BACK = 0.9;
const MAX_TAKEN_BACK = 3;
/** By what part it grows in a step for each part of our time that is free; the most in one step. */
const GROWTH = 0.4;
const MAX_GROWTH = 1.2;
/** This part of our time is kept free: what comes is not even from one moment to the next. */
const KEPT_FREE = 0.05;
/** Nobody is limited any more once the share is above what anybody asks for by this. */
const MARGIN = 1.2;
/** Whoever asks for n times the share gets this power of 1/n of what he asks for. */
const SEVERITY = 4;
/** With it a phone that sends one request within a dialog now and then, at a weight of four, is always served. */
const MIN_SHARE = 0.25;

/**
 * The requests a second that each source may send while there are too many. Whoever stays below is not limited. Whoever
 * asks for n times the share gets the n³th part of it: asking for more gives less, so that a flood from one place
 * starves itself, and whoever backs off is served again.
 */
export class FairShare {
  #share = Infinity;
  /** Nothing has stopped queueing since somebody was limited. */
  #isFirst = true;
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
    this.#share = Math.max(share * (this.#isFirst ? FIRST_CUT : CUT), MIN_SHARE);
  }

  /**
   * Nothing queues any more. Most of the way down is taken back; then the share grows: the more of our time is free, the
   * more, so that it comes to rest before anything queues again. Nobody is limited once the share is more than anybody
   * asks for.
   * @param free part of our time, 0 to 1
   */
  relax(highest: number, free: number): void {
    if (this.#before !== undefined)
      this.#share *= Math.min((this.#before / this.#share) ** TAKEN_BACK, MAX_TAKEN_BACK);
    this.#before = undefined;
    this.#isFirst = false;
    const growth = 1 + GROWTH * Math.max(free - KEPT_FREE, 0);
    this.#share *= Math.min(growth, MAX_GROWTH);
    if (this.#share <= MARGIN * highest) return;
    this.#share = Infinity;
    this.#isFirst = true;
  }

  /**
   * The part of its requests, 0 to 1, that a source is to get through.
   * @param rate requests/s it sends
   * @param weight how many shares it has
   */
  part(rate: number, weight: number): number {
    const allowed = this.#share * weight;
    return rate <= allowed ? 1 : (allowed / rate) ** SEVERITY;
  }
}
