/** Bytes that wait for slow readers on all connections together. */
const MAX_QUEUED_BYTES = 67_108_864;
/** What may wait on a connection in any case, uncounted: so much is on its way even to those who do read. */
export const FREE_QUEUED_BYTES = 16_384;

/** A connection whose other side does not keep up. */
export interface SlowReader {
  /** What waits for it at this time. */
  readonly queuedBytes: number;
  /** Closes it, and so frees what waits. */
  giveUp(): void;
}

/** Bounds what all connections together hold for readers that do not read; whoever keeps up is never looked at. */
export class QueuedBytes {
  readonly #max: number;
  /** What waited when last looked at: as much as now, or more. */
  readonly #seen = new Map<SlowReader, number>();
  #total = 0;

  constructor({ max = MAX_QUEUED_BYTES } = {}) {
    this.#max = max;
  }

  /** More than `FREE_QUEUED_BYTES` wait for this reader. While it is too much for all, the slowest is given up. */
  grown(reader: SlowReader): void {
    this.#note(reader, reader.queuedBytes);
    if (this.#total <= this.#max) return;
    for (const each of this.#seen.keys()) this.#lookAt(each);
    while (this.#total > this.#max) {
      const slowest = this.#slowest();
      if (slowest === undefined) return;
      this.forget(slowest);
      slowest.giveUp();
    }
  }

  /** It is closed. */
  forget(reader: SlowReader): void {
    this.#total -= this.#seen.get(reader) ?? 0;
    this.#seen.delete(reader);
  }

  #lookAt(reader: SlowReader): void {
    const bytes = reader.queuedBytes;
    if (bytes > FREE_QUEUED_BYTES) this.#note(reader, bytes);
    else this.forget(reader);
  }

  #note(reader: SlowReader, bytes: number): void {
    this.#total += bytes - (this.#seen.get(reader) ?? 0);
    this.#seen.set(reader, bytes);
  }

  #slowest(): SlowReader | undefined {
    let slowest: SlowReader | undefined;
    let most = 0;
    for (const [reader, bytes] of this.#seen) {
      if (bytes <= most) continue;
      slowest = reader;
      most = bytes;
    }
    return slowest;
  }
}
