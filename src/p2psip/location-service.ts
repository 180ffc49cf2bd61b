import { type Clock, CodedError, DeadlineQueue, type Metrics } from '../base/index.ts';
import { MAX_REGISTRATION_AGE_MS, type NodeId, type Overlay, type RegistrationEntry } from './overlay.ts';

/** Where the overlay says a user can be reached. */
export interface Location {
  /** Destination lists of other peers that serve the user, without duplicates; the last node is the SIP peer. */
  readonly routes: readonly (readonly NodeId[])[];
  /** Forwarding targets outside this overlay. */
  readonly externalUris: readonly string[];
  /** True when the AoR has any entry, even a removed one: the user exists (480 rather than 404). */
  readonly known: boolean;
}

export interface LocationOptions {
  /** Verified results, negative ones too, are believed this long. */
  readonly cacheMs: number;
  /** A peer that could not be reached is not tried again for this long. */
  readonly skipFailedMs: number;
  /** Bounds the chain of AoRs that forward to one another (RFC 7904 §4.2). */
  readonly maxForwardingDepth: number;
  /** Bounds the entries followed for one lookup. */
  readonly maxTargets: number;
  /** Bounds the cache. */
  readonly maxCachedAors: number;
}

const defaultLocationOptions: LocationOptions = {
  cacheMs: 5000,
  skipFailedMs: 30_000,
  maxForwardingDepth: 5,
  maxTargets: 32,
  maxCachedAors: 20_000,
};

interface Deps {
  readonly overlay: Overlay;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** True when AoRs of this domain live in the overlay. */
  readonly isOverlayDomain: (domain: string) => boolean;
}

const LOOKUP_BUCKETS_S = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15];

const NOWHERE: Location = { routes: [], externalUris: [], known: false };
const ONLY_HERE: Location = { routes: [], externalUris: [], known: true };

/**
 * Finds the peers that serve an AoR: Fetch, follow forwarding AoRs, drop what is expired, failed or our own
 * (RFC 7904 §4.2). Results are cached briefly and concurrent lookups of one AoR share a Fetch.
 */
export class LocationService {
  readonly #deps: Deps;
  readonly #options: LocationOptions;
  readonly #cache = new Map<string, Promise<readonly RegistrationEntry[]>>();
  readonly #expiry: DeadlineQueue<string>;
  readonly #failedPeers = new Map<NodeId, number>();
  /** Newest storage time seen per AoR and node: a replayed older value is not believed (architecture, identity). */
  readonly #newestSeen = new Map<string, number>();
  readonly #hits;
  readonly #misses;
  readonly #duration;

  constructor(deps: Deps, options: LocationOptions = defaultLocationOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#expiry = new DeadlineQueue(deps.clock, (aor) => this.#cache.delete(aor));
    const help = 'Lookups of AoRs in the overlay';
    this.#hits = deps.metrics.counter('p2psip_lookups_total', help, { result: 'cached' });
    this.#misses = deps.metrics.counter('p2psip_lookups_total', help, { result: 'fetched' });
    const took = 'How long Fetches of AoRs took that succeeded';
    this.#duration = deps.metrics.histogram('p2psip_lookup_duration_seconds', took, LOOKUP_BUCKETS_S);
  }

