import type { Clock, KeyValueStore, Logger, Metrics, Network, Random, SipTrace } from '../../base/index.ts';
import { SystemDns, SystemWebSockets } from '../../net/index.ts';
import { AdapterPeer } from '../../p2psip/adapter-peer.ts';
import { CallHandler } from '../../p2psip/call-handler.ts';
import { Gruus } from '../../p2psip/gruus.ts';
import type { LocationService } from '../../p2psip/location-service.ts';
import type { Overlay } from '../../p2psip/overlay.ts';
import { PeerConnections } from '../../p2psip/peer-connections.ts';
import { PublicAddresses } from '../../p2psip/public-addresses.ts';
import { Redirector } from '../../p2psip/redirector.ts';
import { RegistrationEvents } from '../../p2psip/registration-events.ts';
import { RegistrationHandler } from '../../p2psip/registration-handler.ts';
import { RegistrationPublisher } from '../../p2psip/registration-publisher.ts';
import { Trunks } from '../../p2psip/trunks.ts';
import { Authenticator } from '../../sip/auth/authenticator.ts';
import { AccountCredentials } from '../../sip/auth/credentials.ts';
import { OverloadControl } from '../../sip/overload/overload-control.ts';
import { Precedence } from '../../sip/overload/precedence.ts';
import { CallLog, type CallRecord } from '../../sip/proxy/call-log.ts';
import { OwnAddresses } from '../../sip/proxy/own-addresses.ts';
import type { MediaBridge } from '../../sip/proxy/ports.ts';
import { ProxyCore } from '../../sip/proxy/proxy-core.ts';
import { BindingStore } from '../../sip/registrar/binding-store.ts';
import { GruuIssuer } from '../../sip/registrar/gruu-issuer.ts';
import { Registrar } from '../../sip/registrar/registrar.ts';
import { TemporaryGruus } from '../../sip/registrar/temporary-gruus.ts';
import type { DnsPort } from '../../sip/resolve/dns-port.ts';
import { TargetFinder } from '../../sip/resolve/target-finder.ts';
import type { Flow, TransportName } from '../../sip/transport/flow.ts';
import { SipTransport } from '../../sip/transport/sip-transport.ts';
import { type Ban, SourceGuard } from '../../sip/transport/source-guard.ts';
import type { LiveConfig } from '../config/changes.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import type { EnrolledUsers } from './enrolled-users.ts';
import { SipCertificates } from './sip-certificates.ts';
import { publicUris, sipUris } from './sip-uris.ts';

export interface SipSideDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly store: KeyValueStore;
  readonly overlay: Overlay;
  readonly locations: LocationService;
  /** Key of the flow tokens and the temporary GRUUs, kept between runs. */
  readonly tokenKey: Uint8Array;
  /** Has media go by a relay; undefined where phones see to that themselves. */
  readonly media?: MediaBridge | undefined;
  /** Takes the records of calls; undefined where none are kept. */
  readonly writeCall?: ((record: CallRecord) => void) | undefined;
  /** Sees every SIP message; undefined where nobody looks. */
  readonly trace?: SipTrace | undefined;
  /** Finds other domains; default: by `sip.dns`, or as the system does. */
  readonly dns?: DnsPort | undefined;
  /** Where an enrollment server knows the users, and no file. */
  readonly enrollment?: EnrolledUsers | undefined;
}

/** SIGTERM: withdrawing our records may take this long (architecture, leaving). */
const WITHDRAW_MS = 5000;
/** What we connect over by ourselves. */
const OUTGOING: readonly TransportName[] = ['UDP', 'TCP', 'TLS'];

/** Everything in one peer that speaks SIP, and the bridge to its overlay: wiring only. */
export class SipSide {
  readonly bindings: BindingStore;
  readonly publisher: RegistrationPublisher;
  readonly #config: GatewayConfig;
  readonly #guard: SourceGuard;
  readonly #overload: OverloadControl | undefined;
  readonly #transport: SipTransport;
  readonly #certificates: SipCertificates;
  readonly #core: ProxyCore;
  readonly #own: OwnAddresses;
  readonly #registrations: RegistrationHandler;
  readonly #addresses: PublicAddresses;
  readonly #locations: LocationService;
  readonly #events: RegistrationEvents;
  readonly #enrollment: EnrolledUsers | undefined;
  readonly #registrar: Registrar;
  readonly #calls: CallLog | undefined;
  readonly #accounts: AccountCredentials;

