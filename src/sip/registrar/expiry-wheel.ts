import type { Clock, Timer } from '../../base/index.ts';

/** What can be scheduled: the wheel alone writes `slot`, the second at which it will look at the item; 0 is none. */
export interface Expiring {
  slot: number;
}

/**
 * Calls back for each item at the second of its expiry, with one timer for all of them. A refresh that only moves an
 * expiry further away costs nothing: the item is looked at in its old second and then scheduled anew by its owner.
 */
export class ExpiryWheel<Item extends Expiring> {
  readonly #clock: Clock;
  readonly #onDue: (item: Item) => void;
  readonly #slots = new Map<number, Set<Item>>();
  /** The seconds in `#slots`, as a binary heap. */
  readonly #seconds: number[] = [];
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /** @param onDue called once per scheduling, at or up to a second after the time asked for */
  constructor(deps: { clock: Clock }, onDue: (item: Item) => void) {
    this.#clock = deps.clock;
    this.#onDue = onDue;
  }

  /** Makes sure that the item is looked at no later than at `atMs` (wall clock) rounded up to a second. */
  schedule(item: Item, atMs: number): void {
    const second = Math.ceil(atMs / 1000);
    if (item.slot !== 0 && item.slot <= second) return;
    this.cancel(item);
    item.slot = second;
    const slot = this.#slots.get(second);
    if (slot !== undefined) {
      slot.add(item);
      return;
    }
    this.#slots.set(second, new Set([item]));
    push(this.#seconds, second);
    this.#arm();
  }

  cancel(item: Item): void {
    if (item.slot === 0) return;
    // An emptied slot stays until its second: it holds nothing, and the heap has no deletion in the middle.
    this.#slots.get(item.slot)?.delete(item);
    item.slot = 0;
  }

  stop(): void {
    this.#timer?.close();
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#slots.clear();
    this.#seconds.length = 0;
  }

  #arm(): void {
    const next = this.#seconds[0];
    if (next === undefined || next >= this.#timerAt) return;
    this.#timer?.close();
    this.#timerAt = next;
    this.#timer = this.#clock.setTimer(Math.max(next * 1000 - this.#clock.now(), 0), () => this.#run());
  }

  #run(): void {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    for (
      let second = this.#seconds[0];
      second !== undefined && second * 1000 <= now;
      second = this.#seconds[0]
    ) {
      pop(this.#seconds);
      const due = this.#slots.get(second);
      this.#slots.delete(second);
      for (const item of due ?? []) {
        item.slot = 0;
        this.#onDue(item);
      }
    }
    this.#arm();
  }
}

function push(heap: number[], value: number): void {
  let at = heap.length;
  heap.push(value);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent]! <= value) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = value;
}

/** Removes the smallest; the heap must not be empty. */
function pop(heap: number[]): void {
  const value = heap.pop()!;
  const size = heap.length;
  if (size === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && heap[child + 1]! < heap[child]!) child += 1;
    if (heap[child]! >= value) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = value;
}
