import { type Clock, originOf, type Rate, TokenBuckets } from '../../base/index.ts';

/** Wrong passwords for one account from one address. */
const PER_ACCOUNT_AND_ORIGIN: Rate = { perSecond: 1 / 30, burst: 5 };
/** For any accounts from one address. */
const PER_ORIGIN: Rate = { perSecond: 1 / 5, burst: 20 };
/** For one account from anywhere: 8,640 guesses a day at the most, whoever lends the addresses. */
const PER_ACCOUNT: Rate = { perSecond: 1 / 10, burst: 50 };

/** s after which it is worth trying again, for Retry-After. */
export const RETRY_AFTER_S = 30;

/** Slows down whoever guesses passwords. Right ones cost nothing, so no site with many peers is held up. */
export class AttemptLimits {
  readonly #clock: Clock;
  readonly #limits = [
    new TokenBuckets(PER_ACCOUNT_AND_ORIGIN),
    new TokenBuckets(PER_ORIGIN),
    new TokenBuckets(PER_ACCOUNT),
  ] as const;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  /**
   * Before a password is looked at: takes what a wrong one costs, so that many at once gain nothing.
   * @returns undefined when there were too many; otherwise to be called when the password was right
   */
  begin(account: string, host: string): (() => void) | undefined {
    const now = this.#clock.monotonic();
    const origin = originOf(host);
    const keys = [`${origin} ${account}`, origin, account];
    for (const [i, bucket] of this.#limits.entries()) {
      if (bucket.take(keys[i]!, 1, now)) continue;
      for (const [j, earlier] of this.#limits.slice(0, i).entries()) earlier.giveBack(keys[j]!, 1);
      return undefined;
    }
    return () => {
      for (const [i, bucket] of this.#limits.entries()) bucket.giveBack(keys[i]!, 1);
    };
  }
}
