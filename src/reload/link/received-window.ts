/** RFC 6940 §6.6.2: the receiver "MUST keep track of the 32 most recent sequence numbers received". */
const WINDOW = 32;

/** Makes the `received` bitmask of acks. */
export class ReceivedWindow {
  /** The highest sequence number received; undefined before the first. */
  #highest: number | undefined;
  /** Bit D is set when `#highest - D` was received; bit 0 always. */
  #received = 0;

  /**
   * Takes note of a data frame with sequence number N and returns the bitmask for its ack: bit N-M is set for each of
   * the frames received before it whose number M is less than N and greater than N-32.
   */
  add(sequence: number): number {
    const ahead = this.#highest === undefined ? WINDOW : (sequence - this.#highest) | 0;
    if (ahead > 0) {
      this.#highest = sequence;
      this.#received = (ahead < WINDOW ? this.#received << ahead : 0) | 1;
      return (this.#received & ~1) >>> 0;
    }
    const behind = -ahead;
    if (behind >= WINDOW) return 0;
    const before = (this.#received >>> behind) & ~1;
    this.#received |= 1 << behind;
    return before >>> 0;
  }
}
