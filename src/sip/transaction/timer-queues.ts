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
  readonly queue: TimerQueue<Name>;
}

/** A due time counts as reached from this much before: system timers fire up to a millisecond early. */
const EARLY_MS = 1;
/**
 * Timers of so many ms or more end what is over anyhow, or give up on somebody who has been silent for long (RFC 3261: B, F
 * and C, which is "greater than" 3 minutes). They may be late by this part of their duration, and those that fall due close together are called together:
 * with thousands of transactions that end each second the process would wake for each of them.
 */
const LONG_MS = 5_000;
const SLACK = 1 / 64;
/** Entries of no more use that are borne in a queue before it is cut, and as many as there are others. */
const COMPACT_AT = 1024;

/** All timers of one duration: they fall due in the order they were started, so a plain queue keeps them sorted. */
class TimerQueue<Name> {
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #durationMs: number;
  #entries: TimerEntry<Name>[] = [];
  #head = 0;
  /** From the head on. */
  #stopped = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, onError: (error: unknown) => void, durationMs: number) {
    this.#clock = clock;
    this.#onError = onError;
    this.#durationMs = durationMs;
  }

  get size(): number {
    return this.#entries.length - this.#head;
  }

  start(owner: TimerOwner<Name>, name: Name): TimerEntry<Name> {
    const entry = { name, dueAt: this.#clock.monotonic() + this.#durationMs, owner, queue: this };
    this.#entries.push(entry);
    this.#timer ??= this.#clock.setTimer(this.#durationMs, this.#onDue);
    return entry;
  }

  /**
   * The entry goes when half of all have been stopped: most timers are, long before they are due, and waiting there they
   * would be many more than those that run.
   */
  stop(entry: TimerEntry<Name>): void {
    if (entry.owner === undefined) return;
    entry.owner = undefined;
    this.#stopped += 1;
    if (this.#stopped < COMPACT_AT || 2 * this.#stopped < this.#entries.length - this.#head) return;
    this.#keep(this.#entries.slice(this.#head).filter(({ owner }) => owner !== undefined));
    this.#stopped = 0;
  }

  clear(): void {
    this.#stopped = 0;
    this.#keep([]);
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
      if (owner === undefined) this.#stopped -= 1;
      else this.#call(owner, next.name);
    }
    const running = this.#entries.length - this.#head;
    if (running === 0 || this.#head >= Math.max(COMPACT_AT, running))
      this.#keep(this.#entries.slice(this.#head));
    const next = this.#entries[this.#head];
    if (next === undefined) return;
    const slack = this.#durationMs < LONG_MS ? 0 : this.#durationMs * SLACK;
    const wait = Math.max(next.dueAt - now, slack);
    this.#timer ??= this.#clock.setTimer(wait, this.#onDue);
  };

  /** A fault of one owner must not stop the timers of all others. */
  #call(owner: TimerOwner<Name>, name: Name): void {
    try {
      owner.onTimer(name);
    } catch (error) {
      this.#onError(error);
    }
  }

  #keep(entries: TimerEntry<Name>[]): void {
    this.#entries = entries;
    this.#head = 0;
    if (entries.length > 0) return;
    this.#timer?.close();
    this.#timer = undefined;
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

  /** Timers that are held, stopped ones that are still to go included. */
  get size(): number {
    let size = 0;
    for (const queue of this.#queues.values()) size += queue.size;
    return size;
  }

  start(durationMs: number, owner: TimerOwner<Name>, name: Name): TimerEntry<Name> {
    let queue = this.#queues.get(durationMs);
    if (queue === undefined) {
      queue = new TimerQueue(this.#clock, this.#onError, durationMs);
      this.#queues.set(durationMs, queue);
    }
    return queue.start(owner, name);
  }

  stop(entry: TimerEntry<Name>): void {
    entry.queue.stop(entry);
  }

  /** Stops everything. */
  clear(): void {
    for (const queue of this.#queues.values()) queue.clear();
    this.#queues.clear();
  }
}
