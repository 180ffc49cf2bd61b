/** A running timer. Node's own `Timeout` satisfies it, so the system clock allocates nothing extra. */
export interface Timer {
  close(): unknown;
}

/** The only source of time below `gateway`: protocol code never calls `Date.now` or `setTimeout` itself. */
export interface Clock {
  /** Wall clock, ms since the Unix epoch. */
  now(): number;
  /** Monotonic clock, ms with a fractional part; for measuring durations. */
  monotonic(): number;
  /** Calls `callback` once after `delayMs`; `close()` on the result stops it. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Calls `callback` when the event loop has handed over all that it found ready at its last look. */
  afterTurn(callback: () => void): void;
}

/**
 * Resolves after `delayMs` on the given clock.
 * @throws the signal's reason when it is aborted first.
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.close();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * Settles as `promise` does, or rejects with `onTimeout()` once `delayMs` have passed on the given clock.
 */
export function withTimeout<T>(
  clock: Clock,
  delayMs: number,
  promise: Promise<T>,
  onTimeout: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(delayMs, () => reject(onTimeout()));
    promise.then(
      (value) => {
        timer.close();
        resolve(value);
      },
      (error) => {
        timer.close();
        reject(error);
      },
    );
  });
}
