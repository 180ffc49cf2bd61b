import { BinaryHeap } from './binary-heap.ts';
import type { Clock, Timer } from './clock.ts';

interface Entry<K> {
  readonly key: K;
  readonly at: number;
}

function isEarlier(a: { readonly at: number }, b: { readonly at: number }): boolean {
  return a.at < b.at;
}

/** So few entries too many are not worth rebuilding the heap. */
const MIN_REBUILD = 4;

/**
 * Many deadlines on one timer: a binary heap of (wall-clock ms, key). Replacing or deleting a key leaves its old
 * heap entry behind, which is skipped when it surfaces; the heap is rebuilt when such entries are a quarter of the live.
 */
export class DeadlineQueue<K> {
  readonly #clock: Clock;
  readonly #onDue: (key: K) => void;
  readonly #deadlines = new Map<K, number>();
  readonly #heap = new BinaryHeap<Entry<K>>(isEarlier);
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /** @param onDue called once for each key whose deadline has passed; the key is forgotten before the call */
  constructor(clock: Clock, onDue: (key: K) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#deadlines.size;
  }

  /** The deadline of the key, wall-clock ms. */
  get(key: K): number | undefined {
    return this.#deadlines.get(key);
  }

  /** Sets or moves the deadline of `key` to `at`, wall-clock ms. */
  set(key: K, at: number): void {
    if (this.#deadlines.get(key) === at) return;
    this.#deadlines.set(key, at);
    this.#heap.push({ key, at });
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
    const next = this.#heap.peek()?.at;
    if (next === undefined || next >= this.#timerAt) return;
    this.#timer?.close();
    this.#timerAt = next;
    // Node's timers overflow beyond 2^31 ms; an early wake-up finds nothing due and arms again.
    const delay = Math.min(Math.max(0, next - this.#clock.now()), 2 ** 31 - 1);
    this.#timer = this.#clock.setTimer(delay, () => this.#fire());
  }

  #fire(): void {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    for (let top = this.#heap.peek(); top !== undefined && top.at <= now; top = this.#heap.peek()) {
      this.#heap.pop();
      if (this.#deadlines.get(top.key) !== top.at) continue;
      this.#deadlines.delete(top.key);
      this.#onDue(top.key);
    }
    this.#arm();
  }

  #rebuild(): void {
    this.#heap.retain(({ key, at }) => this.#deadlines.get(key) === at);
  }
}
