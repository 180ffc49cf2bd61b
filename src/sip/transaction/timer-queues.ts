import type { Clock, Timer } from '../../base/index.ts';

/** Whoever a timer belongs to; told its name instead of being given a closure. */
export interface TimerOwner<Name> {
  onTimer(name: Name): void;
}

/** A running timer, to stop it by. */
export interface TimerEntry<Name> {
  readonly name: Name;
  readonly dueAt: number;
  /** undefined once stopped or fired. */
  owner: TimerOwner<Name> | undefined;
}

/** A due time counts as reached from this much before: system timers fire up to a millisecond early. */
const EARLY_MS = 1;
/** Fired entries at the head of a queue that are borne before the array is cut, and as many as there are running ones. */
const COMPACT_AT = 1024;

/** All timers of one duration: they fall due in the order they were started, so a plain queue keeps them sorted. */
class TimerQueue<Name> {
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #durationMs: number;
  #entries: TimerEntry<Name>[] = [];
  #head = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, onError: (error: unknown) => void, durationMs: number) {
    this.#clock = clock;
    this.#onError = onError;
    this.#durationMs = durationMs;
  }

  start(owner: TimerOwner<Name>, name: Name): TimerEntry<Name> {
    const entry = { name, dueAt: this.#clock.monotonic() + this.#durationMs, owner };
    this.#entries.push(entry);
    this.#timer ??= this.#clock.setTimer(this.#durationMs, this.#onDue);
    return entry;
  }

  stop(): void {
    this.#timer?.close();
    this.#timer = undefined;
    this.#entries = [];
    this.#head = 0;
  }

  readonly #onDue = () => {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    // Entries may be added while this runs (a restarted timer): they are due later.
    for (let next = this.#entries[this.#head]; next !== undefined; next = this.#entries[this.#head]) {
      const { owner } = next;
      if (owner !== undefined && next.dueAt > now + EARLY_MS) break;
      this.#head += 1;
      next.owner = undefined;
      if (owner !== undefined) this.#call(owner, next.name);
    }
    this.#compact();
    const next = this.#entries[this.#head];
    if (next !== undefined) this.#timer ??= this.#clock.setTimer(Math.max(0, next.dueAt - now), this.#onDue);
  };

  /** A fault of one owner must not stop the timers of all others. */
  #call(owner: TimerOwner<Name>, name: Name): void {
    try {
      owner.onTimer(name);
    } catch (error) {
      this.#onError(error);
    }
  }

  #compact(): void {
    const running = this.#entries.length - this.#head;
    if (running > 0 && (this.#head < COMPACT_AT || this.#head < running)) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}

/**
 * Timers of a transaction layer. The durations are few (T1, its doublings, T2, T4, 64*T1 …), so each has a queue of
 * its own and one timer of the clock: starting and stopping cost the same however many transactions there are.
 */
export class TimerQueues<Name> {
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #queues = new Map<number, TimerQueue<Name>>();

  /** @param onError gets what an owner threw */
  constructor(clock: Clock, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.#onError = onError;
  }

  start(durationMs: number, owner: TimerOwner<Name>, name: Name): TimerEntry<Name> {
    let queue = this.#queues.get(durationMs);
    if (queue === undefined) {
      queue = new TimerQueue(this.#clock, this.#onError, durationMs);
      this.#queues.set(durationMs, queue);
    }
    return queue.start(owner, name);
  }

  /** Stops a timer; the entry is skipped when its time comes. */
  stop(entry: TimerEntry<Name>): void {
    entry.owner = undefined;
  }

  /** Stops everything. */
  clear(): void {
    for (const queue of this.#queues.values()) queue.stop();
    this.#queues.clear();
  }
}
