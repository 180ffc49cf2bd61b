import {
  type Clock,
  DeadlineQueue,
  Event,
  type EventSource,
  errorMessage,
  type KeyValueStore,
  type Logger,
} from '../../base/index.ts';
import type { CredentialsStore } from '../../sip/auth/credentials.ts';
import type { DigestAlgorithm } from '../../sip/auth/digest.ts';
import {
  decodeServedUser,
  encodeServedUser,
  endOf,
  isFor,
  type ServedUser,
  withoutHa1,
} from './served-user.ts';

const PREFIX = 'served-user/';
/** Users held; of more the one who came first is forgotten, and has to prove himself again. */
const MAX_USERS = 100_000;

/**
 * The users who have registered through this adapter peer: their HA1s and registration certificates, from the
 * enrollment server, on disk. Each is forgotten when nothing of it is good any more, or when he is revoked.
 */
export class ServedUsers implements CredentialsStore {
  readonly #clock: Clock;
  readonly #store: KeyValueStore;
  readonly #logger: Logger;
  readonly #users = new Map<string, ServedUser>();
  readonly #ends: DeadlineQueue<string>;
  readonly #revoked = new Event<string>();
  readonly #certified = new Event<string>();

  constructor(deps: { readonly clock: Clock; readonly store: KeyValueStore; readonly logger: Logger }) {
    this.#clock = deps.clock;
    this.#store = deps.store;
    this.#logger = deps.logger;
    this.#ends = new DeadlineQueue(deps.clock, (aor) => this.#forget(aor));
  }

  /** Users (AoR) who may no longer be served. */
  get revoked(): EventSource<string> {
    return this.#revoked;
  }

  /** Users (AoR) for whom a registration certificate came. */
  get certified(): EventSource<string> {
    return this.#certified;
  }

  get size(): number {
    return this.#users.size;
  }

  /** Reads what earlier runs left. */
  load(): void {
    for (const [key, bytes] of this.#store.entries(PREFIX)) {
      const aor = key.slice(PREFIX.length);
      try {
        const user = decodeServedUser(bytes);
        if (endOf(user) > this.#clock.now()) this.#keep(aor, user);
        else this.#forget(aor);
      } catch (error) {
        this.#logger.warn('what is stored of a user is unreadable and dropped', {
          ...{ aor, error: errorMessage(error) },
        });
        this.#forget(aor);
      }
    }
  }

  stop(): void {
    this.#ends.clear();
  }

  has(aor: string): boolean {
    return this.#users.has(aor);
  }

  get(aor: string): ServedUser | undefined {
    return this.#users.get(aor);
  }

  ha1(aor: string, username: string, algorithm: DigestAlgorithm): string | undefined {
    const known = this.#users.get(aor)?.ha1s.find((one) => isFor(one, username, algorithm));
    return known !== undefined && known.until > this.#clock.now() ? known.ha1 : undefined;
  }

  /** Keeps what the enrollment server gave. */
  take(aor: string, user: ServedUser): void {
    this.#replace(aor, user);
    this.#certified.emit(aor);
  }

  /** His password is another one by now. */
  dropHa1(aor: string, username: string, algorithm: DigestAlgorithm): void {
    const user = this.#users.get(aor);
    if (user !== undefined) this.#replace(aor, { ...user, ha1s: withoutHa1(user.ha1s, username, algorithm) });
  }

  /** His certificate is of no use any more; his HA1s are. */
  outdate(aor: string): void {
    const user = this.#users.get(aor);
    if (user !== undefined) this.#replace(aor, { ...user, notAfter: 0 });
  }

  /** Forgets the user and tells whoever serves him. */
  revoke(aor: string): void {
    if (this.#users.has(aor)) {
      this.#logger.info('a user was removed from the overlay and is forgotten here', { aor });
      this.#forget(aor);
    }
    this.#revoked.emit(aor);
  }

  /**
   * Applies the revoked-user elements of a document (requirement T16).
   * @param revokedUsers AoR → ms since the Unix epoch: certificates that began earlier are invalid
   */
  revokeAll(revokedUsers: ReadonlyMap<string, number>): void {
    for (const [aor, since] of revokedUsers) {
      const user = this.#users.get(aor);
      if (user === undefined || user.notBefore < since) this.revoke(aor);
    }
  }

  #replace(aor: string, user: ServedUser): void {
    if (!this.#users.has(aor) && this.#users.size >= MAX_USERS) {
      for (const oldest of this.#users.keys()) {
        this.#forget(oldest);
        break;
      }
    }
    this.#keep(aor, user);
    this.#write(aor, encodeServedUser(user));
  }

  #keep(aor: string, user: ServedUser): void {
    this.#users.set(aor, user);
    this.#ends.set(aor, endOf(user));
  }

  #forget(aor: string): void {
    this.#users.delete(aor);
    this.#ends.delete(aor);
    this.#write(aor, undefined);
  }

  #write(aor: string, value: Uint8Array | undefined): void {
    // Not waited for: the binding is written behind it, and the 200 waits for that.
    this.#store.write([{ key: PREFIX + aor, value }]).catch((error) => {
      this.#logger.warn('what is known of a user could not be stored', { aor, error: errorMessage(error) });
    });
  }
}
