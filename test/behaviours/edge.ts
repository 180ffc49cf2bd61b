import type { ExecutionContext } from 'ava';
import { CodedError, MemoryKeyValueStore, noMetrics, silentLogger } from '../../src/base/index.ts';
import { SeededRandom } from '../../src/base/virtual/seeded-random.ts';
import { SimulatedNetwork } from '../../src/base/virtual/simulated-network.ts';
import { VirtualClock } from '../../src/base/virtual/virtual-clock.ts';
import { SipSide } from '../../src/gateway/compose/sip-side.ts';
import type { GatewayConfig } from '../../src/gateway/config/gateway-config.ts';
import { buildConfig } from '../../src/gateway/config/load-config.ts';
import { LocationService } from '../../src/p2psip/location-service.ts';
import { FakeOverlay } from '../unit/p2psip/fake-overlay.ts';
import { Names } from './names.ts';
import { Phone, type PhoneOptions, type RequestOptions, type Time } from './phone.ts';

export const EDGE = '192.0.2.1';
const USERS = ['alice', 'bob', 'carol', 'dave'];

/**
 * The whole SIP side of a gateway as its composition root builds it, on a simulated network in virtual time. Only the
 * overlay is a table. Nobody is asked for a password unless a test wants it.
 */
export class Edge implements Time {
  readonly clock = new VirtualClock();
  readonly network = new SimulatedNetwork({ clock: this.clock }, { latencyMs: [1, 1] });
  readonly overlay = new FakeOverlay();
  readonly names = new Names();
  readonly #config: GatewayConfig;
  readonly #store = new MemoryKeyValueStore();
  #side: SipSide;
  #hosts = 10;

  private constructor(sip: object) {
    this.#config = configuration(sip);
    this.#side = this.#compose();
  }

  #compose(): SipSide {
    const { clock, overlay } = this;
    const config = this.#config;
    const base = { clock, logger: silentLogger, metrics: noMetrics, random: new SeededRandom(1) };
    const isOverlayDomain = (domain: string) => config.sip.domains.includes(domain);
    return new SipSide(config, {
      ...{ ...base, overlay, dns: this.names },
      network: this.network.host(EDGE),
      store: this.#store,
      locations: new LocationService({ ...base, overlay, isOverlayDomain }),
      tokenKey: new Uint8Array(16).fill(7),
    });
  }

  /** @param sip what differs from the defaults in the configuration file's block of that name */
  static async start(t: ExecutionContext, sip: object = {}): Promise<Edge> {
    const edge = new Edge(sip);
    await edge.clock.runUntil(edge.#side.start());
    t.teardown(() => edge.clock.runUntil(edge.#side.stop()));
    return edge;
  }

  /** Ends it and starts it again with what it had on disk. */
  async restart(): Promise<void> {
    await this.clock.runUntil(this.#side.stop());
    this.#side = this.#compose();
    await this.clock.runUntil(this.#side.start());
  }

  /** Nobody in the overlay answers any more. */
  cutOff(): void {
    this.overlay.fetchError = new CodedError('overlay-unreachable', 'nobody answers');
  }

  now(): number {
    return this.clock.monotonic();
  }

  until<T>(promise: Promise<T>, ms: number): Promise<T> {
    return this.clock.runUntil(promise, ms);
  }

  pass(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /** A phone at an address of its own that has said nothing yet. */
  phone(user: string, options: Partial<PhoneOptions> = {}): Promise<Phone> {
    const host = options.host ?? `192.0.2.${this.#hosts++}`;
    const deps = { network: this.network.host(host), time: this, server: { host: EDGE, port: 5060 } };
    return Phone.open(deps, { user, host, ...options });
  }

  /** A phone that has registered. */
  async registered(
    user: string,
    options: Partial<PhoneOptions> & { register?: RequestOptions & { params?: string } } = {},
  ): Promise<Phone> {
    const phone = await this.phone(user, options);
    await phone.register(options.register);
    return phone;
  }
}

/** An edge with Alice's phone and Bob's, both registered. */
export async function aliceAndBob(t: ExecutionContext, sip: object = {}) {
  const edge = await Edge.start(t, sip);
  return { edge, alice: await edge.registered('alice'), bob: await edge.registered('bob') };
}

/** Alice's phone and several of Carol's, one for each set of Contact parameters. */
export async function forked(t: ExecutionContext, params: readonly string[] = ['', '']) {
  const edge = await Edge.start(t);
  const alice = await edge.registered('alice');
  const phones: Phone[] = [];
  for (const text of params) phones.push(await edge.registered('carol', { register: { params: text } }));
  return { edge, alice, phones };
}

/** Alice calls Carol: the second of her two phones rings, and the first has the INVITE as well. */
export async function ringingBeside(t: ExecutionContext) {
  const { edge, alice, phones } = await forked(t);
  const [first, second] = phones as [Phone, Phone];
  alice.invite(first);
  const ringing = await second.expect('INVITE');
  second.answer(ringing, 180);
  await alice.expect(180);
  return { edge, alice, first, second, ringing, incoming: await first.expect('INVITE') };
}

/** Alice has called Bob, who has answered; both have the dialog. */
export async function call(alice: Phone, bob: Phone, options: RequestOptions = {}) {
  const invite = alice.invite(bob, options);
  const incoming = await bob.expect('INVITE');
  const answer = bob.answer(incoming, 200);
  const ok = await alice.expect(200);
  alice.ack(invite, ok);
  const ack = await bob.expect('ACK');
  return { invite, incoming, ok, ack, hers: alice.dialog(invite, ok), his: bob.dialogOf(incoming, answer) };
}

/** @param sip the block of a configuration file */
function configuration(sip: object): GatewayConfig {
  const tree = {
    overlay: { name: 'example.org', first: true },
    sip: { listen: [`udp://${EDGE}:5060`, `tcp://${EDGE}:5060`], auth: 'none', ...sip },
    // Only its name is looked at: what is written goes to a store in memory.
    data: './data',
  };
  const users = USERS.map((user) => ({ aor: `${user}@example.org`, password: 'secret' }));
  return buildConfig(tree, { file: 'gateway.yaml', directory: '/', users }).config;
}
