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
    const rest = this.#waiting === undefined ? readTurn(this.#clock, this.#reader, chunk) : chunk;
    if (rest !== undefined) this.hold(rest);
  }

  /** Takes what came after the turn that is over. */
  hold(rest: Buffer): void {
    if (this.#waiting !== undefined) {
      this.#waiting.push(rest);
      return;
    }
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
      const rest = readUntil(until, this.#clock, this.#reader, chunk);
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
}

/** Reads a chunk as far as one turn goes; most links never need more. @returns what is left, if anything is */
export function readTurn(clock: Clock, reader: FrameReader, chunk: Buffer): Buffer | undefined {
  return readUntil(clock.monotonic() + TURN_MS, clock, reader, chunk);
}

function readUntil(until: number, clock: Clock, reader: FrameReader, chunk: Buffer): Buffer | undefined {
  for (let at = 0; at < chunk.length; ) {
    at = reader.read(chunk, at);
    if (at < chunk.length && clock.monotonic() >= until) return chunk.subarray(at);
  }
  return undefined;
}
