import { createHash } from 'node:crypto';
import { realpathSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DataError } from './errors.ts';

/** sun_path holds 108 bytes with the closing zero on Linux, 104 on BSD and macOS. */
const MAX_SOCKET_PATH = 100;
/** Longer than another process needs from "nobody answers" to taking over the socket of a dead holder. */
const SETTLE_MS = 50;

/**
 * Keeps a data directory to one process. The lock is a listening Unix socket: the kernel lets go of it whatever way
 * the process ends, no process number can be mistaken for another, and it holds between containers that share the
 * directory. Whoever connects is told the holder's process number.
 */
export class DirectoryLock {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @throws DataError 'data-in-use' */
  static async acquire(directory: string): Promise<DirectoryLock> {
    const path = socketPath(directory);
    const server = await listen(path);
    if (server !== undefined) return new DirectoryLock(server);
    const holder = await askHolder(path);
    if (holder !== undefined) throw inUse(directory, holder);
    // Left behind by a process that was killed. Two processes may come here at once: the later one replaces the
    // socket of the earlier, so each looks again whose answer it gets.
    rmSync(path, { force: true });
    const second = await listen(path);
    if (second === undefined) throw inUse(directory, await askHolder(path));
    await delay(SETTLE_MS);
    const now = await askHolder(path);
    if (now === String(process.pid)) return new DirectoryLock(second);
    second.close();
    throw inUse(directory, now);
  }

  /** Closing the socket takes its file away too. */
  async release(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function inUse(directory: string, holder: string | undefined): DataError {
  const who = holder === undefined ? 'another process' : `process ${holder}`;
  const mend = 'stop it, or give this peer a directory of its own';
  return new DataError('data-in-use', `${directory} is in use by ${who}`, mend);
}

function socketPath(directory: string): string {
  const path = join(directory, 'lock');
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return path;
  const name = createHash('sha256').update(realpathSync(directory)).digest('hex').slice(0, 24);
  return join(tmpdir(), `p2psip-${name}.lock`);
}

/** Undefined when the socket is there already. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.on('error', () => {}).end(String(process.pid)));
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else
        reject(
          new DataError('data-unusable', `cannot lock ${path} (${error.message})`, 'check its permissions'),
        );
    });
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** What the holder says of itself; undefined when nobody listens. */
function askHolder(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(path);
    socket.setEncoding('latin1').setTimeout(1000, () => socket.destroy());
    socket.on('data', (text: string) => {
      answer += text;
    });
    socket.on('error', () => resolve(undefined));
    socket.on('close', () => resolve(/^\d{1,10}$/.test(answer) ? answer : 'unknown'));
  });
}
