/** A handful of named points in time, of which a sans-IO machine tells its driver the next. */
export class Deadlines<Name extends string> {
  readonly #at = new Map<Name, number>();

  set(name: Name, atMs: number): void {
    this.#at.set(name, atMs);
  }

  /** Keeps an earlier time that is set already. */
  setIfUnset(name: Name, atMs: number): void {
    if (!this.#at.has(name)) this.#at.set(name, atMs);
  }

  /** Moves a time that is set forward, never back. */
  advance(name: Name, atMs: number): void {
    const at = this.#at.get(name);
    if (at !== undefined && atMs < at) this.#at.set(name, atMs);
  }

  clear(name: Name): void {
    this.#at.delete(name);
  }

  next(): number | undefined {
    let next: number | undefined;
    for (const at of this.#at.values()) if (next === undefined || at < next) next = at;
    return next;
  }

  /** Whether the time has come; it is then no longer set. */
  take(name: Name, nowMs: number): boolean {
    const at = this.#at.get(name);
    if (at === undefined || at > nowMs) return false;
    this.#at.delete(name);
    return true;
  }
}
