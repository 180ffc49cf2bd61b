import type { Clock, Timer } from '../clock.ts';
import { ClockEntry, ClockQueue } from './clock-queue.ts';

/** Turns of the real event loop granted, at a standstill, to code that chains immediates. */
const IDLE_TURNS = 8;
/** Entries that run before the real event loop has its turn. */
const STEPS_PER_TURN = 64;
/** Below this many cancelled timers the queue is not worth cleaning. */
const MIN_CANCELLED_TO_CLEAN = 256;

class VirtualTimer extends ClockEntry implements Timer {
  #callback: (() => void) | undefined;
  readonly #onClose: () => void;

  constructor(callback: () => void, onClose: () => void) {
    super();
    this.#callback = callback;
    this.#onClose = onClose;
  }

  get active(): boolean {
    return this.#callback !== undefined;
  }

  override run(): void {
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.();
  }

  close(): void {
    if (this.#callback === undefined) return;
    this.#callback = undefined;
    this.#onClose();
  }
}

/**
 * A clock that stands still until it is told to advance. Timers run in the order of their due time, then of their
 * creation; between two of them all microtasks drain, so promise chains settle at the instant they belong to.
 * Work on other threads (files, asynchronous crypto) is outside virtual time.
 */
export class VirtualClock implements Clock {
  readonly #startMs: number;
  readonly #queue = new ClockQueue();
  #elapsed = 0;
  #order = 0;
  #cancelled = 0;
  #running = false;
  readonly #onTimerClosed = () => {
    this.#cancelled++;
    if (this.#cancelled < MIN_CANCELLED_TO_CLEAN || this.#cancelled * 2 < this.#queue.size) return;
    this.#queue.retain((entry) => !(entry instanceof VirtualTimer) || entry.active);
    this.#cancelled = 0;
  };

  /** @param options.startMs wall clock at the beginning, ms since the epoch */
  constructor(options: { startMs?: number } = {}) {
    this.#startMs = options.startMs ?? Date.UTC(2026, 0, 1);
  }

  now(): number {
    return this.#startMs + Math.floor(this.#elapsed);
  }

  monotonic(): number {
    return this.#elapsed;
  }

  /** Timers and deliveries that have not run and were not cancelled. */
  get pendingTimers(): number {
    return this.#queue.size - this.#cancelled;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = new VirtualTimer(callback, this.#onTimerClosed);
    this.schedule(delayMs, timer);
    return timer;
  }

  /** A turn is all that happens at one instant, as far as it was queued before. */
  afterTurn(callback: () => void): void {
    this.setTimer(0, callback);
  }

  /** Queues an entry that is never cancelled; it must not be queued already. */
  schedule(delayMs: number, entry: ClockEntry): void {
    if (Number.isNaN(delayMs)) throw new RangeError('VirtualClock: the delay is not a number');
    entry.due = this.#elapsed + Math.max(0, delayMs);
    entry.order = this.#order++;
    this.#queue.push(entry);
  }

  /**
   * Moves time forward by `ms`, running everything that becomes due on the way.
   * @throws what a timer's callback threw; time then stands at that timer
   */
  async advance(ms: number): Promise<void> {
    const target = this.#elapsed + ms;
    await this.#run(target, () => false);
    this.#elapsed = target;
  }

  /**
   * Moves time forward until `promise` settles, and settles as it does.
   * @throws when it is still pending after `maxMs` of virtual time, or when nothing is left that could settle it
   */
  async runUntil<T>(promise: Promise<T>, maxMs = 3_600_000): Promise<T> {
    let settled = false;
    const onSettled = () => {
      settled = true;
    };
    promise.then(onSettled, onSettled);
    const target = this.#elapsed + maxMs;
    await this.#run(target, () => settled);
    if (!settled) {
      const why = this.#queue.size === 0 ? 'no timer is left' : `${maxMs} ms have passed`;
      throw new Error(`VirtualClock.runUntil: the promise is pending and ${why}`);
    }
    return promise;
  }

  /**
   * Each entry runs in a callback of its own: Node drains nextTicks and microtasks after each of them. Most are nextTicks
   * set by a microtask, which come when all microtasks are done; from time to time the event loop has its turn.
   */
  #run(target: number, done: () => boolean): Promise<void> {
    if (this.#running) throw new Error('VirtualClock: already advancing');
    this.#running = true;
    return new Promise<void>((resolve, reject) => {
      let idleTurns = 0;
      let steps = 0;
      const afterMicrotasks = () => process.nextTick(step);
      const step = () => {
        try {
          const next = done() ? undefined : this.#nextDue(target);
          idleTurns = next === undefined ? idleTurns + 1 : 0;
          next?.run();
        } catch (error) {
          reject(error);
          return;
        }
        if (idleTurns > IDLE_TURNS || done()) resolve();
        else if (idleTurns === 0 && ++steps % STEPS_PER_TURN !== 0) queueMicrotask(afterMicrotasks);
        else setImmediate(step);
      };
      setImmediate(step);
    }).finally(() => {
      this.#running = false;
    });
  }

  #nextDue(target: number): ClockEntry | undefined {
    for (;;) {
      const next = this.#queue.peek();
      if (next === undefined || next.due > target) return undefined;
      this.#queue.pop();
      if (next instanceof VirtualTimer && !next.active) {
        this.#cancelled--;
        continue;
      }
      if (next.due > this.#elapsed) this.#elapsed = next.due;
      return next;
    }
  }
}
