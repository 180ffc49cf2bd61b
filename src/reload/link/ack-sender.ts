import type { Clock, Timer } from '../../base/index.ts';

/** Acks that may be added to a queue that does not drain; then one for all that came since is sent once it does. */
const MAX_WAITING = 512;
/** A queue this short is as good as drained: what is written in one turn of the event loop waits for its end. */
export const DRAINED_BYTES = 16 * 1024;
const RETRY_MS = 100;
/** A peer that sends and reads nothing for this long is given up. */
const MAX_RETRIES = 300;

export interface AckSenderOwner {
  /** Bytes written and not yet taken by the peer or the kernel. */
  readonly queuedBytes: number;
  sendAck(frame: Buffer): void;
  /** The peer does not read. */
  onUnread(): void;
}

/**
 * Acks for a peer that does not read as fast as it sends (RFC 6940 §6.6.2: "SHOULD immediately send an ACK"): they must not
 * fill our memory, and the newest speaks for all on an ordered stream.
 */
export class AckSender {
  readonly #clock: Clock;
  readonly #owner: AckSenderOwner;
  #waiting = 0;
  #owed: Buffer | undefined;
  #retries = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, owner: AckSenderOwner) {
    this.#clock = clock;
    this.#owner = owner;
  }

  /** Sends an ack frame, or keeps it until the peer has read. */
  send(frame: Buffer): void {
    if (this.#owner.queuedBytes < DRAINED_BYTES) this.#waiting = 0;
    if (this.#waiting < MAX_WAITING) {
      this.#waiting++;
      this.#owner.sendAck(frame);
      return;
    }
    this.#owed = frame;
    if (this.#timer === undefined) this.#arm();
  }

  stop(): void {
    this.#timer?.close();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(RETRY_MS, () => this.#retry());
  }

  #retry(): void {
    this.#timer = undefined;
    if (this.#owed === undefined) return;
    if (this.#owner.queuedBytes < DRAINED_BYTES) {
      this.#owner.sendAck(this.#owed);
      this.#owed = undefined;
      this.#waiting = 1;
      this.#retries = 0;
    } else if (++this.#retries >= MAX_RETRIES) {
      this.#owner.onUnread();
    } else {
      this.#arm();
    }
  }
}
