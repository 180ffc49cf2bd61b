import { type Clock, errorMessage, isLoopback, isWildcard, type Logger, type Timer } from '../base/index.ts';
import { parseUri, type SipUri } from '../sip/message/uri.ts';
import type { NodeId, Overlay } from './overlay.ts';

export interface PublicAddressOptions {
  readonly lifetimeS: number;
  /** Fetched addresses are believed this long. */
  readonly cacheMs: number;
  readonly maxCached: number;
  readonly retryMs: number;
}

const defaultPublicAddressOptions: PublicAddressOptions = {
  lifetimeS: 24 * 3600,
  cacheMs: 60_000,
  maxCached: 10_000,
  retryMs: 10_000,
};

interface Deps {
  readonly overlay: Overlay;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Whether an address may be published for everybody: never a wildcard, loopback only in an overlay that is
 * itself on loopback.
 */
export function isPublishable(host: string, overlayOnLoopback: boolean): boolean {
  return !isWildcard(host) && (overlayOnLoopback || !isLoopback(host));
}

/** Publishes where redirectors may send callers (kind SIP-PEER-ADDRESS), and finds the addresses of others. */
export class PublicAddresses {
  readonly #deps: Deps;
  readonly #options: PublicAddressOptions;
  readonly #cache = new Map<NodeId, { readonly uris: readonly SipUri[]; readonly until: number }>();
  #timer: Timer | undefined;
  #storageTime = 0;
  #stopped = false;

  constructor(deps: Deps, options: PublicAddressOptions = defaultPublicAddressOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /**
   * Stores our addresses and keeps them stored until `stop`.
   * @param uris SIP URIs at which any UA reaches this peer, the preferred first; without wildcards
   */
  async publish(uris: readonly string[]): Promise<void> {
    const { overlay, clock, logger } = this.#deps;
    const { lifetimeS, retryMs } = this.#options;
    if (uris.length === 0 || this.#stopped) return;
    let againMs = (lifetimeS * 1000) / 2;
    try {
      this.#storageTime = Math.max(clock.now(), this.#storageTime + 1);
      await overlay.storePublicAddresses(uris, this.#storageTime, lifetimeS);
    } catch (error) {
      againMs = retryMs;
      logger.warn('public SIP addresses not published, will retry', { reason: errorMessage(error) });
    }
    if (!this.#stopped) this.#timer = clock.setTimer(againMs, () => void this.publish(uris));
  }

  /**
   * The public SIP URIs of another peer, the preferred first; empty when it publishes none.
   * @throws CodedError 'overlay-unreachable'
   */
  async of(peer: NodeId): Promise<readonly SipUri[]> {
    const cached = this.#cache.get(peer);
    if (cached !== undefined && cached.until > this.#deps.clock.now()) return cached.uris;
    const uris = (await this.#deps.overlay.fetchPublicAddresses(peer)).flatMap(parsed);
    this.#cache.delete(peer);
    if (this.#cache.size >= this.#options.maxCached) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(peer, { uris, until: this.#deps.clock.now() + this.#options.cacheMs });
    return uris;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.close();
  }
}

/** What a peer signed may still be no URI. */
function parsed(text: string): SipUri[] {
  try {
    return [parseUri(text)];
  } catch {
    return [];
  }
}
