import { CodedError, type SrvRecord } from '../../src/base/index.ts';
import type { DnsPort, NaptrRecord } from '../../src/sip/resolve/dns-port.ts';

/** The names of the simulated world: what is not here does not exist. */
export class Names implements DnsPort {
  readonly hosts = new Map<string, readonly string[]>();
  readonly services = new Map<string, readonly SrvRecord[]>();
  readonly pointers = new Map<string, readonly NaptrRecord[]>();
  /** No server answers. */
  silent = false;

  lookup(host: string): Promise<readonly string[]> {
    return this.#find(this.hosts, host);
  }

  srv(name: string): Promise<readonly SrvRecord[]> {
    return this.#find(this.services, name);
  }

  naptr(name: string): Promise<readonly NaptrRecord[]> {
    return this.#find(this.pointers, name);
  }

  async #find<Item>(records: ReadonlyMap<string, readonly Item[]>, name: string): Promise<readonly Item[]> {
    if (this.silent) throw new CodedError('dns-failed', 'nobody answers', { origin: 'remote' });
    return records.get(name) ?? [];
  }
}
