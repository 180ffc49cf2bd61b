import { type Address, isLoopback, isWildcard, type Network } from '../../base/index.ts';
import { parseUri, type SipUri } from '../message/uri.ts';
import type { BoundListener, Flow, TransportName } from '../transport/flow.ts';
import { defaultPort } from '../transport/flow.ts';

export interface OwnAddressesOptions {
  /** The domains served; the first one is the realm. */
  readonly domains: readonly string[];
  /** SIP URIs that are published for us (`sip.public`). */
  readonly public?: readonly string[];
}

/** Remote hosts whose local address is remembered. */
const MAX_REMEMBERED = 4096;
/** A URI without a port may mean any of these. */
const DEFAULT_PORTS = [5060, 5061];

/**
 * What is ours: domains, and addresses of our listeners with wildcards expanded, as advertised, and as published. Also
 * decides which address we give as ours in Via and Record-Route.
 */
export class OwnAddresses {
  readonly firstDomain: string;
  readonly domains: readonly string[];
  readonly #network: Network;
  readonly #domainSet: ReadonlySet<string>;
  /** `host port`, host as URIs have it. */
  readonly #addresses = new Set<string>();
  readonly #listeners: BoundListener[] = [];
  /** Local address by remote host, for listeners on a wildcard address. */
  readonly #towards = new Map<string, string>();

  constructor(deps: { network: Network }, options: OwnAddressesOptions) {
    this.#network = deps.network;
    this.domains = options.domains.map((domain) => domain.toLowerCase());
    this.firstDomain = this.domains[0] ?? 'invalid';
    this.#domainSet = new Set(this.domains);
    for (const text of options.public ?? []) this.#addUri(parseUri(text));
  }

  /** Takes in a listener: where it is bound and what is advertised for it become ours. */
  add(listener: BoundListener): void {
    this.#listeners.push(listener);
    const { local, advertised } = listener;
    for (const host of isWildcard(local.host) ? this.#network.interfaceAddresses() : [local.host]) {
      this.#addresses.add(keyOf(host, local.port));
    }
    this.#addresses.add(keyOf(advertised.host, advertised.port));
  }

  /** Whether a host part, with its port or without, is a domain of ours or one of our addresses. */
  isOwn(host: string, port?: number): boolean {
    return this.#domainSet.has(host) || this.isAddress(host, port);
  }

  isDomain(host: string): boolean {
    return this.#domainSet.has(host);
  }

  /** Whether it is one of our SIP addresses; without a port the default ports are meant. */
  isAddress(host: string, port?: number): boolean {
    if (port !== undefined) return this.#addresses.has(keyOf(host, port));
    return DEFAULT_PORTS.some((standard) => this.#addresses.has(keyOf(host, standard)));
  }

  /** The domain a host part stands for: itself, or the first one for an address of ours; undefined when foreign. */
  domainOf(host: string, port: number | undefined): string | undefined {
    if (this.#domainSet.has(host)) return host;
    return this.isAddress(host, port) ? this.firstDomain : undefined;
  }

  /** The listener of a transport on this port and of this host's address family. */
  listenerAt(transport: TransportName, port: number, remoteHost: string): BoundListener | undefined {
    const isV6 = remoteHost.includes(':');
    return this.#listeners.find(
      ({ transport: own, local }) =>
        own === transport && local.port === port && local.host.includes(':') === isV6,
    );
  }

  /**
   * Must have settled before `advertisedFor` is asked about a flow; undefined, so that nobody need wait, when there
   * is nothing to find out.
   */
  prepare(flow: Flow): Promise<void> | undefined {
    const { host } = flow.remote;
    if (flow.reliable || !isWildcard(flow.local.host) || this.#towards.has(host)) return undefined;
    if (!isWildcard(this.#listenerOf(flow)?.advertised.host ?? '')) return undefined;
    return this.#network.localAddressTowards(host).then(
      (local) => this.#remember(host, local),
      () => this.#remember(host, this.#guessTowards(host)),
    );
  }

  /** The address the other end of a flow may send requests to. */
  advertisedFor(flow: Flow): Address {
    const listener = this.#listenerOf(flow);
    if (listener === undefined) return flow.local;
    const { advertised } = listener;
    if (!isWildcard(advertised.host)) return advertised;
    const local = flow.local.host;
    const host = isWildcard(local)
      ? (this.#towards.get(flow.remote.host) ?? this.#guessTowards(flow.remote.host))
      : local;
    return { host, port: advertised.port };
  }

  #listenerOf(flow: Flow): BoundListener | undefined {
    return flow.listener ?? this.#listenerFor(flow.transport, flow.remote.host);
  }

  /** Where the other end of a connection that we opened can reach us. */
  #listenerFor(transport: TransportName, remoteHost: string): BoundListener | undefined {
    const isV6 = remoteHost.includes(':');
    return this.#listeners.find(
      (listener) => listener.transport === transport && listener.local.host.includes(':') === isV6,
    );
  }

  #guessTowards(remoteHost: string): string {
    const isV6 = remoteHost.includes(':');
    const candidates = this.#network.interfaceAddresses().filter((host) => host.includes(':') === isV6);
    return (
      candidates.find((host) => isLoopback(host) === isLoopback(remoteHost)) ?? candidates[0] ?? '127.0.0.1'
    );
  }

  #remember(remoteHost: string, local: string): void {
    if (this.#towards.size >= MAX_REMEMBERED) this.#towards.clear();
    this.#towards.set(remoteHost, local);
  }

  #addUri({ host, port, transport, scheme }: SipUri): void {
    const isTls = scheme === 'sips' || transport === 'tls';
    this.#addresses.add(keyOf(host, port ?? defaultPort(isTls ? 'TLS' : 'UDP')));
  }
}

function keyOf(host: string, port: number): string {
  return `${host} ${port}`;
}
