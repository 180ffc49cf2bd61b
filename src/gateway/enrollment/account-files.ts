import { readdirSync, renameSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Random, randomHex, utf8 } from '../../base/index.ts';
import type { Accounts, EnrollmentAccount } from '../../reload/enrollment/accounts.ts';
import { hashPassword } from '../../reload/enrollment/password-hash.ts';
import type { Revocation } from '../../reload/enrollment/revocations.ts';
import { ID_LENGTH, type NodeId } from '../../reload/wire/ids.ts';
import { digestHa1 } from '../../sip/auth/digest.ts';
import { createPrivate, readOptional, writePrivate } from '../persistence/private-files.ts';
import { accountFileName, accountName } from './account-name.ts';
import { AuthorityError, parseJson } from './authority-error.ts';

interface AccountRecord extends Omit<EnrollmentAccount, 'nodeIds'> {
  readonly version: 1;
  /** Tells an account from a later one of the same name. */
  readonly id: string;
  readonly created: string;
}

/** What the enrollment server writes of an account; all else is written by the command line alone. */
interface NodeRecord {
  readonly nodeIds: readonly NodeId[];
  /** ms until which the longest certificate is good. */
  readonly certifiedUntil: number;
}

/** An account as it is listed. */
export interface ListedAccount extends EnrollmentAccount {
  readonly created: string;
}

const NO_NODES: NodeRecord = { nodeIds: [], certifiedUntil: 0 };
const ID_BYTES = 8;
const REMOVED = '.removed';

/**
 * Accounts as files, one each, so that the command line and a running enrollment server can work at the same time without
 * a lock: the former writes `accounts/NAME.json`, the latter `nodes/ID.json`. Every look sees what is on the disk.
 */
export class AccountFiles implements Accounts {
  readonly #random: Random;
  readonly #accounts: string;
  readonly #nodes: string;
  readonly #overlay: string;
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(
    { random }: { readonly random: Random },
    options: { readonly accounts: string; readonly nodes: string; readonly overlay: string },
  ) {
    this.#random = random;
    this.#accounts = options.accounts;
    this.#nodes = options.nodes;
    this.#overlay = options.overlay;
  }

