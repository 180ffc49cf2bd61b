import {
  type Address,
  type Clock,
  isAddressLiteral,
  isLinkLocal,
  isLoopback,
  type Metrics,
  type Network,
  type Random,
  type SrvRecord,
} from '../base/index.ts';
import { DnsCache } from './dns/dns-cache.ts';
import { DnsClient } from './dns/dns-client.ts';
import type { DnsQuestion, DnsRecord, NaptrRecord } from './dns/dns-message.ts';
import { HostsFile } from './dns/hosts-file.ts';
import { SystemLookup } from './dns/system-lookup.ts';
import { systemServers } from './dns/system-servers.ts';

export interface SystemDnsDeps {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
}

export interface SystemDnsOptions {
  /** Name servers to ask, which must be recursive ones; default: the system's. */
  readonly servers?: readonly Address[] | undefined;
  readonly hostsFile?: string;
}

/**
 * DNS as RFC 3263 needs it, kept for as long as the zones allow. Empty lists mean that there is no such record.
 * All methods throw CodedError 'dns-failed' when no answer came within 3 s.
 */
export class SystemDns {
  readonly #network: Network;
  readonly #cache: DnsCache;
  readonly #hosts: HostsFile;
  readonly #system: SystemLookup;

  constructor(deps: SystemDnsDeps, options: SystemDnsOptions = {}) {
    const { clock, metrics } = deps;
    const { servers, hostsFile } = options;
    const client = new DnsClient(deps, {
      servers: servers === undefined ? systemServers(clock) : () => servers,
    });
    this.#network = deps.network;
    this.#cache = new DnsCache({ client, clock, metrics });
    this.#hosts = new HostsFile(deps, hostsFile === undefined ? {} : { file: hostsFile });
    this.#system = new SystemLookup(deps);
  }

  /** The addresses of a host in the order to be tried; knows the hosts file, and takes addresses as they are. */
  async lookup(host: string): Promise<readonly string[]> {
    if (isAddressLiteral(host)) return [host];
    const name = plain(host);
    const written = await this.#hosts.lookup(name);
    if (written.length > 0) return written;
    if (!name.includes('.') || name.endsWith('.local')) return this.#system.lookup(name);
    return this.#byDns(name);
  }

  async srv(name: string): Promise<readonly SrvRecord[]> {
    const records = await this.#resolve(name, 'SRV');
    return records.flatMap((record) => (record.type === 'SRV' ? [record.srv] : []));
  }

  async naptr(name: string): Promise<readonly NaptrRecord[]> {
    const records = await this.#resolve(name, 'NAPTR');
    return records.flatMap((record) => (record.type === 'NAPTR' ? [record.naptr] : []));
  }

  /** RFC 7984 §4.1: both families are asked for, and what RFC 6724 prefers comes first. */
  async #byDns(name: string): Promise<readonly string[]> {
    const families = this.#prefersIpv6() ? (['AAAA', 'A'] as const) : (['A', 'AAAA'] as const);
    const answers = await Promise.allSettled(families.map((type) => this.#resolve(name, type)));
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    const failure = answers.find((answer) => answer.status === 'rejected');
    if (found.length === 0 && failure !== undefined) throw failure.reason;
    return found.flatMap((record) => ('address' in record ? [record.address] : []));
  }

  /** RFC 6724 §5: not where the machine has no such address that leads anywhere. */
  #prefersIpv6(): boolean {
    const own = this.#network.interfaceAddresses();
    return own.some((host) => host.includes(':') && !isLoopback(host) && !isLinkLocal(host));
  }

  #resolve(name: string, type: DnsQuestion['type']): Promise<readonly DnsRecord[]> {
    return this.#cache.resolve({ name: plain(name), type });
  }
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
