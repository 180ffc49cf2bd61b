import type { Clock, Connection, Timer } from '../../base/index.ts';
import type { FrameReader } from './frame-reader.ts';

/** How long the messages of one link may keep the event loop at a time, ms. */
const TURN_MS = 4;

/**
 * Reads a link in turns: when what came takes longer than one, the other links and our timers come first, and the
 * connection is not read meanwhile, so that its sender has to wait. However much one node sends, and whatever each
 * message costs, the others are served; and nothing of it is lost, as a rate limit would have it.
 */
export class PacedReader {
  readonly #clock: Clock;
  readonly #connection: Connection;
  readonly #reader: FrameReader;
  /** What came and was not read yet. */
  #waiting: Buffer[] | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, connection: Connection, reader: FrameReader) {
    this.#clock = clock;
    this.#connection = connection;
    this.#reader = reader;
  }

  take(chunk: Buffer): void {
    if (this.#waiting !== undefined) {
      this.#waiting.push(chunk);
      return;
    }
    const rest = this.#read(chunk, this.#clock.monotonic() + TURN_MS);
    if (rest === undefined) return;
    this.#waiting = [rest];
    this.#connection.pause();
    this.#arm();
  }

  /** Reads what waits at once: nothing more will come. */
  finish(): void {
    const waiting = this.#waiting ?? [];
    this.stop();
    for (const chunk of waiting) this.#reader.push(chunk);
  }

  /** Reads nothing more. */
  stop(): void {
    this.#waiting = undefined;
    this.#timer?.close();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(0, () => {
      this.#timer = undefined;
      this.#turn();
    });
  }

  #turn(): void {
    const until = this.#clock.monotonic() + TURN_MS;
    for (;;) {
      const chunk = this.#waiting?.shift();
      if (chunk === undefined) break;
      const rest = this.#read(chunk, until);
      if (rest === undefined) continue;
      // Whoever handled a message may have closed the link.
      if (this.#waiting === undefined) return;
      this.#waiting.unshift(rest);
      this.#arm();
      return;
    }
    if (this.#waiting === undefined) return;
    this.#waiting = undefined;
    this.#connection.resume();
  }

  /** @returns what is left when the time is over */
  #read(chunk: Buffer, until: number): Buffer | undefined {
    for (let at = 0; at < chunk.length; ) {
      at = this.#reader.read(chunk, at);
      if (at < chunk.length && this.#clock.monotonic() >= until) return chunk.subarray(at);
    }
    return undefined;
  }
}
