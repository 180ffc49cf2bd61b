import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { splitPin } from '../../src/base/index.ts';
import { AccountFiles } from '../../src/gateway/enrollment/account-files.ts';
import { loadIdentity } from '../../src/gateway/persistence/identity-files.ts';
import { HttpsClient, systemRandom } from '../../src/net/index.ts';
import { HttpsRegistrationExchange } from '../../src/p2psip/enrollment/registration-exchange.ts';
import { EnrolledIdentity } from '../../src/reload/security/enrolled-identity.ts';
import { readIdentityPem } from '../../src/reload/security/identity.ts';
import { type GatewayProcess, startGateway } from './gateway.ts';
import { freePort } from './ports.ts';
import { run } from './process.ts';
import { cliPath, projectRoot } from './project.ts';

const OVERLAY = 'example.org';
const PASSWORD = 'secret';

/** An overlay as an operator makes it, by the command line alone: an authority, its enrollment server, adapter peers. */
export class EnrolledSite {
  readonly #t: ExecutionContext;
  readonly #root = mkdtempSync(path.join(tmpdir(), 'p2psip-site-'));
  readonly #enrollment: string;
  #server: ChildProcess | undefined;
  #serverLog = '';
  /** With the pin, as peers are given it. */
  #url = '';
  readonly #homes = new Map<string, { readonly directory: string; readonly link: number }>();
  #first: number | undefined;

  private constructor(t: ExecutionContext, port: number) {
    this.#t = t;
    this.#enrollment = `https://127.0.0.1:${port}`;
    t.teardown(() => {
      this.#server?.kill('SIGKILL');
      rmSync(this.#root, { recursive: true, force: true, maxRetries: 5 });
    });
  }

  /** Creates the overlay, with accounts for these users, and starts the enrollment server. */
  static async create(t: ExecutionContext, users: readonly string[]): Promise<EnrolledSite> {
    const site = new EnrolledSite(t, await freePort());
    await site.#cli(['overlay', 'create', OVERLAY, '--enrollment', site.#enrollment]);
    for (const user of users) await site.addUser(user);
    await site.startServer();
    return site;
  }

  /** What the enrollment server has logged. */
  get serverLog(): string {
    return this.#serverLog;
  }

  async addUser(user: string, ...flags: string[]): Promise<void> {
    await this.#cli(['user', 'add', `${user}@${OVERLAY}`, '--password-stdin', ...flags], `${PASSWORD}\n`);
  }

  /** Many at once: the account files are written by what the command line uses, without a process for each. */
  async addUsers(users: readonly string[]): Promise<void> {
    const places = {
      accounts: path.join(this.#directory, 'accounts'),
      nodes: path.join(this.#directory, 'nodes'),
    };
    const accounts = new AccountFiles({ random: systemRandom }, { ...places, overlay: OVERLAY });
    for (const user of users) await accounts.add(`${user}@${OVERLAY}`, PASSWORD);
  }

  async removeUser(user: string): Promise<void> {
    await this.#cli(['user', 'remove', `${user}@${OVERLAY}`]);
  }

  async startServer(): Promise<void> {
    const child = spawn(
      process.execPath,
      [cliPath, 'enrollment', 'serve', '--dir', this.#directory, '--listen', this.#enrollment],
      { cwd: projectRoot, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#server = child;
    child.stderr.on('data', (chunk) => {
      this.#serverLog += chunk;
    });
    const ready = await new Promise<string>((resolve, reject) => {
      let output = '';
      child.stdout.on('data', (chunk) => {
        output += chunk;
        if (output.includes('\n')) resolve(output);
      });
      child.once('exit', (code) => reject(new Error(`enrollment serve: exit ${code}: ${this.#serverLog}`)));
    });
    this.#url = /enrollment=(\S+)/.exec(ready)?.[1] ?? '';
  }

  async stopServer(): Promise<void> {
    const child = this.#server;
    if (child === undefined) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
    this.#server = undefined;
  }

  /** Starts a peer by its account, which is created at its first start; the first one starts the ring. */
  async startPeer(name: string, options: { adapter?: boolean } = {}): Promise<GatewayProcess> {
    const { directory, link } = this.#homes.get(name) ?? (await this.#newHome(name, options.adapter ?? true));
    this.#first ??= link;
    const peer = await startGateway(
      this.#t,
      {
        overlay: {
          name: OVERLAY,
          document: this.#url,
          enroll: { username: `${name}@${OVERLAY}`, 'password-file': './password' },
          listen: [`tls://127.0.0.1:${link}`],
          ...(link === this.#first ? { first: true } : { bootstrap: [`tls://127.0.0.1:${this.#first}`] }),
        },
        sip: { mode: 'proxy', domains: [OVERLAY], listen: ['udp://127.0.0.1:0'] },
      },
      { directory, users: 'none' },
    );
    return peer;
  }

  /** The enrollment server as the program of that peer could speak with it, if it were a bad one. */
  exchangeAs(peer: GatewayProcess): { exchange: HttpsRegistrationExchange; close: () => void } {
    const pem = loadIdentity(path.join(peer.directory, 'data'));
    const { privateKey, certificate } = readIdentityPem(pem!);
    const { tls } = new EnrolledIdentity(privateKey, certificate);
    const { url, pin } = splitPin(this.#url)!;
    const http = new HttpsClient();
    const servers = () => [{ url, tls: { pin: pin! } }];
    const exchange = new HttpsRegistrationExchange({ http, identity: () => tls, servers });
    return { exchange, close: () => http.close() };
  }

  async #newHome(name: string, adapter: boolean) {
    await this.addUser(name, ...(adapter ? ['--adapter'] : []));
    const directory = mkdtempSync(path.join(this.#root, `${name}-`));
    writeFileSync(path.join(directory, 'password'), `${PASSWORD}\n`, { mode: 0o600 });
    const home = { directory, link: await freePort() };
    this.#homes.set(name, home);
    return home;
  }

  get #directory(): string {
    return path.join(this.#root, 'authority');
  }

  async #cli(args: readonly string[], input = ''): Promise<void> {
    const all = [cliPath, ...args, '--dir', this.#directory];
    const { code, stderr } = await run(process.execPath, all, { input, timeoutMs: 30_000 });
    if (code !== 0) throw new Error(`p2psip ${args.join(' ')}: exit ${code}: ${stderr}`);
  }
}
