import { IdleMap } from '../base/index.ts';

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** Those who wait for how the next attempt for a key ends. */
export class OutcomeWaiters {
  readonly #waiters = new IdleMap<string, Waiter[]>();

  /** Settles as the next `settle` of `key` says. */
  next(key: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(key) ?? [];
      waiters.push({ resolve, reject });
      this.#waiters.set(key, waiters);
    });
  }

  /** @param error undefined when it went well */
  settle(key: string, error: unknown): void {
    const waiters = this.#waiters.get(key);
    this.#waiters.delete(key);
    for (const { resolve, reject } of waiters ?? []) {
      if (error === undefined) resolve();
      else reject(error);
    }
  }
}
