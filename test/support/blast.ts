import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Where floods come from, so that they are another source than whoever is to be served meanwhile. */
const BLASTER = '127.0.0.9';

/**
 * Floods a server on 127.0.0.1 with INVITEs to a user, and reads no answer.
 * @returns how many were sent, when the time is over
 */
export async function blast(options: {
  port: number;
  user: string;
  perSecond: number;
  seconds: number;
}): Promise<number> {
  const program = fileURLToPath(new URL('./blaster.js', import.meta.url));
  const { port, user, perSecond, seconds } = options;
  const args = [program, BLASTER, String(port), user, String(perSecond), String(seconds)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await once(child, 'close');
  return Number(text);
}
