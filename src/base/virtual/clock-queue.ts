/** Something that happens at a virtual instant. Subclasses keep their own state, so no closure is needed per event. */
export abstract class ClockEntry {
  /** Virtual instant, ms since the start of the clock; set by the queue's owner. */
  due = 0;
  /** Breaks ties between entries that are due at the same instant: first queued, first run. */
  order = 0;

  abstract run(): void;
}

function before(a: ClockEntry, b: ClockEntry): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}

/** A binary heap of entries in the order in which they are due. */
export class ClockQueue {
  #heap: ClockEntry[] = [];

  get size(): number {
    return this.#heap.length;
  }

  peek(): ClockEntry | undefined {
    return this.#heap[0];
  }

  push(entry: ClockEntry): void {
    this.#heap.push(entry);
    this.#siftUp(this.#heap.length - 1, entry);
  }

  pop(): ClockEntry | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) this.#siftDown(0, last);
    return first;
  }

  /** Drops every entry that `keep` refuses. */
  retain(keep: (entry: ClockEntry) => boolean): void {
    this.#heap = this.#heap.filter(keep);
    for (let index = (this.#heap.length >> 1) - 1; index >= 0; index--) {
      this.#siftDown(index, this.#heap[index]!);
    }
  }

  #siftUp(start: number, entry: ClockEntry): void {
    const heap = this.#heap;
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }

  #siftDown(start: number, entry: ClockEntry): void {
    const heap = this.#heap;
    const size = heap.length;
    let index = start;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, entry)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = entry;
  }
}
