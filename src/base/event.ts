/** Removes the listener it was returned for. */
export type Unsubscribe = () => void;

/** What listeners see of an event: many may listen, only the owner emits. */
export interface EventSource<T> {
  on(listener: (value: T) => void): Unsubscribe;
}

/** A typed event with many listeners, called in the order in which they were added. */
export class Event<T> implements EventSource<T> {
  readonly #listeners = new Set<(value: T) => void>();

  on(listener: (value: T) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(value: T): void {
    for (const listener of [...this.#listeners]) listener(value);
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }
}
