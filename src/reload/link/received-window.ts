/** RFC 6940 §6.6.2: the receiver "MUST keep track of the 32 most recent sequence numbers received". */
const WINDOW = 32;

/** Makes the `received` bitmask of acks. */
export class ReceivedWindow {
  /** The most recent sequence numbers, as a ring. */
  readonly #recent = new Uint32Array(WINDOW);
  #count = 0;

  /**
   * Takes note of a data frame with sequence number N and returns the bitmask for its ack: bit N-M is set for each of
   * the 32 frames received before it whose number M is less than N and greater than N-32.
   */
  add(sequence: number): number {
    let received = 0;
    const known = Math.min(this.#count, WINDOW);
    for (let index = 0; index < known; index++) {
      const distance = (sequence - this.#recent[index]!) >>> 0;
      if (distance > 0 && distance < WINDOW) received |= 1 << distance;
    }
    this.#recent[this.#count % WINDOW] = sequence;
    this.#count = this.#count + 1 === 2 * WINDOW ? WINDOW : this.#count + 1;
    return received >>> 0;
  }
}
