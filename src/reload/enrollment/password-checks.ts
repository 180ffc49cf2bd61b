import { type PasswordHash, verifyPassword } from './password-hash.ts';

/** Each holds a thread of Node's pool for some 40 ms; the others are left to files and signatures. */
const MAX_RUNNING = 2;
/** Some 6 s of work: a whole overlay that starts at once need not come back. */
const MAX_WAITING = 256;

/** Checks passwords, a few at a time. */
export class PasswordChecks {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @returns undefined when too many are waiting */
  async verify(hash: PasswordHash, password: Uint8Array): Promise<boolean | undefined> {
    if (this.#running < MAX_RUNNING) this.#running += 1;
    else if (this.#waiting.length >= MAX_WAITING) return undefined;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await verifyPassword(hash, password);
    } finally {
      const next = this.#waiting.shift();
      // The place goes straight to whoever waited longest.
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
