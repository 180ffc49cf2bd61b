import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { splitPin } from '../../src/base/index.ts';
import { AccountFiles } from '../../src/gateway/enrollment/account-files.ts';
import { loadIdentity } from '../../src/gateway/persistence/identity-files.ts';
import { HttpsClient, systemRandom } from '../../src/net/index.ts';
import { HttpsRegistrationExchange } from '../../src/p2psip/enrollment/registration-exchange.ts';
import { EnrolledIdentity } from '../../src/reload/security/enrolled-identity.ts';
import { readIdentityPem } from '../../src/reload/security/identity.ts';
import { TestOverlay } from './authority.ts';
import { type GatewayProcess, startGateway } from './gateway.ts';
import { freePort } from './ports.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const OVERLAY = 'example.org';
const PASSWORD = 'secret';

/** An overlay as an operator makes it, by the command line alone: an authority, its enrollment server, adapter peers. */
export class EnrolledSite {
  readonly #t: ExecutionContext;
  readonly #overlay: TestOverlay;
  readonly #homes = new Map<string, { readonly directory: string; readonly link: number }>();
  #first: number | undefined;

  private constructor(t: ExecutionContext, overlay: TestOverlay) {
    this.#t = t;
    this.#overlay = overlay;
  }

  /** Creates the overlay, starts its enrollment server, and makes accounts for these users. */
  static async create(t: ExecutionContext, users: readonly string[]): Promise<EnrolledSite> {
    const site = new EnrolledSite(t, await TestOverlay.start(t, { name: OVERLAY }));
    for (const user of users) await site.addUser(user);
    return site;
  }

  /** What the enrollment server has logged. */
  get serverLog(): string {
    return this.#overlay.log;
  }

  addUser(user: string, ...flags: string[]): Promise<void> {
    return this.#overlay.addUser(`${user}@${OVERLAY}`, `${PASSWORD}\n`, ...flags);
  }

  /** Many at once: the account files are written by what the command line uses, without a process for each. */
  async addUsers(users: readonly string[]): Promise<void> {
    const { directory } = this.#overlay;
    const places = { accounts: path.join(directory, 'accounts'), nodes: path.join(directory, 'nodes') };
    const accounts = new AccountFiles({ random: systemRandom }, { ...places, overlay: OVERLAY });
    for (const user of users) await accounts.add(`${user}@${OVERLAY}`, PASSWORD);
  }

  removeUser(user: string): Promise<void> {
    return this.#overlay.expectDone(['user', 'remove', `${user}@${OVERLAY}`]);
  }

  startServer(): Promise<void> {
    return this.#overlay.startServer();
  }

  async stopServer(): Promise<void> {
    await this.#overlay.stopServer();
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
          document: this.#overlay.pinnedUrl,
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
    const { url, pin } = splitPin(this.#overlay.pinnedUrl)!;
    const http = new HttpsClient();
    const servers = () => [{ url, tls: { pin: pin! } }];
    const exchange = new HttpsRegistrationExchange({ http, identity: () => tls, servers });
    return { exchange, close: () => http.close() };
  }

  async #newHome(name: string, adapter: boolean) {
    await this.addUser(name, ...(adapter ? ['--adapter'] : []));
    const directory = temporaryDirectory(name);
    writeFileSync(path.join(directory, 'password'), `${PASSWORD}\n`, { mode: 0o600 });
    const home = { directory, link: await freePort() };
    this.#homes.set(name, home);
    return home;
  }
}
