import {
  type Address,
  CodedError,
  type HttpClientTls,
  orderSrv,
  type Random,
  type SrvRecord,
  splitPin,
} from '../../base/index.ts';
import { WELL_KNOWN_PATH } from './protocol.ts';

/** Servers of one overlay that are tried, of those that DNS or a document names. */
const MAX_SERVERS = 8;

/** An HTTPS server of the overlay: where it is, and what proves that it is the right one. */
export interface OverlayServer {
  /** https, without fragment. */
  readonly url: string;
  readonly tls: Pick<HttpClientTls, 'pin' | 'ca'>;
  /** Where to connect; the certificate has the host of the URL as its name all the same. */
  readonly connectTo?: Address;
}

/** The one kind of DNS question that discovery asks. */
export interface SrvLookup {
  /** An empty list when there are no such records. @throws CodedError 'dns-failed' */
  srv(name: string): Promise<readonly SrvRecord[]>;
}

export interface OverlayServersOptions {
  /** Overlay name. */
  readonly overlay: string;
  /** Of the configuration server, where the operator names it; else it is looked for by the overlay's name. */
  readonly url?: { readonly url: string; readonly pin?: string | undefined } | undefined;
  /** DER: the only authorities that count where no pin does; undefined: those that the system trusts. */
  readonly ca?: readonly Uint8Array[] | undefined;
}

/** Finds the configuration and enrollment servers of an overlay (RFC 6940 §§11.2, 11.3). */
export class OverlayServers {
  readonly #dns: SrvLookup;
  readonly #random: Random;
  readonly #options: OverlayServersOptions;
  #proved: OverlayServer | undefined;

  constructor(deps: { readonly dns: SrvLookup; readonly random: Random }, options: OverlayServersOptions) {
    this.#dns = deps.dns;
    this.#random = deps.random;
    this.#options = options;
  }

  /**
   * Where the configuration document is to be had, in the order to be tried; never empty.
   * @throws CodedError 'dns-failed', or 'no-configuration-server' when DNS says that there is none
   */
  async configuration(): Promise<readonly OverlayServer[]> {
    const { url, overlay } = this.#options;
    if (url !== undefined) return [this.#named(url)];
    const byName = { url: `https://${overlay}${WELL_KNOWN_PATH}`, tls: this.#tls() };
    const records = await this.#dns.srv(`_reload-config._tcp.${overlay}`);
    if (records.length === 0) return [byName];
    // RFC 2782: the root as the only target means that the service is decidedly not available.
    const usable = records.filter(({ target }) => target !== '' && target !== '.');
    if (usable.length === 0) {
      throw new CodedError(
        'no-configuration-server',
        `DNS says that ${overlay} has no configuration server`,
        {
          origin: 'remote',
        },
      );
    }
    // NOTE: DNS proves nothing, so the certificate has to have the overlay's name, not that of the SRV target ("otherwise,
    // the certificate MUST match the overlay name").
    return orderSrv(usable, this.#random)
      .slice(0, MAX_SERVERS)
      .map(({ target: host, port }) => ({ ...byName, connectTo: { host, port } }));
  }

  /** This configuration server has answered. */
  answered(server: OverlayServer): void {
    this.#proved = server;
  }

  /**
   * The enrollment servers that the `enrollment-server` elements of a document name, in their order; those without an
   * https URL are left out. What proves the configuration server proves the one with the same origin as well.
   * NOTE: §11.3 wants the overlay's name in their certificates. The signed document names the host, so we want that.
   */
  enrollment(elements: readonly string[]): readonly OverlayServer[] {
    return elements.slice(0, MAX_SERVERS).flatMap((element) => this.#enrollmentServer(element) ?? []);
  }

  #enrollmentServer(element: string): OverlayServer | undefined {
    const split = splitPin(element);
    if (split === undefined) return undefined;
    const { url, pin } = split;
    if (pin !== undefined) return { url, tls: { pin } };
    const named = this.#options.url === undefined ? undefined : this.#named(this.#options.url);
    const known = [this.#proved, named].find(
      (server) => server !== undefined && schemeAndHostOf(server.url) === schemeAndHostOf(url),
    );
    return known === undefined ? { url, tls: this.#tls() } : { ...known, url };
  }

  #named({ url, pin }: NonNullable<OverlayServersOptions['url']>): OverlayServer {
    const { href, pathname } = new URL(url);
    const whole = pathname === '/' ? new URL(WELL_KNOWN_PATH, href).href : href;
    return { url: whole, tls: pin === undefined ? this.#tls() : { pin } };
  }

  #tls(): OverlayServer['tls'] {
    const { ca } = this.#options;
    return ca === undefined ? {} : { ca };
  }
}

function schemeAndHostOf(url: string): string {
  return new URL(url).origin;
}
