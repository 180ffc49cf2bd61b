import type { DnsQuestion, DnsRecord, DnsReply } from './dns-message.ts';

/** What a reply says of a question; TTLs in seconds. */
export type DnsFinding =
  | { readonly kind: 'records'; readonly records: readonly DnsRecord[]; readonly ttl: number }
  /** There are none; `ttl`: for how long that is known (RFC 2308 §5), 0 when the reply does not say. */
  | { readonly kind: 'none'; readonly ttl: number }
  /** The name stands for another one, of which the reply says nothing. */
  | { readonly kind: 'alias'; readonly target: string; readonly ttl: number };

/** Aliases of aliases that are followed, in one reply and from one to the next. */
export const MAX_ALIASES = 8;

/** Reads a reply whose rcode is NOERROR or NXDOMAIN; aliases within it are followed (RFC 1034 §3.6.2). */
export function findingOf(reply: DnsReply, question: DnsQuestion): DnsFinding {
  let { name } = question;
  let ttl = Number.POSITIVE_INFINITY;
  for (let followed = 0; followed <= MAX_ALIASES; followed++) {
    const own = reply.answers.filter((record) => record.name === name);
    const records = own.filter(({ type }) => type === question.type);
    if (records.length > 0) return { kind: 'records', records, ttl: Math.min(ttl, ...records.map(ttlOf)) };
    const alias = own.find(({ type }) => type === 'CNAME');
    if (alias?.type !== 'CNAME') break;
    name = alias.target;
    ttl = Math.min(ttl, alias.ttl);
  }
  const soa = reply.authorities.find(({ type }) => type === 'SOA');
  // The servers of one zone need not know the next one.
  if (name !== question.name && reply.rcode === 'NOERROR' && soa === undefined) {
    return { kind: 'alias', target: name, ttl };
  }
  return { kind: 'none', ttl: soa?.type === 'SOA' ? Math.min(ttl, soa.ttl, soa.minimum) : 0 };
}

function ttlOf({ ttl }: DnsRecord): number {
  return ttl;
}
