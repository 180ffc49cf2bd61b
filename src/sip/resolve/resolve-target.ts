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
 * `unresolvable`: there is no address. `no-answer`: the name servers did not tell. `unsupported-transport`: a transport
 * parameter we cannot use. `unsupported-scheme`: neither sip nor sips.
 */
export type ResolveErrorCode = 'unresolvable' | 'no-answer' | 'unsupported-transport' | 'unsupported-scheme';

export class ResolveError extends CodedError<ResolveErrorCode> {}

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
  if (targets.length > 0) return targets;
  const host = targetHost(uri);
  if (resolution.failure === undefined) throw new ResolveError('unresolvable', `no address for ${host}`);
  throw new ResolveError('no-answer', `cannot look up ${host}`, { cause: resolution.failure });
}

/** One run of the procedures of RFC 3263 §4.1 and §4.2. */
class Resolution {
  /** A question that no name server answered: what was found is not all there is. */
  failure: unknown;
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
    const usual = asked ?? (secure ? 'TLS' : 'UDP');
    // §4.1, §4.2: an explicit port leaves nothing for NAPTR and SRV to say.
    if (this.#uri.port !== undefined) return this.#byAddress(usual, this.#host, this.#uri.port);
    const services = asked === undefined ? await this.#servicesByNaptr(secure) : [];
    const found = await this.#bySrv(services.length > 0 ? services : this.#usualServices(asked, secure));
    const transport = services[0]?.transport ?? usual;
    return found ?? this.#byAddress(transport, this.#host, defaultPort(transport));
  }

  /** The services the domain offers by NAPTR, the preferred first. */
  async #servicesByNaptr(secure: boolean): Promise<Service[]> {
    const records = sortNaptr(await this.#orNone(this.#dns.naptr(this.#host)));
    return records.flatMap(({ service, flags, replacement }) => {
      const transport = NAPTR_SERVICES[service.toLowerCase()];
      if (transport === undefined || !this.#supported.includes(transport)) return [];
      // §4.1: a SIPS URI is never reached over an insecure transport.
      if ((secure && !isSecure(transport)) || flags.toLowerCase() !== 's') return [];
      return [{ transport, name: replacement }];
    });
  }

  #usualServices(asked: TransportName | undefined, secure: boolean): Service[] {
    const transports =
      asked === undefined ? this.#supported.filter((transport) => isSecure(transport) === secure) : [asked];
    return transports.flatMap((transport) => {
      const prefix = SRV_PREFIX[transport];
      return prefix === undefined ? [] : [{ transport, name: prefix + this.#host }];
    });
  }

  /** @returns undefined when there are no SRV records at all: only then the domain's own addresses count (§4.2) */
  async #bySrv(services: readonly Service[]): Promise<ResolvedTarget[] | undefined> {
    const servers = await Promise.all(services.map((service) => this.#serversOf(service)));
    const all = servers.flat();
    if (all.length === 0) return undefined;
    // RFC 2782: a target of "." says that the service is decidedly not offered.
    const offered = all.filter(({ host }) => host !== '.' && host !== '').slice(0, MAX_TARGETS);
    const targets = await Promise.all(
      offered.map(({ transport, host, port }) => this.#byAddress(transport, host, port)),
    );
    return targets.flat().slice(0, MAX_TARGETS);
  }

  async #serversOf({ transport, name }: Service) {
    const records = (await this.#orNone(this.#dns.srv(name))).slice(0, MAX_TARGETS);
    return orderSrv(records, this.#random).map(({ target: host, port }) => ({ transport, host, port }));
  }

  async #byAddress(transport: TransportName, host: string, port: number): Promise<ResolvedTarget[]> {
    const addresses = await this.#orNone(this.#dns.lookup(host));
    return addresses
      .slice(0, MAX_TARGETS)
      .map((address) => ({ transport, address: { host: address, port }, name: this.#host }));
  }

  /** A zone whose NAPTR or SRV records cannot be had may still have addresses; and other servers than this one. */
  async #orNone<T>(records: Promise<readonly T[]>): Promise<readonly T[]> {
    try {
      return await records;
    } catch (error) {
      this.failure = error;
      return [];
    }
  }
}

/** Where the servers for one transport are asked for. */
interface Service {
  readonly transport: TransportName;
  /** Of SRV records. */
  readonly name: string;
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
