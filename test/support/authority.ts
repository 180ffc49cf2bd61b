import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { freePort } from './ports.ts';
import { type Finished, run } from './process.ts';
import { cliPath, projectRoot } from './project.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** An overlay that the command line made, and its enrollment server, as an operator runs them. */
export class TestOverlay {
  /** DIR of `overlay create`. */
  readonly directory = path.join(temporaryDirectory('authority'), 'overlay');
  /** `https://127.0.0.1:PORT/`. */
  readonly url: string;
  /** The same with its pin, as peers are given it. */
  pinnedUrl = '';
  /** What the server wrote to stderr. */
  log = '';
  #server: ChildProcess | undefined;

  private constructor(t: ExecutionContext, port: number) {
    this.url = `https://127.0.0.1:${port}/`;
    t.teardown(() => this.#server?.kill('SIGKILL'));
  }

  /** Makes an overlay and serves it until the test ends. */
  static async start(
    t: ExecutionContext,
    { name, create = [] }: { readonly name: string; readonly create?: readonly string[] },
  ): Promise<TestOverlay> {
    const overlay = new TestOverlay(t, await freePort());
    await overlay.expectDone(['overlay', 'create', name, '--enrollment', overlay.url, ...create]);
    await overlay.startServer();
    return overlay;
  }

  /** Runs `p2psip ARGS --dir DIR`. */
  command(args: readonly string[], input = ''): Promise<Finished> {
    return run(process.execPath, [cliPath, ...args, '--dir', this.directory], { timeoutMs: 30_000, input });
  }

  /** The same. @throws Error unless it exits with 0 */
  async expectDone(args: readonly string[], input?: string): Promise<void> {
    const { code, stderr } = await this.command(args, input);
    if (code !== 0) throw new Error(`p2psip ${args.join(' ')}: exit ${code}: ${stderr}`);
  }

  addUser(aor: string, password: string, ...flags: string[]): Promise<void> {
    return this.expectDone(['user', 'add', aor, '--password-stdin', ...flags], password);
  }

  /** At the same address as before. */
  async startServer(): Promise<void> {
    const listen = new URL(this.url).origin;
    const server = spawn(
      process.execPath,
      [cliPath, 'enrollment', 'serve', '--dir', this.directory, '--listen', listen],
      { cwd: projectRoot, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#server = server;
    server.stderr.on('data', (chunk) => {
      this.log += chunk;
    });
    this.pinnedUrl = await new Promise<string>((resolve, reject) => {
      let output = '';
      server.stdout.on('data', (chunk) => {
        output += chunk;
        const line = /^ready enrollment=(\S+) overlay=\S+ sequence=\d+ listen=\S+$/m.exec(output);
        if (line !== null) resolve(line[1]!);
      });
      server.once('exit', (code) => reject(new Error(`enrollment serve: exit ${code}: ${this.log}`)));
    });
  }

  /** @returns its exit code */
  async stopServer(): Promise<number | null> {
    const server = this.#server;
    if (server === undefined) throw new Error('the server does not run');
    const exited = once(server, 'exit');
    server.kill('SIGTERM');
    await exited;
    this.#server = undefined;
    return server.exitCode;
  }
}
