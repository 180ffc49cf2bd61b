import { lookup, Resolver } from 'node:dns/promises';
import { CodedError, errorMessage, type SrvRecord } from '../base/index.ts';
import { systemCode } from './system-errors.ts';

/** One NAPTR record (RFC 3403). */
interface NaptrRecord {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly service: string;
  readonly regexp: string;
  readonly replacement: string;
}

/** Answers that mean "there is no such record", as opposed to "the resolver failed". */
const NO_RECORD = new Set(['ENOTFOUND', 'ENODATA', 'ENONAME']);

/**
 * DNS as RFC 3263 needs it. Empty lists mean that there is no such record.
 * All methods throw CodedError 'dns-failed' when no answer came.
 */
export class SystemDns {
  readonly #resolver: Resolver;

  /** @param options.servers name servers `address` or `address:port`; default: the system's */
  constructor(options: { servers?: readonly string[]; timeoutMs?: number; tries?: number } = {}) {
    this.#resolver = new Resolver({ timeout: options.timeoutMs ?? 2_000, tries: options.tries ?? 2 });
    if (options.servers !== undefined) this.#resolver.setServers(options.servers);
  }

  /** The addresses of a host in the system's order of preference; knows the hosts file. */
  async lookup(host: string): Promise<string[]> {
    const found = await orNone(host, lookup(host, { all: true, verbatim: true }));
    return found.map(({ address }) => address);
  }

  async srv(name: string): Promise<SrvRecord[]> {
    const records = await orNone(name, this.#resolver.resolveSrv(name));
    return records.map(({ name: target, port, priority, weight }) => ({ target, port, priority, weight }));
  }

  naptr(name: string): Promise<NaptrRecord[]> {
    return orNone(name, this.#resolver.resolveNaptr(name));
  }
}

async function orNone<T>(name: string, answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer;
  } catch (cause) {
    if (NO_RECORD.has(systemCode(cause) ?? '')) return [];
    throw new CodedError('dns-failed', `DNS for ${name}: ${errorMessage(cause)}`, { cause });
  }
}
