import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { freePort } from './ports.ts';
import { type Finished, run } from './process.ts';
import { cliPath } from './project.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** An overlay that the command line made, and its enrollment server, as an operator runs them. */
export interface TestOverlay {
  /** DIR of `overlay create`. */
  readonly directory: string;
  /** `https://127.0.0.1:PORT/`, and the same with its pin. */
  readonly url: string;
  readonly pinnedUrl: string;
  /** Runs `p2psip ARGS --dir DIR`. */
  command(args: readonly string[], input?: string): Promise<Finished>;
  addUser(aor: string, password: string, ...flags: string[]): Promise<void>;
  /** What the server wrote to stderr. */
  readonly log: () => string;
  stopServer(): Promise<number | null>;
}

/** Makes an overlay and serves it until the test ends. */
export async function startOverlay(
  t: ExecutionContext,
  { name, create = [] }: { readonly name: string; readonly create?: readonly string[] },
): Promise<TestOverlay> {
  const directory = path.join(temporaryDirectory('authority'), 'overlay');
  const port = await freePort();
  const url = `https://127.0.0.1:${port}/`;
  const command = (args: readonly string[], input?: string) =>
    run(process.execPath, [cliPath, ...args, '--dir', directory], {
      timeoutMs: 30_000,
      ...(input !== undefined && { input }),
    });
  const expectDone = async (args: readonly string[], input?: string) => {
    const { code, stderr, stdout } = await command(args, input);
    if (code !== 0) throw new Error(`p2psip ${args.join(' ')}: exit ${code}: ${stderr}`);
    return stdout;
  };
  await expectDone(['overlay', 'create', name, '--enrollment', url, ...create]);
  const listen = `https://127.0.0.1:${port}`;
  const server = spawn(process.execPath, [
    ...[cliPath, 'enrollment', 'serve', '--dir', directory, '--listen', listen],
  ]);
  t.teardown(() => server.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  server.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  const ready = new Promise<string>((resolve, reject) => {
    server.stdout.on('data', (chunk) => {
      output.stdout += chunk;
      const line = /^ready enrollment=(\S+) overlay=\S+ sequence=\d+ listen=\S+$/m.exec(output.stdout);
      if (line !== null) resolve(line[1]!);
    });
    server.once('exit', (code) => reject(new Error(`enrollment serve: exit ${code}: ${output.stderr}`)));
  });
  return {
    directory,
    url,
    pinnedUrl: await ready,
    command,
    addUser: async (aor, password, ...flags) => {
      await expectDone(['user', 'add', aor, '--password-stdin', ...flags], password);
    },
    log: () => output.stderr,
    stopServer: async () => {
      const exited = once(server, 'exit');
      server.kill('SIGTERM');
      await exited;
      return server.exitCode;
    },
  };
}
