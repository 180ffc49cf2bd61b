import { type Clock, type Connection, IdleMap, type Timer } from '../../base/index.ts';

/** How long the other end of a connection to ourselves may take to show up here, ms. */
const WAIT_MS = 2_000;

interface Waiting {
  readonly role: Role;
  readonly timer: Timer;
  readonly settle: (verdict: OwnIdVerdict) => void;
}

type Role = 'opened' | 'accepted';

/** `self`: we reached our own listener. `conflict`: another node uses our key, such as a cloned data directory. */
export type OwnIdVerdict = 'self' | 'conflict';

/**
 * Someone presented our own certificate. When both ends of that TLS session are in this process we have called
 * ourselves (our own address among the bootstrap peers); otherwise there are two of us.
 */
export class OwnIdJudge {
  readonly #clock: Clock;
  readonly #waiting = new IdleMap<string, Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  judge(connection: Connection, role: Role): Promise<OwnIdVerdict> {
    const binding = connection.channelBinding;
    if (binding === undefined) return Promise.resolve('conflict');
    const other = this.#waiting.get(binding);
    if (other !== undefined && other.role !== role) {
      other.timer.close();
      this.#waiting.delete(binding);
      other.settle('self');
      return Promise.resolve('self');
    }
    return new Promise((settle) => {
      const timer = this.#clock.setTimer(WAIT_MS, () => {
        this.#waiting.delete(binding);
        settle('conflict');
      });
      this.#waiting.set(binding, { role, timer, settle });
    });
  }

  stop(): void {
    for (const { timer, settle } of this.#waiting.values()) {
      timer.close();
      settle('self');
    }
    this.#waiting.clear();
  }
}
