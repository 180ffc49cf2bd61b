import type { Clock, Timer } from './clock.ts';
import { TimedHeap } from './timed-heap.ts';

/** So few entries too many are not worth rebuilding the heap. */
const MIN_REBUILD = 4;

/**
 * Many deadlines on one timer: a binary heap of times and keys. Replacing or deleting a key leaves its old heap entry
 * behind, which is skipped when it surfaces; the heap is rebuilt when such entries are a quarter of the live. Times are
 * kept as whole ms since the queue was made: V8 holds so small integers in place, and boxes every larger number.
 */
export class DeadlineQueue<K> {
  readonly #clock: Clock;
  readonly #onDue: (key: K) => void;
  /** Wall-clock ms. */
  readonly #start: number;
  readonly #deadlines = new Map<K, number>();
  readonly #heap = new TimedHeap<K>();
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /** @param onDue called once for each key whose deadline has passed; the key is forgotten before the call */
  constructor(clock: Clock, onDue: (key: K) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
    this.#start = Math.floor(clock.now());
  }

  get size(): number {
    return this.#deadlines.size;
  }

  /** The deadline of the key, wall-clock ms. */
  get(key: K): number | undefined {
    const deadline = this.#deadlines.get(key);
    return deadline === undefined ? undefined : this.#start + deadline;
  }

  /** Sets or moves the deadline of `key` to `at`, wall-clock ms; a fraction of a ms counts as a whole one. */
  set(key: K, at: number): void {
    const deadline = Math.ceil(at - this.#start);
    if (this.#deadlines.get(key) === deadline) return;
    this.#deadlines.set(key, deadline);
    this.#heap.push(key, deadline);
    if (this.#heap.size > MIN_REBUILD + 1.25 * this.#deadlines.size) this.#rebuild();
    this.#arm();
  }

  delete(key: K): void {
    this.#deadlines.delete(key);
  }

  /** Forgets all deadlines and stops the timer. */
  clear(): void {
    this.#deadlines.clear();
    this.#heap.retain(() => false);
    this.#timer?.close();
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #arm(): void {
    const next = this.#heap.firstTime;
    if (next === undefined || next >= this.#timerAt) return;
    this.#timer?.close();
    this.#timerAt = next;
    // Node's timers overflow beyond 2^31 ms; an early wake-up finds nothing due and arms again.
    const delay = Math.min(Math.max(0, next - this.#now()), 2 ** 31 - 1);
    this.#timer = this.#clock.setTimer(delay, () => this.#fire());
  }

  #fire(): void {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#now();
    for (
      let first = this.#heap.firstTime;
      first !== undefined && first <= now;
      first = this.#heap.firstTime
    ) {
      const key = this.#heap.pop() as K;
      if (this.#deadlines.get(key) !== first) continue;
      this.#deadlines.delete(key);
      this.#onDue(key);
    }
    this.#arm();
  }

  #rebuild(): void {
    this.#heap.retain((key, time) => this.#deadlines.get(key) === time);
  }

  #now(): number {
    return this.#clock.now() - this.#start;
  }
}
