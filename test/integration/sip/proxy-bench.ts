import { generateKeyPairSync } from 'node:crypto';
import {
  type Address,
  type Connection,
  MemoryKeyValueStore,
  noMetrics,
  type SrvRecord,
  silentLogger,
  type TlsIdentity,
} from '../../../src/base/index.ts';
import { SeededRandom } from '../../../src/base/virtual/seeded-random.ts';
import {
  SimulatedNetwork,
  type SimulatedNetworkOptions,
} from '../../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../../src/base/virtual/virtual-clock.ts';
import { Gruus } from '../../../src/p2psip/gruus.ts';
import { answerOwnEvent, isAboutSender } from '../../../src/p2psip/own-events.ts';
import { RegistrationEvents } from '../../../src/p2psip/registration-events.ts';
import { Authenticator } from '../../../src/sip/auth/authenticator.ts';
import { AccountCredentials } from '../../../src/sip/auth/credentials.ts';
import { targetsOf } from '../../../src/sip/proxy/binding-targets.ts';
import { OwnAddresses } from '../../../src/sip/proxy/own-addresses.ts';
import type { PeerConnector, RequestContext, RequestHandler, Target } from '../../../src/sip/proxy/ports.ts';
import { ProxyCore } from '../../../src/sip/proxy/proxy-core.ts';
import { BindingStore } from '../../../src/sip/registrar/binding-store.ts';
import { GruuIssuer } from '../../../src/sip/registrar/gruu-issuer.ts';
import { Registrar } from '../../../src/sip/registrar/registrar.ts';
import { TemporaryGruus } from '../../../src/sip/registrar/temporary-gruus.ts';
import type { DnsPort, NaptrRecord } from '../../../src/sip/resolve/dns-port.ts';
import { TargetFinder } from '../../../src/sip/resolve/target-finder.ts';
import type { Flow } from '../../../src/sip/transport/flow.ts';
import { SipTransport } from '../../../src/sip/transport/sip-transport.ts';
import { SimPhone, type SimPhoneOptions, type SimTransport } from './sim-phone.ts';

const DOMAIN = 'example.org';
const USERS = ['alice', 'bob', 'carol', 'dave'];

/** Virtual time and a network, shared by all servers and phones of a test. */
export class World {
  readonly clock = new VirtualClock();
  readonly network: SimulatedNetwork;
  /** What is found for host names; tests write it. */
  readonly zone = {
    addresses: new Map<string, string[]>(),
    srv: new Map<string, SrvRecord[]>(),
    naptr: new Map<string, NaptrRecord[]>(),
  };
  readonly dns: DnsPort = {
    lookup: async (host) => this.zone.addresses.get(host) ?? [],
    srv: async (name) => this.zone.srv.get(name) ?? [],
    naptr: async (name) => this.zone.naptr.get(name) ?? [],
  };

  constructor(options: SimulatedNetworkOptions = {}) {
    this.network = new SimulatedNetwork({ clock: this.clock }, { latencyMs: [2, 2], ...options });
  }

  /** The value of a promise, time moving on until it is there. */
  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.runUntil(promise, 600_000);
  }

  phone(
    server: TestServer,
    user: string,
    host: string,
    options: Partial<SimPhoneOptions> = {},
  ): Promise<SimPhone> {
    const { clock } = this;
    const address = server.address(options.transport ?? 'UDP');
    const network = this.network.host(host);
    return this.run(SimPhone.open({ clock, network, host, server: address, user, ...options }));
  }

  /** A phone that has registered. */
  async registered(
    server: TestServer,
    user: string,
    host: string,
    options: Partial<SimPhoneOptions> = {},
  ): Promise<SimPhone> {
    const phone = await this.phone(server, user, host, options);
    const { status } = await this.run(phone.register());
    if (status !== 200) throw new Error(`REGISTER of ${user}: ${status}`);
    return phone;
  }
}

/** What a test's handler may add to local bindings. */
export type Elsewhere = (context: RequestContext, aor: string) => Promise<readonly Target[]> | undefined;

const PORTS: Record<SimTransport, number> = { UDP: 5060, TCP: 5060, TLS: 5061 };

/** Registrar and proxy of one host with a handler that knows local bindings, and what the test adds. */
export class TestServer implements RequestHandler, PeerConnector {
  readonly core: ProxyCore;
  readonly store: BindingStore;
  readonly transport: SipTransport;
  readonly nodeHex: string;
  readonly host: string;
  readonly handled: string[] = [];
  elsewhere: Elsewhere = () => undefined;
  /** Runs before anything is decided about a request. */
  beforeDeciding: (context: RequestContext) => Promise<void> | undefined = () => undefined;
  /** Whether callers prove who they are. */
  challenges = true;
  /** How another server is reached; tests replace it to fail. */
  dial: (peer: string) => Promise<Flow> = () => Promise.reject(new Error('no such peer'));
  readonly #flows = new Map<string, Flow>();
  readonly #connections: Connection[] = [];
  readonly #registrar: Registrar;
  readonly #authenticator: Authenticator;

