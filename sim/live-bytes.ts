import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** heapUsed + external once all garbage is gone, bytes. */
export async function liveBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collect();
    // Array buffers are freed behind.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
