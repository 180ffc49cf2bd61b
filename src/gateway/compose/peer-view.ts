import { type Clock, CodedError, errorMessage, formatAddress } from '../../base/index.ts';
import type { LocationService } from '../../p2psip/location-service.ts';
import type { RegistrationEntry } from '../../p2psip/overlay.ts';
import type { ReloadNode } from '../../reload/node/reload-node.ts';
import type { NodeIdentity } from '../../reload/security/identity.ts';
import { resourceIdOf } from '../../reload/usages/sip/resource-name.ts';
import { isNodeId } from '../../reload/wire/ids.ts';
import { canonicalAor } from '../../sip/message/aor.ts';
import { parseUri } from '../../sip/message/uri.ts';
import type { Binding } from '../../sip/registrar/binding.ts';
import type { PageQuery } from '../admin/paging.ts';
import type {
  BanView,
  HoldersView,
  LookupEntry,
  LookupResult,
  PeerAdmin,
  PeerStatus,
  PingResult,
  Readiness,
  RegisteredContact,
  RegistrationPage,
  RegistrationView,
  ReloadReport,
  RingView,
  TraceResult,
} from '../admin/peer-admin.ts';
import type { CallList } from '../calls/call-list.ts';
import type { CallDetail, CallPage, CallSummary } from '../calls/call-views.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { packageVersion } from '../package-version.ts';
import type { Reloading } from '../reloading.ts';
import type { SipSide } from './sip-side.ts';

interface Deps {
  readonly clock: Clock;
  readonly node: ReloadNode;
  readonly identity: NodeIdentity;
  readonly locations: LocationService;
  /** Undefined where no calls are kept. */
  readonly calls: CallList | undefined;
  /** Undefined without SIP. */
  readonly sip: SipSide | undefined;
  /** Undefined where there is no file to read again. */
  readonly reload: Reloading | undefined;
}

/** RFC 6940 §10.4: each record is held by this many peers besides the responsible one. */
const REPLICAS = 2;

/** What operators may ask of this peer, put together from its parts. */
export class PeerView implements PeerAdmin {
  readonly #deps: Deps;
  readonly #config: GatewayConfig;
  readonly #startedAt: number;

  constructor(deps: Deps, config: GatewayConfig) {
    this.#deps = deps;
    this.#config = config;
    this.#startedAt = deps.clock.monotonic();
  }

