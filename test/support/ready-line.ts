import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';

export interface ReadyProgram {
  /** Its first line on stdout. */
  readonly line: string;
  /** SIGTERM; gives the exit code. */
  stop(): Promise<number | null>;
}

/** Starts a program that says with a line of `ready` that it stands; killed when the test ends. */
export async function spawnReady(
  t: ExecutionContext,
  command: string,
  args: readonly string[],
  { cwd, timeoutMs = 20_000 }: { readonly cwd: string; readonly timeoutMs?: number },
): Promise<ReadyProgram> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  let output = '';
  const line = await new Promise<string>((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`not ready in ${timeoutMs} ms: ${output}`)), timeoutMs);
    const look = (chunk: unknown) => {
      output += String(chunk);
      const found = /^ready .*$/m.exec(output)?.[0];
      if (found === undefined) return;
      clearTimeout(limit);
      resolve(found);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.on('error', reject);
    child.on('close', (code) => reject(new Error(`ended with ${code}: ${output}`)));
  });
  const stop = async () => {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
    return child.exitCode;
  };
  return { line, stop };
}
