import type { SrvRecord } from '../../base/index.ts';

export interface NaptrRecord {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  /** `SIP+D2U` and its like. */
  readonly service: string;
  readonly replacement: string;
}

/**
 * Name lookups. Each gives an empty list when there are no such records, rejects when the servers do not tell, and
 * does one or the other within a few seconds.
 */
export interface DnsPort {
  /** IPv4 and IPv6 addresses, in the order to be tried. */
  lookup(host: string): Promise<readonly string[]>;
  srv(name: string): Promise<readonly SrvRecord[]>;
  naptr(name: string): Promise<readonly NaptrRecord[]>;
}