  /** @throws AuthorityError 'account-name' | 'account-exists' */
  async add(text: string, password: string, { adapter = false } = {}): Promise<string> {
    const name = accountName(text, this.#overlay);
    const record: AccountRecord = {
      version: 1,
      id: randomHex(this.#random, ID_BYTES),
      name,
      created: new Date().toISOString(),
      adapter,
      ...(await this.#secrets(name, password)),
    };
    if (createPrivate(this.#file(name), serialised(record))) return name;
    const mend = 'change its password with p2psip user passwd';
    throw new AuthorityError('account-exists', `${name} has an account already; ${mend}`);
  }

  /** @throws AuthorityError 'account-name' | 'account-unknown' */
  async setPassword(text: string, password: string): Promise<string> {
    const secrets = await this.#secrets(this.#require(text).name, password);
    // Hashing takes a while: an account that was removed meanwhile must not come back.
    const record = this.#require(text);
    writePrivate(this.#file(record.name), serialised({ ...record, ...secrets }));
    return record.name;
  }

  /** All accounts by name. */
  list(): ListedAccount[] {
    return readdirSync(this.#accounts)
      .filter((file) => file.endsWith('.json'))
      .sort()
      .flatMap((file) => readAccount(join(this.#accounts, file)) ?? [])
      .map((record) => ({ ...record, nodeIds: this.#nodeRecord(record.id).nodeIds }));
  }

  /**
   * Takes an account away: from now on nobody enrolls with it. What has to be revoked is found again by `removed` until
   * `forget`, also after a crash in between.
   * @throws AuthorityError 'account-name' | 'account-unknown'
   */
  remove(text: string): string {
    const { name, id } = this.#require(text);
    renameSync(this.#file(name), join(this.#accounts, `${id}${REMOVED}`));
    return name;
  }

  /** What was certified to an account. @throws AuthorityError 'account-name' | 'account-unknown' */
  certified(text: string): Revocation {
    const { name, id } = this.#require(text);
    return { userName: name, ...this.#nodeRecord(id) };
  }

  /** What was removed and not yet revoked. */
  removed(): ({ readonly id: string } & Revocation)[] {
    return readdirSync(this.#accounts)
      .filter((file) => file.endsWith(REMOVED))
      .flatMap((file) => readAccount(join(this.#accounts, file)) ?? [])
      .map(({ id, name }) => ({ id, userName: name, ...this.#nodeRecord(id) }));
  }

  /** It is revoked. */
  forget(id: string): void {
    rmSync(this.#nodeFile(id), { force: true });
    rmSync(join(this.#accounts, `${id}${REMOVED}`), { force: true });
  }

  async find(name: string): Promise<EnrollmentAccount | undefined> {
    const record = await this.#read(name);
    return record && { ...record, nodeIds: this.#nodeRecord(record.id).nodeIds };
  }

  nodeIds(account: EnrollmentAccount, count: number): Promise<readonly NodeId[] | undefined> {
    return this.#update(account, ({ nodeIds, certifiedUntil }) => {
      const all = [...nodeIds];
      while (all.length < count) all.push(randomHex(this.#random, ID_LENGTH));
      return { nodeIds: all, certifiedUntil };
    }).then((record) => record?.nodeIds);
  }

  noteCertificate(account: EnrollmentAccount, notAfter: number): Promise<boolean> {
    return this.#update(account, ({ nodeIds, certifiedUntil }) => ({
      nodeIds,
      certifiedUntil: Math.max(certifiedUntil, notAfter),
    })).then((record) => record !== undefined);
  }

  /**
   * One after the other for each account. The account is looked for again behind the writing: `remove` takes it away
   * first and reads the Node-IDs then, so one of the two sees what the other did; so does a revocation, before which the
   * password is changed.
   * @param known with the password that was shown, whose hash no later account of the name has
   */
  async #update(
    known: EnrollmentAccount,
    change: (record: NodeRecord) => NodeRecord,
  ): Promise<NodeRecord | undefined> {
    const { name, password } = known;
    const earlier = this.#queues.get(name);
    const run = async (): Promise<NodeRecord | undefined> => {
      await earlier?.catch(() => {});
      const account = await this.#read(name);
      if (account?.password !== password) return undefined;
      const before = this.#nodeRecord(account.id);
      const after = change(before);
      if (JSON.stringify(after) !== JSON.stringify(before)) {
        writePrivate(this.#nodeFile(account.id), serialised(after));
      }
      return (await this.#read(name))?.password === password ? after : undefined;
    };
    const running = run();
    this.#queues.set(name, running);
    try {
      return await running;
    } finally {
      if (this.#queues.get(name) === running) this.#queues.delete(name);
    }
  }

  #require(text: string): AccountRecord {
    const name = accountName(text, this.#overlay);
    const record = readAccount(this.#file(name));
    if (record !== undefined) return record;
    const mend = 'p2psip user list shows those there are';
    throw new AuthorityError('account-unknown', `${name} has no account; ${mend}`);
  }

  async #secrets(name: string, password: string): Promise<Pick<EnrollmentAccount, 'password' | 'ha1'>> {
    const at = name.lastIndexOf('@');
    const hashes = (username: string) => ({
      md5: digestHa1('MD5', username, this.#overlay, password),
      sha256: digestHa1('SHA-256', username, this.#overlay, password),
    });
    return {
      password: await hashPassword(this.#random, utf8(password)),
      ha1: { user: hashes(name.slice(0, at)), aor: hashes(name) },
    };
  }

  /** Names come from the network: one that cannot be an account's is an unknown one. */
  async #read(name: string): Promise<AccountRecord | undefined> {
    const file = accountFileName(name);
    if (file === undefined) return undefined;
    const path = join(this.#accounts, file);
    try {
      return parseAccount(path, await readFile(path, 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #nodeRecord(id: string): NodeRecord {
    const path = this.#nodeFile(id);
    const text = readOptional(path);
    return text === undefined ? NO_NODES : parseJson<NodeRecord>(path, text);
  }

  #file(name: string): string {
    return join(this.#accounts, accountFileName(name)!);
  }

  #nodeFile(id: string): string {
    return join(this.#nodes, `${id}.json`);
  }
}

function readAccount(path: string): AccountRecord | undefined {
  const text = readOptional(path);
  return text === undefined ? undefined : parseAccount(path, text);
}

function parseAccount(path: string, text: string): AccountRecord {
  const record = parseJson<AccountRecord>(path, text);
  if (record.version === 1 && record.name !== undefined) return record;
  throw new AuthorityError('overlay-damaged', `${path} holds no account; bring it back from a backup`);
}

function serialised(record: AccountRecord | NodeRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}
