import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './ports.js';
import { prefer } from './priority.js';

const config = fileURLToPath(new URL('kamailio/kamailio.cfg', import.meta.url));
const program = ['/usr/sbin/kamailio', '/usr/local/sbin/kamailio', '/usr/bin/kamailio'].find((file) =>
  existsSync(file),
);
const running = new Set();

export const kamailioInstalled = program !== undefined;

/** Debian keeps the modules under the machine's triplet. */
function moduleDirectory() {
  const roots = readdirSync('/usr/lib').map((name) => `/usr/lib/${name}/kamailio/modules/`);
  return [...roots, '/usr/lib/kamailio/modules/', '/usr/local/lib64/kamailio/modules/'].find((one) =>
    existsSync(one),
  );
}

/** Starts a minimal Kamailio on loopback. @param defines of WITH_AUTH, WITH_REDIRECT */
export async function startKamailio(...defines) {
  const directory = mkdtempSync(path.join(tmpdir(), 'p2psip-kamailio-'));
  const port = await freePort();
  const child = spawn(
    program,
    [
      ...['-DD', '-E', '-e', '-f', config, '-L', moduleDirectory(), '-l', `udp:127.0.0.1:${port}`],
      ...defines.flatMap((define) => ['-A', define]),
      ...['-m', '512', '-M', '16', '-b', '4194304', '-Y', directory, '-P', path.join(directory, 'pid')],
    ],
    { stdio: 'ignore', detached: true },
  );
  prefer(child);
  const kamailio = {
    child,
    directory,
    pids: [child.pid],
    sip: `127.0.0.1:${port}`,
  };
  running.add(kamailio);
  await new Promise((resolve) => setTimeout(resolve, 1500)); // it tells nobody when it is ready
  if (child.exitCode !== null) throw new Error(`Kamailio ended with ${child.exitCode}`);
  return kamailio;
}

export async function stopKamailio(kamailio) {
  running.delete(kamailio);
  const exited = once(kamailio.child, 'exit');
  kamailio.child.kill('SIGTERM');
  await exited;
  rmSync(kamailio.directory, { recursive: true, force: true });
}

export function killKamailios() {
  for (const { child, directory } of running) {
    child.kill('SIGTERM');
    rmSync(directory, { recursive: true, force: true });
  }
}