  constructor(config: GatewayConfig, deps: SipSideDeps) {
    const { clock, random, logger, metrics, overlay, locations } = deps;
    this.#config = config;
    this.#guard = new SourceGuard(deps, {
      allow: this.#unlimited(config.sip.allow),
      limitsRates: config.sip.auth === 'digest',
    });
    const guard = this.#guard;
    const precedence = new Precedence({ emergencyNumbers: config.sip.emergency });
    const isStranger = (host: string) => guard.isStranger(host);
    const overload = config.sip.overload
      ? new OverloadControl({ ...deps, isStranger, precedence })
      : undefined;
    this.#overload = overload;
    const certificates = new SipCertificates(deps, { file: config.file, tls: config.sip.tls });
    const authorities = config.sip.tlsAuthorities;
    const transport = new SipTransport(
      { ...deps, guard, overload, webSockets: new SystemWebSockets() },
      { clientTls: (name) => ({ ...certificates.ownIdentity, server: { name, authorities } }) },
    );
    this.#certificates = certificates;
    const own = new OwnAddresses(deps, { domains: config.sip.domains, public: config.sip.public });
    const store = config.data === 'memory' ? undefined : deps.store;
    const bindings = new BindingStore({ ...deps, store });
    const { served, judge } = deps.enrollment ?? {};
    const listed = new AccountCredentials({ realm: own.firstDomain, accounts: config.users });
    const accounts = served ?? listed;
    const algorithms = config.sip.digest;
    const authenticator =
      config.sip.auth === 'none'
        ? undefined
        : new Authenticator({ clock, random, metrics, credentials: accounts, own, judge }, { algorithms });
    authenticator?.failures.on(({ remote, why, proved }) => guard.fail({ host: remote.host, why, proved }));
    authenticator?.successes.on(({ host }) => guard.trust(host));
    const { nodeId: nodeHex } = overlay;
    const temporary = new TemporaryGruus({ random }, { key: deps.tokenKey, nodeHex });
    // RFC 5627 §6.1: a request to a GRUU is not to be redirected.
    const offersGruus = config.sip.gruu && config.sip.mode === 'proxy';
    const issuer = offersGruus ? new GruuIssuer({ random, own, temporary }) : undefined;
    const registrar = new Registrar({ clock, logger, metrics, store: bindings, gruus: issuer }, config.sip);
    this.publisher = new RegistrationPublisher(deps);
    this.#addresses = new PublicAddresses(deps);
    this.#registrations = new RegistrationHandler(
      { ...{ registrar, bindings, own, overlay, authenticator, clock, metrics }, publisher: this.publisher },
      { serviceRoute: config.sip.serviceRoute },
    );
    const connections = new PeerConnections<Flow>({
      ...{ overlay, locations, clock, logger, metrics },
      adopt: (connection, peer) => transport.adopt(connection, { peer }),
      onFlow: (_peer, flow) => this.#core.onPeerConnected(flow),
    });
    const gruus = new Gruus({ bindings, own, temporary, connections }, { nodeHex });
    this.#events = new RegistrationEvents({
      ...{ bindings, own, clock, random, logger, metrics },
      requests: {
        reachOf: (context) => this.#core.requests.reachOf(context),
        send: (request, reach) => this.#core.requests.send(request, reach),
      },
    });
    const calls = new CallHandler(
      {
        ...{ bindings, locations, connections, own, authenticator, gruus, clock, logger, metrics },
        events: this.#events,
        trunks: new Trunks(config.sip.trunks),
        redirector: new Redirector({ addresses: this.#addresses }),
        hasAccount: (aor) => accounts.has(aor),
        onStranger: ({ host }, proved) => guard.fail({ host, why: 'unknown-user', proved }),
      },
      { mode: config.sip.mode === 'redirect' ? 'redirect' : 'proxy' },
    );
    const { writeCall } = deps;
    this.#calls = writeCall && new CallLog({ clock, metrics, own, write: writeCall });
    const dns = deps.dns ?? new SystemDns(deps, { servers: config.sip.nameServers });
    const resolver = new TargetFinder({ ...deps, dns }, { supported: OUTGOING });
    this.#core = new ProxyCore(
      {
        transport,
        clock,
        random,
        logger,
        metrics,
        own,
        peers: connections,
        resolver,
        bindings,
        gruus,
        calls: this.#calls,
        overload,
        precedence,
        media: deps.media,
      },
      {
        ...{ nodeHex, overlayName: overlay.name, tokenKey: deps.tokenKey },
        emergencyNumber: config.sip.emergency[0],
      },
      new AdapterPeer({ registrations: this.#registrations, calls }),
    );
    served?.revoked.on((aor) => this.#onRevoked(aor));
    served?.certified.on((aor) => this.publisher.hurry(aor));
    this.bindings = bindings;
    this.#registrar = registrar;
    this.#accounts = listed;
    this.#locations = locations;
    this.#enrollment = deps.enrollment;
    this.#transport = transport;
    this.#own = own;
  }

  /** Whether the enrollment server answers, and how many of its users are known here; undefined where there is none. */
  get enrollment(): { readonly reachable: boolean; readonly users: number } | undefined {
    return (
      this.#enrollment && { reachable: this.#enrollment.judge.reachable, users: this.#enrollment.served.size }
    );
  }

  /** Where phones reach us, as the ready line names it. */
  get uris(): readonly string[] {
    return sipUris(this.#transport.listeners);
  }

  /**
   * Binds every listener; with an error none stays bound. Phones are served from now on, the overlay joined or not.
   * @throws CodedError 'address-in-use' | 'address-unavailable'
   */
  async start(): Promise<void> {
    this.bindings.load();
    this.publisher.load();
    this.#enrollment?.judge.revoke();
    this.#enrollment?.start();
    const tls = this.#certificates.options;
    try {
      for (const { transport, address, advertise } of this.#config.sip.listen) {
        const options = { transport, host: address.host, port: address.port };
        this.#own.add(
          await this.#transport.listen({
            ...options,
            ...(advertise && { advertised: advertise }),
            ...(tls && { tls }),
          }),
        );
      }
      this.#certificates.start();
    } catch (error) {
      await this.#close();
      throw error;
    }
  }

  /** The certificates of our names, for others who serve under them. */
  get certificates(): Pick<SipCertificates, 'options' | 'changed'> {
    return this.#certificates;
  }

  /** Sources banned at this time. */
  get bans(): readonly Ban[] {
    return this.#guard.bans();
  }

  /** Takes over what may change while phones are served; users who are no longer there lose their registrations. */
  apply({ users, sip }: LiveConfig): void {
    const { allow, expires, maxContacts } = sip;
    this.#certificates.look();
    this.#guard.allow(this.#unlimited(allow));
    this.#registrar.configure({ expires, maxContacts });
    const known = new Set(users.map(({ aor }) => aor));
    const gone = this.#accounts.aors().filter((aor) => !known.has(aor));
    this.#accounts.replace(users);
    for (const aor of gone) this.#onRevoked(aor);
  }

  /** The overlay is joined: tells it who is registered here and where redirectors may send callers. */
  publish(): void {
    this.#registrations.publishAll();
    this.publisher.reconcile();
    void this.#addresses.publish(publicUris(this.#config, this.#transport.listeners));
  }

  /** The overlay is joined once more after it was lost: what could not be stored meanwhile goes there now. */
  republish(): void {
    this.publisher.reconcile();
  }

  /** Withdraws our records while the overlay is still there, then closes every socket. */
  async stop(): Promise<void> {
    this.#addresses.stop();
    await this.publisher.stop(WITHDRAW_MS);
    await this.#close();
  }

  /** A carrier sends much, and does not know which of our numbers exist. */
  #unlimited(allow: readonly string[]): readonly string[] {
    return [...allow, ...this.#config.sip.trunks.flatMap(({ from }) => from)];
  }

  /** His phones are forgotten; calls in progress go on, since they do not depend on bindings. */
  #onRevoked(aor: string): void {
    this.publisher.abandon(aor);
    this.#locations.forget(aor);
    this.#events.reject(aor);
    this.bindings.drop(aor);
  }

  async #close(): Promise<void> {
    this.#certificates.stop();
    this.#core.stop();
    this.#calls?.stop();
    this.#events.stop();
    this.bindings.stop();
    await this.#transport.stop();
    this.#guard.stop();
    this.#overload?.stop();
  }
}
