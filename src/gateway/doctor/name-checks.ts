import { isIP } from 'node:net';
import { errorMessage, isLoopback, type SrvRecord } from '../../base/index.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { type Finding, ok, warn } from './finding.ts';

/** DNS as the checks need it; both give nothing where there is no such record, and throw where no answer came. */
export interface Names {
  lookup(host: string): Promise<readonly string[]>;
  srv(name: string): Promise<readonly SrvRecord[]>;
}

export function isName(host: string): boolean {
  return isIP(host) === 0;
}

const SERVICES = ['_sip._udp', '_sip._tcp', '_sips._tcp'];

/** Would phones and other companies that only know the domain find a server (RFC 3263)? Of no matter on loopback. */
export async function checkNames({ sip }: GatewayConfig, dns: Names): Promise<Finding[]> {
  if (sip.listen.every(({ address }) => isLoopback(address.host))) return [];
  const domains = await Promise.all(sip.domains.filter(isName).map((domain) => checkDomain(domain, dns)));
  const trunks = sip.trunks.flatMap(({ to }, i) =>
    typeof to === 'string' ? [{ check: `sip.trunks[${i}]`, host: hostOf(to) }] : [],
  );
  const named = trunks.filter(({ host }) => isName(host));
  return [...domains, ...(await Promise.all(named.map(({ check, host }) => checkTrunk(check, host, dns))))];
}

async function checkDomain(domain: string, dns: Names): Promise<Finding> {
  const check = 'dns';
  try {
    if (await hasServer(domain, dns)) return ok(check, `${domain} leads to a SIP server`);
    const mend =
      `add records (_sip._udp.${domain} SRV 0 0 5060 HOST, the same for _sip._tcp), ` +
      'or give phones the address of a peer as their proxy';
    return warn(check, `${domain} has neither SRV records for SIP nor an address`, mend);
  } catch (error) {
    return warn(check, errorMessage(error), 'check the name servers in /etc/resolv.conf');
  }
}

async function checkTrunk(check: string, host: string, dns: Names): Promise<Finding> {
  try {
    if (await hasServer(host, dns)) return ok(check, `${host} is known to DNS`);
    return warn(check, `${host} has neither SRV records for SIP nor an address`, 'check the name in `to`');
  } catch (error) {
    return warn(check, errorMessage(error), 'check the name servers in /etc/resolv.conf');
  }
}

async function hasServer(domain: string, dns: Names): Promise<boolean> {
  const [addresses, ...services] = await Promise.all([
    dns.lookup(domain),
    ...SERVICES.map((service) => dns.srv(`${service}.${domain}`)),
  ]);
  return addresses.length > 0 || services.some((records) => records.length > 0);
}

/** Of a SIP URI that the schema has let through. */
function hostOf(uri: string): string {
  const rest = uri.replace(/^sips?:/i, '').replace(/^[^@]*@/, '');
  return (/^\[([^\]]+)\]|^[^:;?]+/.exec(rest)?.slice(0, 2) ?? []).filter(Boolean).at(-1) ?? '';
}
