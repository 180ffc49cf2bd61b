/** Bytes of unfinished messages on all connections together. */
const MAX_UNFINISHED_BYTES = 67_108_864;
/** What a connection may hold in any case: more than most messages have. */
const FREE_BYTES = 8_192;

/** Bounds what all connections together make us hold of messages that are not whole yet. */
export class UnfinishedBytes {
  readonly #max: number;
  #held = 0;

  constructor({ max = MAX_UNFINISHED_BYTES } = {}) {
    this.#max = max;
  }

  /** A connection that held `before` bytes holds `now`; false when that is too much for all together. */
  change(before: number, now: number): boolean {
    const growth = Math.max(now - FREE_BYTES, 0) - Math.max(before - FREE_BYTES, 0);
    this.#held += growth;
    return growth <= 0 || this.#held <= this.#max;
  }
}
