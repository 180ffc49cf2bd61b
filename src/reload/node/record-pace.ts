import { type Clock, sleep } from '../../base/index.ts';

/** How fast records move in the background: exchanges per second for ever, and at once after a rest. */
export interface PaceOptions {
  readonly perSecond: number;
  readonly burst: number;
}

/** One pace for everything a peer does in the background, whatever sets it off. */
export class RecordPace {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perMs: number;
  #tokens: number;
  #at: number;
  #hurried = false;

  constructor({ clock }: { clock: Clock }, { perSecond, burst }: PaceOptions) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perMs = perSecond / 1000;
    this.#tokens = burst;
    this.#at = clock.monotonic();
  }

  /** Resolves when the next exchange may begin, in the order of asking. @throws the signal's reason */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs) - 1;
    this.#at = now;
    if (this.#tokens < 0 && !this.#hurried)
      await sleep(this.#clock, Math.ceil(-this.#tokens / this.#perMs), signal);
  }

  /** From now on nobody new has to wait: this peer is about to leave. */
  hurry(): void {
    this.#hurried = true;
  }
}
