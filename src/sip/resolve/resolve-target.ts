import { type Address, CodedError, isAddressLiteral, orderSrv, type Random } from '../../base/index.ts';
import type { SipUri } from '../message/uri.ts';
import { defaultPort, type TransportName } from '../transport/flow.ts';
import type { DnsPort, NaptrRecord } from './dns-port.ts';

/** One address to try. */
export interface ResolvedTarget {
  readonly transport: TransportName;
  readonly address: Address;
  /** The name it was found under, for certificate checks. */
  readonly name: string;
}

/**
 * `unresolvable`: no address, or the servers did not tell. `unsupported-transport`: a transport parameter we cannot
 * use. `unsupported-scheme`: neither sip nor sips.
 */
export type ResolveErrorCode = 'unresolvable' | 'unsupported-transport' | 'unsupported-scheme';

class ResolveError extends CodedError<ResolveErrorCode> {}

export interface ResolveOptions {
  /** Transports we can send over, the preferred first. Default UDP, TCP. */
  readonly supported?: readonly TransportName[];
}

/** Targets beyond this are not tried: a zone must not make us work without end. */
const MAX_TARGETS = 16;

const NAPTR_SERVICES: Readonly<Record<string, TransportName>> = {
  'sip+d2u': 'UDP',
  'sip+d2t': 'TCP',
  'sips+d2t': 'TLS',
  'sip+d2w': 'WS',
  'sips+d2w': 'WSS',
};

const SRV_PREFIX: Readonly<Partial<Record<TransportName, string>>> = {
  UDP: '_sip._udp.',
  TCP: '_sip._tcp.',
  TLS: '_sips._tcp.',
};

/**
 * The target of a URI that needs no name lookup: an IP literal.
 * @returns undefined when names must be looked up
 * @throws ResolveError 'unsupported-transport' | 'unsupported-scheme'
 */
export function literalTarget(uri: SipUri): ResolvedTarget | undefined {
  const host = targetHost(uri);
  if (!isAddressLiteral(host)) return undefined;
  const transport = askedTransport(uri) ?? (uri.scheme === 'sips' ? 'TLS' : 'UDP');
  return { transport, address: { host, port: uri.port ?? defaultPort(transport) }, name: host };
}

/**
 * Where to send a request for this URI (RFC 3263 §4), in the order to be tried when one fails (§4.3).
 * @throws ResolveError
 */
export async function resolveTarget(
  uri: SipUri,
  deps: { dns: DnsPort; random: Random },
  options: ResolveOptions = {},
): Promise<ResolvedTarget[]> {
  const literal = literalTarget(uri);
  if (literal !== undefined) return [literal];
  const resolution = new Resolution(uri, deps, options.supported ?? ['UDP', 'TCP']);
  const targets = await resolution.run();
  if (targets.length === 0) throw new ResolveError('unresolvable', `no address for ${targetHost(uri)}`);
  return targets;
}

/** One run of the procedures of RFC 3263 §4.1 and §4.2. */
class Resolution {
  readonly #uri: SipUri;
  readonly #host: string;
  readonly #dns: DnsPort;
  readonly #random: Random;
  readonly #supported: readonly TransportName[];

  constructor(uri: SipUri, deps: { dns: DnsPort; random: Random }, supported: readonly TransportName[]) {
    this.#uri = uri;
    this.#host = targetHost(uri);
    this.#dns = deps.dns;
    this.#random = deps.random;
    this.#supported = supported;
  }

