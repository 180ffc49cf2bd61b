/**
 * Datagrams that Node reads of a socket in one turn of its event loop at the most. A turn with fewer messages has emptied
 * the queue; one with as many has left some there, as far as anybody here can know.
 */
export const FULL_TURN = 32;
/** What waits is read in the next turn: after a longer pause nothing has waited. A shorter one may be the machine's, ms. */
const PAUSE_MS = 500;
/** Fewer messages in a row are a burst, however long a starved machine takes over them. */
const MANY = 512;

/**
 * Whether messages queue up in front of us. The kernel tells nobody how long its queue is, but every turn of the event
 * loop that takes less than it could has emptied it. As with CoDel (RFC 8289 §3) a queue that empties now and then is a
 * burst, or a pause of ours that is being made up for, however long it was; one that stands does so because more comes
 * than we can do. So a machine that is busy with other things is not mistaken for an overload.
 */
export class StandingQueue {
  #fullSince: number | undefined;
  /** Messages since. */
  #count = 0;
  #turnEndedAt = -Infinity;
  /** Spent on messages since `measuredAt`, ms. */
  #busy = 0;
  #measuredAt = -Infinity;

  /**
   * One turn is over that brought `messages` from `start` to `end`, monotonic ms.
   * @param waiting messages that were read and wait further
   */
  turn(messages: number, waiting: number, start: number, end: number): void {
    if (messages < FULL_TURN && waiting === 0) this.#fullSince = undefined;
    else if (this.#fullSince === undefined || start - this.#turnEndedAt > PAUSE_MS) {
      this.#fullSince = start;
      this.#count = 0;
    }
    this.#count += messages;
    this.#busy += end - start;
    this.#turnEndedAt = end;
  }

  /** The part of the time since it was asked before that went into messages, 0 to 1. */
  occupancy(now: number): number {
    const part = Math.min(this.#busy / (now - this.#measuredAt), 1);
    this.#busy = 0;
    this.#measuredAt = now;
    return part;
  }

  /** For how long no turn of many has emptied it, ms. */
  standsFor(now: number): number {
    if (this.#fullSince === undefined || this.#count < MANY || now - this.#turnEndedAt > PAUSE_MS) return 0;
    return now - this.#fullSince;
  }
}
