import type { Clock, Timer } from '../../base/index.ts';
import { RttEstimator } from './rtt-estimator.ts';

/** RFC 6940 §6.6.5: a suspect connection is kept for 30 s "to determine if the failure was transient". */
const RETAIN_MS = 30_000;
/** How often open frames are looked at, ms. */
const CHECK_MS = 500;
/** A timer later than this means that our own event loop stood still, and that acks may wait unread. */
const STALL_MS = 100;
/** Frames that may be unacknowledged; RELOAD loses messages rather than hoard them. */
const MAX_UNACKED = 16_384;
/** Numbers that were acknowledged are cut off the array when there are this many. */
const COMPACT_AT = 1_024;

export type AckWatchState = 'up' | 'suspect' | 'failed';

/** Whose acks are watched. */
export interface AckWatchOwner {
  readonly clock: Clock;
  /** Called at each change; 'failed' is final. */
  onAckState(state: AckWatchState): void;
}

/** The frames that wait for their acks. */
interface OpenFrames {
  /** When they were sent, in watch time; the first `acked` entries are done with. */
  readonly sentAt: number[];
  acked: number;
  /** Watch time. */
  suspectSince: number;
}

/**
 * The sending side of the framing header on a reliable stream: numbers frames, measures the round-trip time by
 * their acks, and notices when acks stay out. Time in which our own event loop stood still does not count.
 */
export class AckWatch extends RttEstimator {
  readonly #owner: AckWatchOwner;
  #state: AckWatchState = 'up';
  #nextSequence = 0;
  /** Undefined on an idle link. */
  #open: OpenFrames | undefined;
  #stalledMs = 0;
  #timer: Timer | undefined;

  constructor(owner: AckWatchOwner) {
    super();
    this.#owner = owner;
  }

  get unacked(): number {
    return this.#open === undefined ? 0 : this.#open.sentAt.length - this.#open.acked;
  }

  get isFull(): boolean {
    return this.unacked >= MAX_UNACKED;
  }

  /** A frame is about to be sent: returns its sequence number, beginning with 0. */
  sent(): number {
    const sequence = this.#nextSequence;
    this.#nextSequence = (sequence + 1) >>> 0;
    this.#open ??= { sentAt: [], acked: 0, suspectSince: 0 };
    this.#open.sentAt.push(this.#watchTime());
    if (this.#timer === undefined) this.#arm(CHECK_MS);
    return sequence;
  }

  /** An ack came. On an ordered stream it covers all frames before it too, should the peer have saved their acks. */
  acknowledged(sequence: number): void {
    const open = this.#open;
    if (open === undefined) return;
    const oldest = (this.#nextSequence - this.unacked) >>> 0;
    const offset = (sequence - oldest) >>> 0;
    // Not a number that is open: an ack that came twice, or nonsense.
    if (offset >= this.unacked) return;
    const index = open.acked + offset;
    this.measured(Math.max(0, this.#watchTime() - open.sentAt[index]!));
    open.acked = index + 1;
    if (open.acked === open.sentAt.length) {
      this.#open = undefined;
    } else if (open.acked >= COMPACT_AT) {
      open.sentAt.splice(0, open.acked);
      open.acked = 0;
    }
    if (this.#state === 'suspect') this.#enter('up');
  }

  stop(): void {
    this.#timer?.close();
    this.#timer = undefined;
    this.#state = 'failed';
  }

  #watchTime(): number {
    return this.#owner.clock.monotonic() - this.#stalledMs;
  }

  #arm(delayMs: number): void {
    const due = this.#owner.clock.monotonic() + delayMs;
    this.#timer = this.#owner.clock.setTimer(delayMs, () => this.#check(due));
  }

  /**
   * Runs from time to time while frames are open, not per frame: acks normally come long before and cost no timer.
   */
  #check(due: number): void {
    this.#timer = undefined;
    const late = this.#owner.clock.monotonic() - due;
    if (late > STALL_MS) this.#stalledMs += late;
    const open = this.#open;
    const oldest = open?.sentAt[open.acked];
    if (open === undefined || oldest === undefined || this.#state === 'failed') return;
    const now = this.#watchTime();
    const rto = this.rtoMs;
    if (this.#state === 'up' && now - oldest >= rto) {
      open.suspectSince = now;
      this.#enter('suspect');
    } else if (this.#state === 'suspect' && now - open.suspectSince >= RETAIN_MS) {
      this.#enter('failed');
    }
    const remaining = this.#state === 'suspect' ? open.suspectSince + RETAIN_MS - now : oldest + rto - now;
    if (!this.#hasFailed()) this.#arm(Math.max(1, Math.min(CHECK_MS, remaining)));
  }

  #enter(state: AckWatchState): void {
    this.#state = state;
    this.#owner.onAckState(state);
  }

  /** Asked after a callback, which may have stopped the watch. */
  #hasFailed(): boolean {
    return this.#state === 'failed';
  }
}