  status(): PeerStatus {
    const { node, sip, clock, identity } = this.#deps;
    const { predecessors, successors, links } = node.ring();
    const [predecessor] = predecessors;
    const [successor] = successors;
    const { source, sequence, expiresAt } = node.document;
    const expires = expiresAt === undefined ? undefined : new Date(expiresAt).toISOString();
    return {
      node: node.nodeId,
      overlay: this.#config.overlay.name,
      role: this.#config.overlay.role,
      state: node.state,
      version: packageVersion(),
      uptimeS: Math.floor((clock.monotonic() - this.#startedAt) / 1000),
      overlayListen: node.listening.map((address) => `tls://${formatAddress(address)}`),
      sip: { mode: this.#config.sip.mode, uris: sip?.uris ?? [] },
      ...(predecessor !== undefined && { predecessor }),
      ...(successor !== undefined && { successor }),
      ...(source !== undefined && { configuration: { sequence, ...(expires !== undefined && { expires }) } }),
      certificate: {
        user: identity.userName,
        expires: new Date(identity.certificate.notAfter).toISOString(),
      },
      links: links.length,
      storedValues: node.storedValues,
      registrations: this.#registrationCounts(),
      ...(sip?.enrollment && { enrollment: sip.enrollment }),
    };
  }

  bans(): readonly BanView[] {
    const now = this.#deps.clock.now();
    return (this.#deps.sip?.bans ?? []).map(({ source, why, leftMs }) => ({
      ...{ source, reason: why, until: new Date(now + leftMs).toISOString() },
    }));
  }

  reload(): ReloadReport {
    if (this.#deps.reload === undefined) throw new CodedError('not-found', 'there is no file to read again');
    return this.#deps.reload.reload();
  }

  ring(): RingView {
    const { node } = this.#deps;
    const { nodeId, predecessors, successors, fingers, links } = node.ring();
    return {
      node: nodeId,
      state: node.state,
      predecessors,
      successors,
      fingers,
      links: links.map(({ nodeId: peer, address, rttMs }) => ({
        node: peer,
        address: formatAddress(address),
        ...(rttMs !== undefined && { rttMs }),
      })),
    };
  }

  registrations(): readonly RegistrationView[] {
    const { sip } = this.#deps;
    if (sip === undefined) return [];
    return [...sip.bindings.entries()].map(([aor, bindings]) => toRegistration(sip, aor, bindings));
  }

  registrationPage({ offset, limit, match }: PageQuery): RegistrationPage {
    const { sip } = this.#deps;
    const items: RegistrationView[] = [];
    let total = 0;
    for (const [aor, bindings] of sip?.bindings.entries() ?? []) {
      if (!aor.includes(match)) continue;
      // Nothing is looked for, and all that is wanted is there: the others need only be counted.
      if (match === '' && items.length === limit) return { total: sip!.bindings.size, items };
      if (total >= offset && items.length < limit) items.push(toRegistration(sip!, aor, bindings));
      total += 1;
    }
    return { total, items };
  }

  async holders(text: string): Promise<HoldersView> {
    const { node } = this.#deps;
    const aor = parseAor(text);
    const resourceId = resourceIdOf(aor);
    const responsible = await node.responsibleFor(resourceId);
    const replicas: string[] = [];
    for (let last = responsible; replicas.length < REPLICAS; ) {
      last = await node.successorOf(last);
      if (last === responsible || replicas.includes(last)) break;
      replicas.push(last);
    }
    return { aor, resourceId, responsible, replicas };
  }

  calls(query: PageQuery): CallPage {
    return this.#deps.calls?.page(query) ?? { running: 0, kept: 0, passedBy: 0, items: [] };
  }

  call(id: string): CallDetail | undefined {
    return this.#deps.calls?.detail(id);
  }

  callsVersion(): number {
    return this.#deps.calls?.version ?? 0;
  }

  changedCalls(version: number, limit: number): readonly CallSummary[] {
    return this.#deps.calls?.changedSince(version, limit) ?? [];
  }

  async lookup(text: string): Promise<LookupResult> {
    const { clock, locations } = this.#deps;
    const aor = parseAor(text);
    const start = clock.monotonic();
    const entries = await locations.fetch(aor);
    const ms = Math.round((clock.monotonic() - start) * 10) / 10;
    const now = clock.now();
    return {
      aor,
      resourceId: resourceIdOf(aor),
      entries: entries.flatMap((entry) => toEntry(entry, now)),
      ms,
    };
  }

  async trace(text: string): Promise<TraceResult> {
    const { resourceId, aor, entries, ms: lookupMs } = await this.lookup(text);
    const { hops, broken } = await this.#deps.node.traceRoute(resourceId);
    const nodes = [
      ...new Set(
        entries.flatMap(({ type, destinationList }) => (type === 'route' ? destinationList.slice(-1) : [])),
      ),
    ];
    return {
      ...{ aor, resourceId, lookupMs },
      hops: hops.map(({ nodeId, ms }) => ({ node: nodeId, ms: Math.round(ms * 10) / 10 })),
      ...(broken !== undefined && { broken }),
      serving: await Promise.all(nodes.map((node) => this.#reach(node))),
    };
  }

  async #reach(node: string): Promise<TraceResult['serving'][number]> {
    if (node === this.#deps.node.nodeId) return { node, ms: 0 };
    try {
      return await this.ping(node);
    } catch (error) {
      return { node, problem: errorMessage(error) };
    }
  }

  async ping(node: string): Promise<PingResult> {
    if (!isNodeId(node)) throw new CodedError('bad-node-id', 'a Node-ID is 32 lower-case hex digits');
    const { clock } = this.#deps;
    const start = clock.monotonic();
    await this.#deps.node.ping(node);
    return { node, ms: Math.round((clock.monotonic() - start) * 10) / 10 };
  }

  isReady(): Readiness {
    const { state } = this.#deps.node;
    return state === 'joined' ? { ready: true } : { ready: false, reason: state };
  }

  #registrationCounts(): { aors: number; bindings: number } {
    const { sip } = this.#deps;
    if (sip === undefined) return { aors: 0, bindings: 0 };
    return { aors: sip.bindings.size, bindings: sip.bindings.bindingCount };
  }
}

/** An AoR as people type it, with or without `sip:`. */
function parseAor(text: string): string {
  try {
    return canonicalAor(parseUri(/^sips?:/i.test(text) ? text : `sip:${text}`), '', () => false);
  } catch (cause) {
    throw new CodedError('bad-aor', `not an address of record: ${text}`, { cause });
  }
}

function toRegistration({ publisher }: SipSide, aor: string, bindings: readonly Binding[]): RegistrationView {
  const until = publisher.storedUntil(aor);
  const view = { aor, bindings: bindings.map(toContact) };
  return until === undefined ? view : { ...view, publishedUntil: new Date(until).toISOString() };
}

function toContact(binding: Binding): RegisteredContact {
  return {
    contact: binding.contact,
    q: binding.q,
    expiresAt: new Date(binding.expiresAt).toISOString(),
    transport: binding.transport,
    source: formatAddress(binding.source),
  };
}

function toEntry(
  { node, registration, storageTime, lifetimeS }: RegistrationEntry,
  now: number,
): LookupEntry[] {
  const common = { node, storageTime, lifetimeS, expiresAt: new Date(now + lifetimeS * 1000).toISOString() };
  switch (registration.type) {
    case 'removed':
      return [];
    case 'uri':
      return [{ ...common, type: 'uri', destinationList: [registration.uri] }];
    case 'route': {
      const { contactPrefs, destinationList } = registration;
      return [{ ...common, type: 'route', destinationList, ...(contactPrefs !== '' && { contactPrefs }) }];
    }
  }
}
