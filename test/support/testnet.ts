import { type ChildProcess, spawn } from 'node:child_process';
import type { ExecutionContext } from 'ava';
import { cliPath, projectRoot } from './project.ts';
import { eventually } from './wait.ts';

/** What `p2psip testnet --json` prints. */
export interface TestnetTable {
  ms: number;
  peers: { node: string; sip: string[]; admin: string; successor: string }[];
}

/** Runs `p2psip testnet …` until its table stands; killed when the test ends. */
export async function startTestnet(
  t: ExecutionContext,
  ...options: string[]
): Promise<[TestnetTable, ChildProcess]> {
  const child = spawn(process.execPath, [cliPath, 'testnet', '--json', ...options], {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  await eventually('the table of the testnet', 40_000, () => {
    if (child.exitCode !== null) throw new Error(stderr);
    return stdout.includes('\n');
  });
  return [JSON.parse(stdout) as TestnetTable, child];
}

/** The UDP port of a gateway of the testnet. */
export function udpPort(peer: TestnetTable['peers'][number] | undefined): number {
  const uri = peer?.sip.find((one) => /transport=udp/i.test(one)) ?? '';
  return Number(/:(\d+)(?:;|$)/.exec(uri)?.[1]);
}

/** Does `one` for all, `size` at a time. */
export async function inGroups<T>(
  all: readonly T[],
  size: number,
  one: (item: T) => Promise<void>,
): Promise<void> {
  for (let i = 0; i < all.length; i += size) await Promise.all(all.slice(i, i + size).map(one));
}
