import test, { type ExecutionContext } from 'ava';

/**
 * A behaviour of the running edge as a test of its own; docs/behaviours.md lists them by their titles. What a phone
 * expects is asserted by that alone.
 * @param title `RFC 3261 §10.3 step 7: what the edge does`
 */
export function behaviour(title: string, run: (t: ExecutionContext) => Promise<void>): void {
  test(title, async (t) => {
    await run(t);
    t.pass();
  });
}
