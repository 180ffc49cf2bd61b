import { BinaryHeap } from '../binary-heap.ts';

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

/** Entries in the order in which they are due. */
export class ClockQueue extends BinaryHeap<ClockEntry> {
  constructor() {
    super(before);
  }
}
