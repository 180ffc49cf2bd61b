interface Task {
  readonly run: () => Promise<void>;
  readonly done: () => void;
}

/** Runs tasks a few at a time, in order; more than it may hold are refused. */
export class WorkQueue {
  readonly #concurrency: number;
  readonly #capacity: number;
  readonly #waiting: Task[] = [];
  #running = 0;

  constructor(options: { readonly concurrency: number; readonly capacity: number }) {
    this.#concurrency = options.concurrency;
    this.#capacity = options.capacity;
  }

  /**
   * @param run must not reject
   * @returns resolves when the task has run; undefined when the queue is full
   */
  add(run: () => Promise<void>): Promise<void> | undefined {
    if (this.#waiting.length >= this.#capacity) return undefined;
    return new Promise((done) => {
      this.#waiting.push({ run, done });
      this.#next();
    });
  }

  /** Drops what has not begun. */
  clear(): void {
    for (const task of this.#waiting.splice(0)) task.done();
  }

  #next(): void {
    if (this.#running >= this.#concurrency) return;
    const task = this.#waiting.shift();
    if (task === undefined) return;
    this.#running++;
    void task.run().finally(() => {
      this.#running--;
      task.done();
      this.#next();
    });
  }
}

/** Runs `work` on each item, `concurrency` at a time, taking items as it goes. */
export async function forEachConcurrently<T>(
  items: Iterable<T>,
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let item = iterator.next(); !item.done; item = iterator.next()) await work(item.value);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
