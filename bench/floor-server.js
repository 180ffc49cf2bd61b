import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort } from './ports.js';
import { prefer } from './priority.js';

/** Those of a peer, see the first line of bin/p2psip.js. */
const V8_FLAGS = ['--initial-old-space-size=256', '--max-semi-space-size=32'];
const running = new Set();

/** Starts the bare relay of floor.js. */
export function startFloor() {
  return start('floor.js');
}

/** Starts layer-server.js with the layers up to this one. */
export function startLayers(topmost) {
  return start('layer-server.js', { nodeArguments: V8_FLAGS, more: [topmost] });
}

async function start(file, { nodeArguments = [], more = [] } = {}) {
  const program = fileURLToPath(new URL(file, import.meta.url));
  const port = await freePort();
  const child = spawn(process.execPath, [...nodeArguments, program, String(port), ...more], {
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
