import { type Clock, CodedError, type EventSource } from '../../base/index.ts';

/**
 * Resolves once the predicate holds; it is asked at once and after each event.
 * @throws CodedError 'timeout' after `timeoutMs`; the signal's reason when it is aborted first
 */
export function waitUntil(
  clock: Clock,
  changed: EventSource<unknown>,
  predicate: () => boolean,
  options: { readonly timeoutMs: number; readonly what: string; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { timeoutMs, what, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    if (predicate()) return resolve();
    const end = (): void => {
      timer.close();
      unsubscribe();
      signal?.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      end();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(timeoutMs, () => {
      end();
      reject(new CodedError('timeout', `${what}: nothing within ${timeoutMs} ms`));
    });
    const unsubscribe = changed.on(() => {
      if (!predicate()) return;
      end();
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
