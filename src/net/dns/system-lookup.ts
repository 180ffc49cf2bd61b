import { lookup } from 'node:dns/promises';
import { type Clock, CodedError, errorMessage, LruMap, withTimeout } from '../../base/index.ts';
import { systemCode } from '../system-errors.ts';

/** Answers that mean "there is no such name", as opposed to "the resolver failed". */
const NO_RECORD = new Set(['ENOTFOUND', 'ENODATA', 'ENONAME']);
const TIMEOUT_MS = 3_000;
/** The system says nothing of TTLs, ms. */
const KEPT_MS = 30_000;
const MAX_KEPT = 256;
/** Each holds one of libuv's few threads, however long the system takes. */
const MAX_LOOKUPS = 2;

/**
 * Names that mean something on this machine or network only: those without a dot, which the system completes by its search
 * domains, and `.local` (RFC 6762 §3). The system's own resolver knows them, by whatever it is set up to use.
 */
export class SystemLookup {
  readonly #clock: Clock;
  readonly #kept = new LruMap<string, { readonly addresses: readonly string[]; readonly until: number }>(
    MAX_KEPT,
  );
  readonly #running = new Map<string, Promise<readonly string[]>>();

  constructor(deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
  }

  /**
   * The addresses, in the system's order of preference.
   * @throws CodedError 'dns-failed'
   */
  async lookup(host: string): Promise<readonly string[]> {
    const kept = this.#kept.get(host);
    if (kept !== undefined && this.#clock.monotonic() < kept.until) return kept.addresses;
    let running = this.#running.get(host);
    if (running === undefined) {
      if (this.#running.size >= MAX_LOOKUPS) throw failed(host, 'too many lookups');
      running = this.#ask(host).finally(() => this.#running.delete(host));
      running.catch(() => {});
      this.#running.set(host, running);
    }
    return withTimeout(this.#clock, TIMEOUT_MS, running, () => failed(host, 'no answer in time'));
  }

  async #ask(host: string): Promise<readonly string[]> {
    const addresses = await askSystem(host);
    this.#kept.set(host, { addresses, until: this.#clock.monotonic() + KEPT_MS });
    return addresses;
  }
}

async function askSystem(host: string): Promise<readonly string[]> {
  try {
    const found = await lookup(host, { all: true, verbatim: true });
    return found.map(({ address }) => address);
  } catch (cause) {
    if (NO_RECORD.has(systemCode(cause) ?? '')) return [];
    throw failed(host, errorMessage(cause), cause);
  }
}

function failed(host: string, why: string, cause?: unknown): CodedError {
  return new CodedError('dns-failed', `DNS for ${host}: ${why}`, { cause });
}
