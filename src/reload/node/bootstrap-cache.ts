import {
  type Address,
  errorMessage,
  fromUtf8,
  type KeyValueStore,
  type Logger,
  sameAddress,
  utf8,
} from '../../base/index.ts';

/** RFC 6940 §11.4: "The suggested number of peers to cache is 10." */
const MAX_CACHED = 10;

const KEY = 'overlay/bootstrap-peers';

/** Where peers that we were directly connected with accept links, newest first; kept over restarts. */
export class BootstrapCache {
  readonly #kv: KeyValueStore;
  readonly #logger: Logger;
  #addresses: readonly Address[] = [];

  constructor(deps: { kv: KeyValueStore; logger: Logger }) {
    this.#kv = deps.kv;
    this.#logger = deps.logger;
  }

  load(): void {
    const bytes = this.#kv.get(KEY);
    this.#addresses = bytes === undefined ? [] : parse(fromUtf8(bytes));
  }

  addresses(): readonly Address[] {
    return this.#addresses;
  }

  /** §11.4: "Peers that are not directly connected MUST NOT be cached": to be called for those that are. */
  add(address: Address): void {
    const others = this.#addresses.filter((known) => !sameAddress(known, address));
    if (others.length < this.#addresses.length && this.#addresses.length < MAX_CACHED) return;
    this.#save([address, ...others].slice(0, MAX_CACHED));
  }

  /** It did not answer. The last one is kept: it may be back, and nobody else is known. */
  forget(address: Address): void {
    const others = this.#addresses.filter((known) => !sameAddress(known, address));
    if (others.length > 0 && others.length < this.#addresses.length) this.#save(others);
  }

  #save(addresses: readonly Address[]): void {
    this.#addresses = addresses;
    this.#kv.write([{ key: KEY, value: utf8(JSON.stringify(addresses)) }]).catch((error) => {
      this.#logger.warn('the list of known peers cannot be saved', { error: errorMessage(error) });
    });
  }
}

function parse(text: string): Address[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return [];
  }
  return Array.isArray(parsed) ? parsed.filter(isAddress).slice(0, MAX_CACHED) : [];
}

function isAddress(value: unknown): value is Address {
  if (typeof value !== 'object' || value === null) return false;
  const { host, port } = value as Partial<Address>;
  return typeof host === 'string' && Number.isInteger(port);
}
