import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { freePort } from './ports.ts';
import { run } from './process.ts';
import { projectRoot } from './project.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const RING_MS = 30;
const STARTING_MS = 700;

export interface LoadResult {
  readonly ok: number;
  readonly failed: number;
  readonly retransmissions: number;
}

/** Callers and callees of SIPp, with the scenarios of the benchmark; they end with the test. */
export class SippLoad {
  readonly #server: string;
  readonly #users: readonly string[];
  readonly #directory = temporaryDirectory('sipp-load');
  #calleesPort = 0;
  #runs = 0;

  /** @param options.server `host:port` */
  private constructor({ server, users }: { server: string; users: readonly string[] }) {
    this.#server = server;
    this.#users = users;
  }

  /** Starts the callees, who answer after 30 ms of ringing, and registers them. */
  static async start(
    t: ExecutionContext,
    options: { server: string; users: readonly string[] },
  ): Promise<SippLoad> {
    const load = new SippLoad(options);
    await load.#startCallees(t);
    const { failed } = await load.#run('register', { perSecond: 100, count: options.users.length });
    if (failed > 0) throw new Error(`${failed} callees could not be registered`);
    return load;
  }

  /** Calls to all users in turn, each hung up at once; resolves when the last one is over. */
  calls(perSecond: number, seconds: number): Promise<LoadResult> {
    return this.#run('uac', { perSecond, count: Math.round(perSecond * seconds) });
  }

  async #startCallees(t: ExecutionContext): Promise<void> {
    this.#calleesPort = await freePort();
    const args = ['-sf', scenario('uas'), ...common(this.#calleesPort), '-d', String(RING_MS), '-l', '50000'];
    const child: ChildProcess = spawn('sipp', args, { cwd: this.#directory, stdio: 'ignore' });
    t.teardown(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    });
    await sleep(STARTING_MS);
    if (child.exitCode !== null) throw new Error('the callees did not start');
  }

  async #run(name: string, { perSecond, count }: { perSecond: number; count: number }): Promise<LoadResult> {
    const directory = path.join(this.#directory, `run${++this.#runs}`);
    mkdirSync(directory);
    const rows = this.#users.map((user) => `${user};;`);
    writeFileSync(path.join(directory, 'users.csv'), `SEQUENTIAL\n${rows.join('\n')}\n`);
    const keys = { dom: 'example.org', uas: `127.0.0.1:${this.#calleesPort}`, exp: '3600', caller: 'caller' };
    const seconds = Math.ceil(count / perSecond) + 45;
    const args = [
      ...[this.#server, '-sf', scenario(name), '-inf', 'users.csv', ...common(await freePort())],
      ...['-r', String(perSecond), '-rp', '1000', '-m', String(count), '-l', String(perSecond * 20 + 200)],
      ...Object.entries(keys).flatMap(([key, value]) => ['-key', key, value]),
      ...['-d', '0', '-timeout', `${seconds}s`, '-recv_timeout', '15000'],
      ...['-trace_stat', '-stf', 'stat.csv', '-fd', '1'],
    ];
    await run('sipp', args, { cwd: directory, timeoutMs: (seconds + 30) * 1000 });
    const totals = lastRow(path.join(directory, 'stat.csv'));
    const ok = totals.get('SuccessfulCall(C)') ?? 0;
    return { ok, failed: count - ok, retransmissions: totals.get('Retransmissions(C)') ?? 0 };
  }
}

function common(port: number): string[] {
  return ['-i', '127.0.0.1', '-p', String(port), '-t', 'u1', '-nostdin', '-buff_size', '4194304'];
}

function scenario(name: string): string {
  return path.join(projectRoot, 'bench', 'sipp', `${name}.xml`);
}

function lastRow(file: string): ReadonlyMap<string, number> {
  const [names = '', ...rows] = readFileSync(file, 'utf8').trim().split('\n');
  const values = rows.at(-1)?.split(';') ?? [];
  return new Map(names.split(';').map((name, i) => [name, Number(values[i])]));
}

/**
 * The highest rate of calls, of those tried, at which 99 % of them succeed, each for five seconds. A rate that does not
 * go well is tried once more: what else the machine does must not end the search early.
 * @returns calls/s; 0 when it is below `from`
 */
export async function bestRate(
  load: SippLoad,
  { from, step }: { from: number; step: number },
): Promise<number> {
  for (let rate = from; ; rate += step) {
    if (!(await goesWell(load, rate)) && !(await goesWell(load, rate))) return rate - step;
  }
}

async function goesWell(load: SippLoad, perSecond: number): Promise<boolean> {
  const { ok, failed } = await load.calls(perSecond, 5);
  return ok >= 0.99 * (ok + failed);
}
