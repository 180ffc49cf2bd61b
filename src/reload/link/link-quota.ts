import { originOf } from '../../base/index.ts';

/** What of all links those from one address may be: many peers may share an address, but not crowd out all others. */
const SHARE_OF_ONE_ADDRESS = 1 / 4;

/** Counts the links that were opened to us, by where they come from. */
export class LinkQuota {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  constructor(maxLinks: number) {
    this.#most = Math.max(1, Math.floor(maxLinks * SHARE_OF_ONE_ADDRESS));
  }

  /** Notes one more link. @returns false, with nothing noted, when its address has its share already */
  take(host: string): boolean {
    const origin = originOf(host);
    const count = this.#counts.get(origin) ?? 0;
    if (count >= this.#most) return false;
    this.#counts.set(origin, count + 1);
    return true;
  }

  /** A link that was noted is gone. */
  release(host: string): void {
    const origin = originOf(host);
    const count = this.#counts.get(origin) ?? 0;
    if (count > 1) this.#counts.set(origin, count - 1);
    else this.#counts.delete(origin);
  }
}