  private constructor(world: World, host: string, nodeHex: string, kv: MemoryKeyValueStore) {
    const { clock } = world;
    const base = {
      clock,
      logger: silentLogger,
      metrics: noMetrics,
      random: new SeededRandom(Number.parseInt(nodeHex.slice(0, 6), 16)),
    };
    const network = world.network.host(host);
    this.host = host;
    this.nodeHex = nodeHex;
    this.transport = new SipTransport({ ...base, network }, { clientTls: () => ({}) });
    const own = new OwnAddresses({ network }, { domains: [DOMAIN] });
    this.store = new BindingStore({ ...base, store: kv });
    this.store.load();
    const tokenKey = new Uint8Array(32).fill(7);
    const temporary = new TemporaryGruus(base, { key: tokenKey, nodeHex });
    const issuer = new GruuIssuer({ ...base, own, temporary });
    this.gruus = new Gruus(
      { bindings: this.store, own, temporary, connections: { learnRoute() {} } },
      { nodeHex },
    );
    this.#registrar = new Registrar({ ...base, store: this.store, gruus: issuer });
    const accounts = USERS.map((user) => ({ aor: `${user}@${DOMAIN}`, password: 'secret' }));
    const credentials = new AccountCredentials({ realm: DOMAIN, accounts });
    this.#authenticator = new Authenticator({ ...base, own, credentials });
    const resolver = new TargetFinder({ ...base, dns: world.dns }, { supported: ['UDP', 'TCP'] });
    this.core = new ProxyCore(
      {
        ...{ ...base, transport: this.transport, own, peers: this, resolver },
        ...{ bindings: this.store, gruus: this.gruus },
      },
      { nodeHex, overlayName: DOMAIN, tokenKey },
      this,
    );
    this.own = own;
    this.events = new RegistrationEvents({
      ...base,
      own,
      bindings: this.store,
      requests: this.core.requests,
    });
  }

  readonly events: RegistrationEvents;
  readonly gruus: Gruus;
  readonly own: OwnAddresses;

  static async start(
    world: World,
    host: string,
    options: { nodeHex?: string; kv?: MemoryKeyValueStore; wildcard?: boolean } = {},
  ): Promise<TestServer> {
    const { nodeHex = '00112233445566778899aabbccddeeff', kv = new MemoryKeyValueStore() } = options;
    const server = new TestServer(world, host, nodeHex, kv);
    for (const transport of ['UDP', 'TCP', 'TLS'] as const) {
      const listening = server.transport.listen({
        transport,
        host: options.wildcard ? '0.0.0.0' : host,
        port: PORTS[transport],
        ...(transport === 'TLS' ? { tls: { identity: anyIdentity() } } : {}),
      });
      server.own.add(await world.run(listening));
    }
    return server;
  }

  address(transport: SimTransport): Address {
    return { host: this.host, port: PORTS[transport] };
  }

  async stop(): Promise<void> {
    this.core.stop();
    this.events.stop();
    this.store.stop();
    await this.transport.stop();
  }

  cached(peer: string): Flow | undefined {
    return this.#flows.get(peer);
  }

  async connect(peer: string): Promise<Flow> {
    return this.dial(peer);
  }

  /** A SIP connection to another server stands. */
  adopt(connection: Connection, peer: string): Flow {
    const flow = this.transport.adopt(connection, { peer });
    this.#connections.push(connection);
    this.#flows.set(peer, flow);
    this.core.onPeerConnected(flow);
    return flow;
  }

  /** The newest SIP connections to other servers break. */
  breakPeers(count = Number.POSITIVE_INFINITY): void {
    const from = Math.max(this.#connections.length - count, 0);
    for (const connection of this.#connections.splice(from)) connection.destroy(new Error('broken'));
  }

  async onRequest(context: RequestContext): Promise<void> {
    const { request, requestAor, fromAor, toAor } = context;
    this.handled.push(`${request.method} ${request.requestUri}`);
    await this.beforeDeciding(context);
    if (request.method === 'REGISTER') {
      if (toAor === undefined) return context.reply(404);
      if ((await this.#authenticator.check(context, toAor)) !== 'ok') return;
      const { status, reason, headers } = await this.#registrar.process(request, context.flow, toAor);
      return context.reply(status, reason, { headers });
    }
    if (this.events.refresh(context)) return;
    if (context.overlayPeer === undefined && this.challenges) {
      if (fromAor === undefined) return context.reply(403);
      if ((await this.#authenticator.check(context, fromAor)) !== 'ok') return;
    }
    if (requestAor !== undefined && isAboutSender(context))
      return answerOwnEvent(context, requestAor, { events: this.events, isProved: true });
    if (requestAor === undefined || context.hasRoute) {
      if (context.isStrayInDialog) return context.reply(481);
      await context.proxy([{ kind: 'uri', uri: request.requestUri }]);
      return;
    }
    const place = this.gruus.place(request.uri);
    if (place?.kind === 'unknown') return context.reply(404);
    if (place?.kind === 'targets') return void (await context.proxy(place.targets));
    const targets = place === undefined ? targetsOf(this.store.bindings(requestAor)) : [];
    const later = context.overlayPeer === undefined ? this.elsewhere(context, requestAor) : undefined;
    await context.proxy(targets, later === undefined ? {} : { later });
  }
}

let identity: TlsIdentity | undefined;

/** The simulation hands certificates over and proves nothing: any key will do. */
function anyIdentity(): TlsIdentity {
  identity ??= {
    certificates: [new Uint8Array([1])],
    privateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  };
  return identity;
}

/** Joins two servers by SIP connections of the overlay, opened when one of them dials. */
export function joinServers(world: World, a: TestServer, b: TestServer): void {
  const dialer = (from: TestServer, to: TestServer) => async () => {
    const port = 6100 + (Math.floor(world.clock.monotonic() * 7) % 20_000);
    const accepted = new Promise<void>((resolve) => {
      void world.network.host(to.host).listen({ host: to.host, port }, (connection) => {
        to.adopt(connection, from.nodeHex);
        resolve();
      });
    });
    const connection = await world.network.host(from.host).connect({ host: to.host, port });
    await accepted;
    return from.adopt(connection, to.nodeHex);
  };
  a.dial = dialer(a, b);
  b.dial = dialer(b, a);
}
