import { BlockList, isIP } from 'node:net';
import { LruMap } from './lru-map.ts';

/** Hosts whose answer is remembered. */
const REMEMBERED = 1_024;

/** A set of IP addresses and prefixes: `192.0.2.0/24`, `2001:db8::/32`, `127.0.0.1`. */
export class PrefixSet {
  readonly #list = new BlockList();
  readonly #remembered = new LruMap<string, boolean>(REMEMBERED);

  /** @param prefixes valid ones */
  constructor(prefixes: readonly string[]) {
    for (const prefix of prefixes) {
      const [address = '', bits] = prefix.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  /** @param host an IP literal; a mapped one (`::ffff:192.0.2.1`) is the IPv4 address it holds */
  has(host: string): boolean {
    const known = this.#remembered.get(host);
    if (known !== undefined) return known;
    const answer = this.#list.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
    this.#remembered.set(host, answer);
    return answer;
  }
}
