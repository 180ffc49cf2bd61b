import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './ports.js';
import { prefer } from './priority.js';

const ownTree = fileURLToPath(new URL('..', import.meta.url));
const running = new Set();

/**
 * Spawns one gateway by its command line.
 * @param config object written as its configuration file
 * @param options `users`: names with password "secret"; `nodeArguments`; `tree`: the working tree, if it is another one
 */
export async function startGateway(config, { users = [], nodeArguments = [], tree = ownTree } = {}) {
  const cli = path.resolve(tree, 'bin', 'p2psip.js');
  const directory = mkdtempSync(path.join(tmpdir(), 'p2psip-bench-'));
  const file = path.join(directory, 'gateway.yaml');
  const accounts = users.map((user) => ({
    aor: `${user}@example.org`,
    password: 'secret',
  }));
  writeFileSync(path.join(directory, 'users.yaml'), JSON.stringify({ users: accounts }));
  const complete = {
    users: './users.yaml',
    admin: 'http://127.0.0.1:0',
    data: './data',
    log: { level: 'warn' },
    ...config,
  };
  writeFileSync(file, JSON.stringify(complete));
  // As operators start it, V8 flags of its first line included, unless other ones are asked for.
  const [program, ...before] = nodeArguments.length > 0 ? [process.execPath, ...nodeArguments, cli] : [cli];
  const child = spawn(program, [...before, 'run', '-c', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  prefer(child);
  const gateway = { child, directory, pid: child.pid, pids: [child.pid], log: '' };
  running.add(gateway);
  child.stderr.on('data', (chunk) => {
    gateway.log = (gateway.log + chunk).slice(-20_000);
  });
  const ready = await new Promise((resolve, reject) => {
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      const line = /^ready node=(\S+) overlay=\S+ sip=(\S*) admin=(\S*)$/m.exec(stdout);
      if (line) resolve(line);
    });
    child.on('exit', (code) => reject(new Error(`the gateway ended with ${code}:\n${gateway.log}`)));
    setTimeout(() => reject(new Error(`the gateway was not ready in 30 s:\n${gateway.log}`)), 30_000).unref();
  });
  gateway.nodeId = ready[1];
  gateway.sip = /127\.0\.0\.1:\d+/.exec(ready[2])?.[0];
  gateway.admin = ready[3];
  return gateway;
}

export async function stopGateway(gateway) {
  running.delete(gateway);
  if (gateway.child.exitCode === null && gateway.child.signalCode === null) {
    const exited = once(gateway.child, 'exit');
    gateway.child.kill('SIGTERM');
    const limit = setTimeout(() => gateway.child.kill('SIGKILL'), 10_000);
    await exited;
    clearTimeout(limit);
  }
  rmSync(gateway.directory, { recursive: true, force: true });
}

/** For the end of the program, however it comes. */
export function killGateways() {
  for (const { child, directory } of running) {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

const sipSection = (mode) =>
  mode === 'off'
    ? { mode }
    : {
        mode,
        auth: 'none',
        listen: ['udp://127.0.0.1:0'],
        domains: ['example.org'],
        allow: ['127.0.0.0/8'],
      };

/** One gateway alone in its overlay. */
export async function startAlone({
  mode = 'proxy',
  auth = 'none',
  data = './data',
  key = 'ec',
  ...options
} = {}) {
  const overlay = {
    name: 'example.org',
    first: true,
    key,
    listen: [`tls://127.0.0.1:${await freePort()}`],
  };
  return startGateway({ overlay, data, sip: { ...sipSection(mode), auth } }, options);
}

/** Peers in one overlay, one process each; resolves when all see a ring of that size. */
export async function startOverlay(modes, { key = 'ec' } = {}) {
  const first = await freePort();
  const peers = [];
  for (const [index, mode] of modes.entries()) {
    const link = index ? await freePort() : first;
    const overlay = { name: 'example.org', key, listen: [`tls://127.0.0.1:${link}`] };
    if (index === 0) overlay.first = true;
    else overlay.bootstrap = [`tls://127.0.0.1:${first}`];
    const peer = await startGateway({ overlay, sip: sipSection(mode) });
    peer.link = link;
    peers.push(peer);
  }
  const order = peers.map(({ nodeId }) => nodeId).sort();
  for (let attempt = 0; ; attempt++) {
    const rings = await Promise.all(peers.map(async ({ admin }) => (await fetch(`${admin}/ring`)).json()));
    const next = (id) => order[(order.indexOf(id) + 1) % order.length];
    if (rings.every(({ node, successors }) => successors[0] === next(node))) return peers;
    if (attempt === 100) throw new Error('the overlay does not settle');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
