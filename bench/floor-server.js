import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort } from './ports.js';
import { prefer } from './priority.js';

const program = fileURLToPath(new URL('floor.js', import.meta.url));
const running = new Set();

/** Starts the bare relay of floor.js. */
export async function startFloor() {
  const port = await freePort();
  const child = spawn(process.execPath, [program, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  running.add(child);
  prefer(child);
  await once(child.stdout, 'data');
  return { child, pids: [child.pid], sip: `127.0.0.1:${port}` };
}

export async function stopFloor({ child }) {
  running.delete(child);
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** For the end of the program, however it comes. */
export function killFloors() {
  for (const child of running) child.kill('SIGKILL');
}
