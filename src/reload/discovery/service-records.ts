import { type Address, isLinkLocal, isLoopback, isMulticast, isWildcard } from '../../base/index.ts';
import { isNodeId, type NodeId, overlayHashOf } from '../wire/ids.ts';
import type { DnsMessage, DnsRecord } from './dns-message.ts';

/** A peer as it is announced on the local network. */
export interface LocalPeer {
  readonly overlay: string;
  readonly nodeId: NodeId;
  /** Where it accepts links. */
  readonly addresses: readonly Address[];
}

/** RFC 6940 §11.2's service, on the local network. Its instances are the peers, by their Node-IDs. */
const SERVICE = '_reload-config._tcp.local';
/** RFC 6763 §9: what lists the services there are. */
const ALL_SERVICES = '_services._dns-sd._udp.local';
/** What the texts of an instance say that is a peer and no configuration server. */
const LINK_PROTOCOL = 'TLS-TCP-FH-NO-ICE';

/** RFC 6762 §10: two minutes for what names a host, 75 minutes for the rest. */
const HOST_TTL_S = 120;
const OTHER_TTL_S = 4_500;

/** Peers that one message may name, and addresses of one of them. */
const MAX_PEERS = 16;
const MAX_ADDRESSES = 8;

/** RFC 6763 §7.1: the subtype of one overlay's peers, so that those of others do not answer. */
export function subtypeOf(overlay: string): string {
  return `_${overlayHashOf(overlay).toString(16).padStart(8, '0')}._sub.${SERVICE}`;
}

export interface ServiceRecords {
  /** Shared with others: what leads to the instance. */
  readonly pointers: readonly DnsRecord[];
  /** Of this peer alone. */
  readonly own: readonly DnsRecord[];
}

/** The records of a peer. Nobody else has its names, since its Node-ID is in them: they need no probing (RFC 6762 §8.1). */
export function recordsOf({ overlay, nodeId, addresses }: LocalPeer): ServiceRecords {
  const instance = `${nodeId}.${SERVICE}`;
  const ports = [...new Set(addresses.map(({ port }) => port))];
  const texts = ['txtvers=1', `overlay=${overlay}`, `link=${LINK_PROTOCOL}`];
  return {
    pointers: [
      { name: SERVICE, ttl: OTHER_TTL_S, type: 'PTR', target: instance },
      { name: subtypeOf(overlay), ttl: OTHER_TTL_S, type: 'PTR', target: instance },
      { name: ALL_SERVICES, ttl: OTHER_TTL_S, type: 'PTR', target: SERVICE },
    ],
    own: [
      { name: instance, ttl: OTHER_TTL_S, type: 'TXT', texts },
      ...ports.flatMap((port): DnsRecord[] => {
        // One name for each port, because a host's addresses need not all have the same.
        const target = `${nodeId}-${port}.local`;
        const hosts = addresses.filter((address) => address.port === port).map(({ host }) => host);
        return [
          { name: instance, ttl: HOST_TTL_S, type: 'SRV', target, port },
          ...hosts.map(
            (host): DnsRecord => ({
              name: target,
              ttl: HOST_TTL_S,
              type: host.includes(':') ? 'AAAA' : 'A',
              host,
            }),
          ),
        ];
      }),
    ],
  };
}

/** A peer that a response tells of. */
export interface FoundPeer {
  readonly nodeId: NodeId;
  /** None: it said goodbye. */
  readonly addresses: readonly Address[];
}

/**
 * The peers of an overlay that a response names with all that belongs to them, as our kind does. A message may name each of
 * them, and its services and addresses, as often as there is room in it: what is over the bounds is not looked at.
 */
export function peersIn({ answers, additionals }: DnsMessage, overlay: string): FoundPeer[] {
  const records = [...answers, ...additionals];
  const named = new Map<string, { readonly nodeId: NodeId; readonly isGone: boolean }>();
  for (const record of records) {
    if (record.type !== 'TXT' || !record.name.endsWith(`.${SERVICE}`)) continue;
    const nodeId = record.name.slice(0, -SERVICE.length - 1);
    if (!isNodeId(nodeId) || !isPeerOf(overlay, record.texts)) continue;
    if (named.size < MAX_PEERS || named.has(record.name)) {
      named.set(record.name, { nodeId, isGone: record.ttl === 0 });
    }
  }
  return [...named].map(([name, { nodeId, isGone }]) => {
    const services = records
      .filter((record) => record.type === 'SRV' && record.name === name)
      .slice(0, MAX_ADDRESSES);
    const addresses = isGone ? [] : services.flatMap((service) => addressesOf(service, records));
    return { nodeId, addresses: addresses.slice(0, MAX_ADDRESSES) };
  });
}

function isPeerOf(overlay: string, texts: readonly string[]): boolean {
  const values = new Map(
    texts.map((text) => {
      const [key = '', ...value] = text.split('=');
      return [key.toLowerCase(), value.join('=')] as const;
    }),
  );
  return (
    values.get('link') === LINK_PROTOCOL && values.get('overlay')?.toLowerCase() === overlay.toLowerCase()
  );
}

function addressesOf(service: DnsRecord, records: readonly DnsRecord[]): Address[] {
  if (service.type !== 'SRV' || service.ttl === 0 || service.port === 0) return [];
  return records.flatMap((record) =>
    (record.type === 'A' || record.type === 'AAAA') && record.name === service.target && record.ttl > 0
      ? [{ host: record.host, port: service.port }]
      : [],
  );
}

/**
 * Whether we may connect to an address that somebody on the local network told us: loopback only where we are there
 * ourselves, and no link-local IPv6 address, which means nothing without its interface.
 */
export function isConnectable({ host }: Address, own: readonly Address[]): boolean {
  // An IPv4 address in IPv6 form is announced by nobody who means it: it would get past the rules for the address itself.
  if (isWildcard(host) || isMulticast(host) || /^::ffff:/i.test(host)) return false;
  if (isLoopback(host)) return own.some((address) => isLoopback(address.host));
  return !(isLinkLocal(host) && host.includes(':'));
}
