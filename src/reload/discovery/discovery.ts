import type { Address, EventSource } from '../../base/index.ts';

/** Finds peers to join through, besides those that are configured or known from earlier (RFC 6940 §11.4). */
export interface Discovery {
  /** A peer has been found. */
  readonly found: EventSource<void>;
  /** False where this network has no multicast: nothing is to be waited for. */
  readonly works: boolean;
  addresses(): readonly Address[];
  /**
   * Begins to ask and, where there is something to announce, to answer.
   * @param own where this peer accepts links, asked each time
   */
  start(own: () => readonly Address[]): Promise<void>;
  /** Asks again, now: nobody else is left. */
  ask(): void;
  /** Says goodbye. */
  stop(): Promise<void>;
}