  /**
   * Where to send a call for `aor`. Our own Node-ID is left out: local bindings ring without the overlay.
   * @param traceId the Call-ID
   * @throws CodedError 'overlay-unreachable'
   */
  async locate(aor: string, traceId?: string): Promise<Location> {
    const entries = await this.entries(aor, traceId);
    // Most users have a phone at one peer.
    if (entries.length > 0 && entries.every((entry) => this.#isOurs(entry))) return ONLY_HERE;
    return this.#follow(aor, entries, traceId);
  }

  /** Collects where these entries lead, and those of the AoRs they forward to. */
  async #follow(
    aor: string,
    first: readonly RegistrationEntry[],
    traceId: string | undefined,
  ): Promise<Location> {
    const routes = new Map<string, readonly NodeId[]>();
    const externalUris = new Set<string>();
    let known = false;
    const visited = new Set([aor]);
    let found: readonly (readonly RegistrationEntry[])[] = [first];
    for (let depth = 0; found.length > 0; depth += 1) {
      const next: string[] = [];
      for (const { registration } of found.flat()) {
        known = true;
        if (registration.type === 'route') this.#addRoute(routes, registration.destinationList);
        else if (registration.type === 'uri') this.#addUri(registration.uri, next, externalUris);
      }
      if (depth === this.#options.maxForwardingDepth) break;
      const unvisited = next.filter((each) => !visited.has(each));
      const wave = [...new Set(unvisited)].slice(0, this.#options.maxTargets - visited.size);
      for (const each of wave) visited.add(each);
      // Side by side: a chain of forwardings may take as long as it is deep, not as long as it is wide.
      found = await Promise.all(wave.map((each) => this.entries(each, traceId)));
    }
    return known ? { routes: [...routes.values()], externalUris: [...externalUris], known } : NOWHERE;
  }

  /** The verified, current entries of one AoR, from the cache or the overlay. */
  entries(aor: string, traceId?: string): Promise<readonly RegistrationEntry[]> {
    const cached = this.#cache.get(aor);
    if (cached !== undefined) {
      this.#hits.inc();
      return cached;
    }
    this.#misses.inc();
    const fetched = this.fetch(aor, traceId);
    if (this.#cache.size >= this.#options.maxCachedAors) this.#evictOldest();
    this.#cache.set(aor, fetched);
    fetched.then(
      () => this.#expiry.set(aor, this.#deps.clock.now() + this.#options.cacheMs),
      // A failure is not remembered: the overlay may be back for the next call.
      () => this.#cache.delete(aor),
    );
    return fetched;
  }

  /** Like `entries`, past the cache; for `p2psip lookup` and the owner's own audit. */
  async fetch(aor: string, traceId?: string): Promise<readonly RegistrationEntry[]> {
    if (this.#deps.overlay.state !== 'joined') {
      throw new CodedError('overlay-unreachable', `the overlay is ${this.#deps.overlay.state}`);
    }
    const { clock, overlay } = this.#deps;
    const began = clock.monotonic();
    const entries = await overlay.fetchRegistrations(aor, { traceId });
    this.#duration.observe((clock.monotonic() - began) / 1000);
    return entries.filter((entry) => this.#isCurrent(aor, entry));
  }

  /** Forgets what is cached of the AoR: a call to it met 404, 480 or an unreachable peer. */
  forget(aor: string): void {
    this.#cache.delete(aor);
    this.#expiry.delete(aor);
  }

  /** Records that AppAttach to the peer failed: it is left out of results for a while. */
  markFailed(peer: NodeId): void {
    if (this.#failedPeers.size >= this.#options.maxCachedAors) this.#failedPeers.clear();
    this.#failedPeers.set(peer, this.#deps.clock.now() + this.#options.skipFailedMs);
  }

  /** The peer has been reached again. */
  markReachable(peer: NodeId): void {
    this.#failedPeers.delete(peer);
  }

  stop(): void {
    this.#expiry.clear();
    this.#cache.clear();
  }

  /** Whether it names this peer alone. */
  #isOurs({ registration }: RegistrationEntry): boolean {
    return registration.type === 'route' && registration.destinationList.at(-1) === this.#deps.overlay.nodeId;
  }

  #addRoute(routes: Map<string, readonly NodeId[]>, list: readonly NodeId[]): void {
    const terminal = list.at(-1);
    if (terminal === undefined || terminal === this.#deps.overlay.nodeId) return;
    if (routes.size >= this.#options.maxTargets || this.#isSkipped(terminal)) return;
    routes.set(list.join(), list);
  }

  #addUri(uri: string, next: string[], external: Set<string>): void {
    const aor = uri.replace(/^sips?:/i, '');
    const domain = aor.slice(aor.indexOf('@') + 1).toLowerCase();
    if (this.#deps.isOverlayDomain(domain)) next.push(aor);
    else if (external.size < this.#options.maxTargets) external.add(uri === aor ? `sip:${aor}` : uri);
  }

  #isSkipped(peer: NodeId): boolean {
    const until = this.#failedPeers.get(peer);
    if (until === undefined) return false;
    if (until > this.#deps.clock.now()) return true;
    this.#failedPeers.delete(peer);
    return false;
  }

  #isCurrent(aor: string, entry: RegistrationEntry): boolean {
    const now = this.#deps.clock.now();
    if (entry.storageTime < now - MAX_REGISTRATION_AGE_MS) return false;
    const key = `${aor}\n${entry.node}`;
    const newest = this.#newestSeen.get(key);
    if (newest !== undefined && entry.storageTime < newest) return false;
    if (newest === undefined && this.#newestSeen.size >= this.#options.maxCachedAors) {
      this.#newestSeen.delete(this.#newestSeen.keys().next().value!);
    }
    this.#newestSeen.set(key, entry.storageTime);
    return true;
  }

  #evictOldest(): void {
    const oldest = this.#cache.keys().next().value;
    if (oldest !== undefined) this.forget(oldest);
  }
}
