/** RFC 6940 §6.6.2: the receiver "MUST keep track of the 32 most recent sequence numbers received". */
const WINDOW = 32;

/** Before the first frame. */
export const NOTHING_RECEIVED = -1;

/** What the acks of one link are made of; part of the link itself, because there are dozens. */
export interface ReceivedWindow {
  /** The highest sequence number received. */
  highestReceived: number;
  /** Bit D is set when `highestReceived - D` was received; bit 0 always. */
  receivedBits: number;
}

/**
 * Takes note of a data frame with sequence number N and returns the bitmask for its ack: bit N-M is set for each of
 * the frames received before it whose number M is less than N and greater than N-32.
 */
export function noteReceived(window: ReceivedWindow, sequence: number): number {
  const { highestReceived, receivedBits } = window;
  const ahead = highestReceived === NOTHING_RECEIVED ? WINDOW : (sequence - highestReceived) | 0;
  if (ahead > 0) {
    window.highestReceived = sequence;
    window.receivedBits = (ahead < WINDOW ? receivedBits << ahead : 0) | 1;
    return (window.receivedBits & ~1) >>> 0;
  }
  const behind = -ahead;
  if (behind >= WINDOW) return 0;
  const before = (receivedBits >>> behind) & ~1;
  window.receivedBits |= 1 << behind;
  return before >>> 0;
}
