import { type Clock, CodedError } from '../../base/index.ts';

/** Runs `work` on each item, `concurrency` at a time, taking items as it goes. Rejects with the first error. */
export async function forEachConcurrently<T>(
  items: Iterable<T>,
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let item = iterator.next(); !item.done; item = iterator.next()) await work(item.value);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

/**
 * Gives `work` a signal that is aborted after `delayMs`, or with the outer signal.
 * @throws what `work` throws; CodedError 'timeout' is the signal's reason
 */
export async function withDeadline<T>(
  clock: Clock,
  delayMs: number,
  work: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> {
  const deadline = new AbortController();
  // Not AbortSignal.any: an outer signal that lives as long as the node would remember each of these.
  const onOuter = (): void => deadline.abort(outer?.reason);
  if (outer?.aborted) onOuter();
  outer?.addEventListener('abort', onOuter, { once: true });
  const timer = clock.setTimer(delayMs, () =>
    deadline.abort(new CodedError('timeout', `not done within ${delayMs} ms`)),
  );
  try {
    return await work(deadline.signal);
  } finally {
    timer.close();
    outer?.removeEventListener('abort', onOuter);
  }
}
