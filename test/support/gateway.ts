import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { Document, isSeq, visit } from 'yaml';
import { freePort } from './ports.ts';
import { cliPath, projectRoot } from './project.ts';

/** A configuration file as an object. */
export type ConfigObject = { overlay: Record<string, unknown> } & Record<string, unknown>;

export interface TestUser {
  aor: string;
  password: string;
}

export const aliceAndBob: readonly TestUser[] = [
  { aor: 'alice@example.org', password: 'secret' },
  { aor: 'bob@example.org', password: 'secret' },
];

/** One spawned `p2psip run`: the real command line, as an operator starts it. */
export class GatewayProcess {
  readonly nodeId: string;
  readonly overlay: string;
  /** As in the ready line. */
  readonly sipUris: readonly string[];
  readonly adminUrl: string;
  /** Its files: `gateway.yaml`, `users.yaml`, `data/`. */
  readonly directory: string;
  readonly #child: ChildProcess;
  readonly #output: { stdout: string; stderr: string };

  constructor(child: ChildProcess, directory: string, output: { stdout: string; stderr: string }) {
    this.#child = child;
    this.#output = output;
    this.directory = directory;
    const line = /^ready node=([0-9a-f]{32}) overlay=(\S+) sip=(\S*) admin=(\S*)$/m.exec(output.stdout);
    if (line === null) throw new Error(`not a ready line: ${output.stdout}`);
    const [, nodeId = '', overlay = '', sip = '', admin = ''] = line;
    this.nodeId = nodeId;
    this.overlay = overlay;
    this.sipUris = sip === '' ? [] : sip.split(',');
    this.adminUrl = admin;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The port of the first SIP listener of that transport. */
  sipPort(transport: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss' = 'udp'): number {
    const [scheme, param] = transport === 'wss' ? ['sips:', 'ws'] : ['sip:', transport];
    const uri =
      this.sipUris.find((one) => one.startsWith(scheme) && one.endsWith(`;transport=${param}`)) ??
      this.sipUris[0];
    const port = /:(\d+)(?:;|$)/.exec(uri ?? '')?.[1];
    if (port === undefined) throw new Error(`no ${transport} port in ${this.sipUris.join(',')}`);
    return Number(port);
  }

  get stderr(): string {
    return this.#output.stderr;
  }

  /** GET on the admin interface. */
  async admin<T>(resource: string): Promise<T> {
    const answer = await fetch(this.adminUrl + resource, { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`${resource}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  async metrics(): Promise<string> {
    const answer = await fetch(`${this.adminUrl}/metrics`, { signal: AbortSignal.timeout(10_000) });
    return answer.text();
  }

  /** SIGTERM; gives the exit code, null when it had to be killed after 10 s. */
  stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  kill9(): Promise<number | null> {
    return this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill(signal);
      const limit = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exited;
      clearTimeout(limit);
    }
    return child.exitCode;
  }
}

export interface StartOptions {
  /** Of the users file; `none` where an enrollment server has them. */
  users?: readonly TestUser[] | 'none';
  /** Where its files go; a fresh temporary directory when left out. Give the one of an earlier run to restart it. */
  directory?: string;
  timeoutMs?: number;
  /** Beside that of the tests. */
  env?: Record<string, string>;
  /** For Node itself. */
  nodeArguments?: readonly string[];
}

/** The configuration may ask for free ports; it is built anew when one of them was taken meanwhile. */
export type ConfigBuilder = (port: () => Promise<number>) => ConfigObject | Promise<ConfigObject>;

/** A test, or whatever else ends. */
export type Ending = Pick<ExecutionContext, 'teardown'>;

/**
 * Starts a gateway and waits for its ready line. It is killed when the test ends.
 * @throws Error with all it wrote when it ends or is not ready in time (15 s)
 */
export async function startGateway(
  t: Ending,
  config: ConfigObject | ConfigBuilder,
  options: StartOptions = {},
): Promise<GatewayProcess> {
  const directory = options.directory ?? mkdtempSync(path.join(tmpdir(), 'p2psip-test-'));
  if (options.directory === undefined) {
    t.teardown(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  }
  for (let attempt = 1; ; attempt++) {
    const built = typeof config === 'function' ? await config(freePort) : config;
    const file = writeConfig(directory, built, options.users ?? aliceAndBob);
    try {
      return await spawnGateway(t, file, directory, options);
    } catch (error) {
      if (attempt === 3 || typeof config !== 'function' || !/in use/.test(String(error))) throw error;
    }
  }
}

function writeConfig(directory: string, config: ConfigObject, users: readonly TestUser[] | 'none'): string {
  const file = path.join(directory, 'gateway.yaml');
  if (users !== 'none') writeFileSync(path.join(directory, 'users.yaml'), JSON.stringify({ users }));
  const document = new Document({
    ...config,
    ...(users !== 'none' && { users: './users.yaml' }),
    admin: config.admin ?? 'http://127.0.0.1:0',
    data: config.data ?? './data',
  });
  visit(document, {
    Seq(_, list) {
      if (isSeq(list)) list.flow = true;
    },
  });
  writeFileSync(file, document.toString({ lineWidth: 0 }));
  return file;
}

async function spawnGateway(
  t: Ending,
  file: string,
  directory: string,
  { timeoutMs = 15_000, env, nodeArguments = [] }: StartOptions,
): Promise<GatewayProcess> {
  // As operators start it, V8 flags of its first line included, unless other ones are asked for.
  const [program, ...before] =
    nodeArguments.length > 0 ? [process.execPath, ...nodeArguments, cliPath] : [cliPath];
  const child = spawn(program, [...before, 'run', '-c', file], {
    cwd: projectRoot,
    ...(env && { env: { ...process.env, ...env } }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  await new Promise<void>((resolve, reject) => {
    const give = (reason: string) => {
      clearTimeout(limit);
      child.kill('SIGKILL');
      reject(new Error(`${reason}\n${output.stdout}${output.stderr}`));
    };
    const limit = setTimeout(() => give(`not ready within ${timeoutMs} ms`), timeoutMs);
    child.on('error', (error) => give(String(error)));
    child.on('close', (code) => give(`ended with ${code} before it was ready`));
    child.stdout.on('data', (chunk) => {
      output.stdout += chunk;
      if (!/^ready .*$/m.test(output.stdout)) return;
      clearTimeout(limit);
      resolve();
    });
  });
  return new GatewayProcess(child, directory, output);
}
