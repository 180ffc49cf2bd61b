import type { Clock, Timer } from '../../base/index.ts';

/** RFC 6940 §6.2.1: "MAY be retransmitted up to 4 times, for a total of 5 messages". */
export const MAX_SENDS = 5;

export interface RetransmissionOptions {
  /** The overlay-reliability-timer, ms. */
  readonly intervalMs: number;
  /** Sends the request; false when there is no way to. */
  readonly send: (attempt: number) => boolean;
  /** Called once unless `stop` comes first: there was no way out at the first send, or the last one went unanswered. */
  readonly onFailure: (reason: 'no-route' | 'request-timeout') => void;
}

/** End-to-end retransmission of one request (RFC 6940 §6.2.1). */
export class Retransmission {
  readonly #clock: Clock;
  readonly #options: RetransmissionOptions;
  #sends = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, options: RetransmissionOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Sends at once, and again each time the interval has passed. */
  start(): void {
    this.#attempt();
  }

  /** Does not wait for the interval: what was sent last is known to be lost. */
  hurry(): void {
    this.#timer?.close();
    this.#attempt();
  }

  stop(): void {
    this.#timer?.close();
  }

  #attempt(): void {
    const { send, intervalMs, onFailure } = this.#options;
    if (this.#sends === MAX_SENDS) {
      onFailure('request-timeout');
      return;
    }
    this.#sends++;
    const sent = send(this.#sends);
    // Without any way out the asker learns it at once; a way that is lost later may be back before the last send.
    if (!sent && this.#sends === 1) {
      onFailure('no-route');
      return;
    }
    this.#timer = this.#clock.setTimer(intervalMs, () => this.#attempt());
  }
}
