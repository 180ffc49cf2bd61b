import type { Writable } from 'node:stream';
import { isTerminal } from './style.ts';

const WIDTH = 24;

/** How far long work is: one line that changes on a terminal, a line every tenth of the way elsewhere. */
export class Progress {
  readonly #stream: Writable;
  readonly #total: number;
  readonly #what: string;
  #tenth = 0;

  constructor(stream: Writable, { total, what }: { readonly total: number; readonly what: string }) {
    this.#stream = stream;
    this.#total = total;
    this.#what = what;
  }

  /** @param done of the total */
  show(done: number): void {
    const text = `${done} of ${this.#total} ${this.#what}`;
    if (isTerminal(this.#stream)) {
      const filled = Math.round((WIDTH * done) / this.#total);
      const bar = '#'.repeat(filled) + '.'.repeat(WIDTH - filled);
      this.#stream.write(`\r[${bar}] ${text}${done === this.#total ? '\n' : ''}`);
      return;
    }
    const tenth = Math.floor((10 * done) / this.#total);
    if (tenth === this.#tenth && this.#total > 10) return;
    this.#tenth = tenth;
    this.#stream.write(`${text}\n`);
  }
}
