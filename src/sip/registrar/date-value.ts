/** The value of a Date header (RFC 3261 §20.17), formatted once a second: all answers of that second share it. */
export class DateValue {
  #second = Number.NaN;
  #text = '';

  /** @param now wall clock, ms */
  at(now: number): string {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(now).toUTCString();
    }
    return this.#text;
  }
}
