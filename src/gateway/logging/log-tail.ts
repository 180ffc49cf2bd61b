/** One entry of the log, secrets taken out already. */
export interface LogLine {
  /** Grows by 1 from line to line. */
  readonly number: number;
  /** ISO 8601. */
  readonly time: string;
  readonly level: string;
  /** As in the log's text format, without time and level. */
  readonly text: string;
}

const MAX_LINES = 500;
const MAX_LENGTH = 1000;

/** The last lines of the log, for whoever looks at a running peer. */
export class LogTail {
  readonly #lines: LogLine[] = [];
  #last = 0;

  /** The number of the last line. */
  get last(): number {
    return this.#last;
  }

  add(level: string, text: string): void {
    this.#last += 1;
    const line = {
      number: this.#last,
      time: new Date().toISOString(),
      level,
      text: text.slice(0, MAX_LENGTH),
    };
    this.#lines.push(line);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }

  /** Oldest first: those after `number`, the last `limit` of them. */
  after(number: number, limit: number): readonly LogLine[] {
    const count = Math.min(this.#last - number, limit);
    return count <= 0 ? [] : this.#lines.slice(-count);
  }
}