  async run(): Promise<ResolvedTarget[]> {
    const asked = askedTransport(this.#uri);
    const secure = this.#uri.scheme === 'sips';
    const fallback = asked ?? (secure ? 'TLS' : 'UDP');
    // §4.1, §4.2: an explicit port leaves nothing for NAPTR and SRV to say.
    if (this.#uri.port !== undefined) return this.#byAddress(fallback, this.#host, this.#uri.port);
    const found = asked === undefined ? await this.#byNaptr(secure) : await this.#bySrv([asked]);
    if (found.length > 0) return found;
    if (asked === undefined) {
      const bySrv = await this.#bySrv(this.#supported.filter((transport) => isSecure(transport) === secure));
      if (bySrv.length > 0) return bySrv;
    }
    return this.#byAddress(fallback, this.#host, defaultPort(fallback));
  }

  async #byNaptr(secure: boolean): Promise<ResolvedTarget[]> {
    const targets: ResolvedTarget[] = [];
    for (const record of sortNaptr(await orNone(this.#dns.naptr(this.#host)))) {
      const transport = NAPTR_SERVICES[record.service.toLowerCase()];
      if (transport === undefined || !this.#supported.includes(transport)) continue;
      // §4.1: a SIPS URI is never reached over an insecure transport.
      if ((secure && !isSecure(transport)) || record.flags.toLowerCase() !== 's') continue;
      targets.push(...(await this.#bySrvName(transport, record.replacement)));
      if (targets.length >= MAX_TARGETS) break;
    }
    return targets.slice(0, MAX_TARGETS);
  }

  async #bySrv(transports: readonly TransportName[]): Promise<ResolvedTarget[]> {
    const targets: ResolvedTarget[] = [];
    for (const transport of transports) {
      const prefix = SRV_PREFIX[transport];
      if (prefix !== undefined) targets.push(...(await this.#bySrvName(transport, prefix + this.#host)));
    }
    return targets.slice(0, MAX_TARGETS);
  }

  async #bySrvName(transport: TransportName, name: string): Promise<ResolvedTarget[]> {
    const records = (await orNone(this.#dns.srv(name))).slice(0, MAX_TARGETS);
    const targets: ResolvedTarget[] = [];
    for (const { target: host, port } of orderSrv(records, this.#random)) {
      // RFC 2782: a target of "." says that the service is not offered.
      if (host === '.' || host === '') continue;
      targets.push(...(await this.#byAddress(transport, host, port).catch(() => [])));
    }
    return targets;
  }

  async #byAddress(transport: TransportName, host: string, port: number): Promise<ResolvedTarget[]> {
    try {
      const addresses = await this.#dns.lookup(host);
      return addresses
        .slice(0, MAX_TARGETS)
        .map((address) => ({ transport, address: { host: address, port }, name: this.#host }));
    } catch (error) {
      throw new ResolveError('unresolvable', `cannot look up ${host}`, { cause: error });
    }
  }
}

function targetHost(uri: SipUri): string {
  if (!uri.isSip) throw new ResolveError('unsupported-scheme', `cannot resolve ${uri.scheme}: URIs`);
  // §4: TARGET is the maddr parameter if there is one.
  const maddr = uri.params.get('maddr');
  return typeof maddr === 'string' ? maddr.replace(/^\[|\]$/g, '').toLowerCase() : uri.host;
}

/** The transport a URI's parameter asks for; undefined without one. */
function askedTransport(uri: SipUri): TransportName | undefined {
  const secure = uri.scheme === 'sips';
  switch (uri.transport) {
    case undefined:
      return undefined;
    case 'udp':
      if (!secure) return 'UDP';
      break;
    case 'tcp':
      return secure ? 'TLS' : 'TCP';
    case 'tls':
      return 'TLS';
    case 'ws':
      return secure ? 'WSS' : 'WS';
    case 'wss':
      return 'WSS';
  }
  throw new ResolveError('unsupported-transport', `cannot use transport=${uri.transport} with ${uri.scheme}`);
}

function isSecure(transport: TransportName): boolean {
  return transport === 'TLS' || transport === 'WSS';
}

function sortNaptr(records: readonly NaptrRecord[]): NaptrRecord[] {
  return records.slice(0, MAX_TARGETS).sort((a, b) => a.order - b.order || a.preference - b.preference);
}

/** A zone whose NAPTR or SRV records cannot be had may still have addresses. */
function orNone<T>(records: Promise<readonly T[]>): Promise<readonly T[]> {
  return records.catch(() => []);
}
