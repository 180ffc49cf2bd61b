import { type DigestAlgorithm, digestHa1 } from './digest.ts';

/** Where passwords or their hashes come from: a users file, or an enrollment server. */
export interface CredentialsStore {
  /**
   * HA1 in lower-case hex for the user of an AoR; undefined when there is no such user, or nothing to compute it from.
   * @param username as he calls himself in the digest, known to mean this AoR: `alice`, `alice@example.org`
   */
  ha1(aor: string, username: string, algorithm: DigestAlgorithm): string | undefined;
}

/** One account: a password, or the hashes of one with the username without domain and the first domain as realm. */
export interface Account {
  readonly aor: string;
  readonly password?: string | undefined;
  readonly ha1?: string | undefined;
  readonly ha1Sha256?: string | undefined;
}

/** An account with the hashes of its password filled in when they are first asked for. */
type KnownAccount = { -readonly [Field in keyof Account]: Account[Field] };

/** Accounts held in memory. */
export class AccountCredentials implements CredentialsStore {
  readonly #realm: string;
  #accounts = new Map<string, KnownAccount>();

  /** @param options.realm the first domain */
  constructor(options: { realm: string; accounts?: Iterable<Account> }) {
    this.#realm = options.realm;
    this.replace(options.accounts ?? []);
  }

  /** Takes these accounts instead of all earlier ones. */
  replace(accounts: Iterable<Account>): void {
    this.#accounts = new Map();
    for (const account of accounts) this.#accounts.set(account.aor, { ...account });
  }

  aors(): string[] {
    return [...this.#accounts.keys()];
  }

  get size(): number {
    return this.#accounts.size;
  }

  has(aor: string): boolean {
    return this.#accounts.has(aor);
  }

  ha1(aor: string, username: string, algorithm: DigestAlgorithm): string | undefined {
    const account = this.#accounts.get(aor);
    if (account === undefined) return undefined;
    const user = aor.slice(0, aor.lastIndexOf('@'));
    const field = algorithm === 'MD5' ? 'ha1' : 'ha1Sha256';
    if (username !== user) {
      // A stored hash holds the plain form of the name; any other needs the password.
      const { password } = account;
      return password === undefined ? undefined : digestHa1(algorithm, username, this.#realm, password);
    }
    if (account[field] === undefined && account.password !== undefined) {
      account[field] = digestHa1(algorithm, username, this.#realm, account.password);
    }
    return account[field]?.toLowerCase();
  }
}
