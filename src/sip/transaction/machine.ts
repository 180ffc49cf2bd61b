/** What an event leads to in some state. */
export interface Transition<State, Action> {
  readonly to: State;
  readonly actions: readonly Action[];
}

/**
 * A state machine as data: for each state the events that mean something in it. Events that are not listed are
 * legal and without effect. What the actions do stands apart, in the transaction classes.
 */
export type Machine<State extends string, Event extends string, Action extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Event, Transition<State, Action>>>>>
>;

/** For the `default` of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${value}`);
}
