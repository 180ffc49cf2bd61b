/**
 * Asks again every 20 ms until the probe gives something truthy; used only against other processes, which tell no
 * event.
 * @throws Error naming what was waited for when `timeoutMs` has passed
 */
export async function eventually<T>(
  what: string,
  timeoutMs: number,
  probe: () => T | Promise<T>,
): Promise<NonNullable<T>> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value) return value as NonNullable<T>;
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
