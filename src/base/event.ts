/** Removes the listener it was returned for. */
export type Unsubscribe = () => void;

/** What listeners see of an event: many may listen, only the owner emits. */
export interface EventSource<T> {
  on(listener: (value: T) => void): Unsubscribe;
}

type Listener<T> = (value: T) => void;

const NOBODY: readonly never[] = [];

/** A typed event with many listeners, called in the order in which they were added. */
export class Event<T> implements EventSource<T> {
  /** Replaced, never changed: an `emit` under way goes on with those who listened when it began. */
  #listeners: readonly Listener<T>[] = NOBODY;

  on(listener: Listener<T>): Unsubscribe {
    // Not spread: most events have one listener, and a spread array has room for sixteen more.
    if (!this.#listeners.includes(listener)) this.#listeners = this.#listeners.concat([listener]);
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  emit(value: T): void {
    for (const listener of this.#listeners) listener(value);
  }

  get listenerCount(): number {
    return this.#listeners.length;
  }
}
