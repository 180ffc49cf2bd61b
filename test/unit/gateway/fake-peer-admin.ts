import { CodedError } from '../../../src/base/index.ts';
import type { PageQuery } from '../../../src/gateway/admin/paging.ts';
import type {
  HoldersView,
  LookupResult,
  PeerAdmin,
  PingResult,
  Readiness,
  RegistrationView,
  RingView,
  TraceResult,
} from '../../../src/gateway/admin/peer-admin.ts';
import { CallList } from '../../../src/gateway/calls/call-list.ts';

export const own = '11'.repeat(16);
export const next = '22'.repeat(16);
export const before = 'ff'.repeat(16);

/** A peer that answers from a script. */
export class FakePeerAdmin implements PeerAdmin {
  node = own;
  successors: readonly string[] = [next];
  readiness: Readiness = { ready: true };
  people: readonly RegistrationView[] = [
    {
      aor: 'alice@example.org',
      bindings: [
        {
          contact: 'sip:alice@192.0.2.1:5060',
          q: 0.5,
          expiresAt: '2026-01-01T00:00:00.000Z',
          transport: 'UDP',
          source: '192.0.2.1:5060',
        },
      ],
      publishedUntil: '2026-01-01T01:00:00.000Z',
    },
  ];
  readonly asked: string[] = [];
  readonly callList = new CallList({ keep: 3 });

  status() {
    return {
      node: this.node,
      overlay: 'example.org',
      role: 'peer',
      state: 'joined',
      version: '0.1.0',
      uptimeS: 93_784,
      overlayListen: ['tls://127.0.0.1:6084'],
      sip: { mode: 'proxy', uris: ['sip:127.0.0.1:5060;transport=udp'] },
      predecessor: before,
      successor: next,
      links: 2,
      storedValues: 7,
      certificate: { user: 'gw1@example.org', expires: '2030-01-31T00:00:00.000Z' },
      registrations: { aors: 1, bindings: 1 },
      enrollment: { reachable: false, users: 3 },
    } as const;
  }

  ring(): RingView {
    return {
      node: this.node,
      state: 'joined',
      predecessors: [before],
      successors: this.successors,
      fingers: [],
      links: [
        { node: next, address: '127.0.0.1:6085', rttMs: 1.25 },
        { node: '33'.repeat(16), address: '127.0.0.1:6086' },
      ],
    };
  }

  registrations() {
    return this.people;
  }

  registrationPage({ offset, limit, match }: PageQuery) {
    const found = this.people.filter(({ aor }) => aor.includes(match));
    return { total: found.length, items: found.slice(offset, offset + limit) };
  }

  async holders(aor: string): Promise<HoldersView> {
    return { aor, resourceId: 'ab'.repeat(16), responsible: before, replicas: [own, next] };
  }

  calls(query: PageQuery) {
    return this.callList.page(query);
  }

  call(id: string) {
    return this.callList.detail(id);
  }

  callsVersion() {
    return this.callList.version;
  }

  changedCalls(version: number, limit: number) {
    return this.callList.changedSince(version, limit);
  }

  async lookup(aor: string): Promise<LookupResult> {
    this.asked.push(aor);
    if (aor === 'crash@example.org') throw new Error('secret detail');
    if (aor === 'late@example.org') throw new CodedError('request-timeout', 'no answer after 5 sends');
    if (!aor.includes('@')) throw new CodedError('bad-aor', `"${aor}" is not an address of record`);
    const route = {
      node: next,
      type: 'route',
      destinationList: [next],
      contactPrefs: '(sip.audio=TRUE)',
      storageTime: 1_767_225_600_000,
      lifetimeS: 3600,
      expiresAt: '2026-01-01T01:00:00.000Z',
    } as const;
    return {
      aor,
      resourceId: 'ab'.repeat(16),
      entries: aor.startsWith('bob') ? [route] : [],
      ms: 12.3,
    };
  }

  async ping(node: string): Promise<PingResult> {
    this.asked.push(node);
    return { node, ms: 3.21 };
  }

  async trace(aor: string): Promise<TraceResult> {
    this.asked.push(aor);
    const hops = [own, before, next].map((node, i) => ({ node, ms: i * 1.5 }));
    const serving = [
      { node: next, ms: 4 },
      { node: before, problem: 'no answer' },
    ];
    return {
      aor,
      resourceId: 'ab'.repeat(16),
      hops,
      lookupMs: 12.3,
      serving: aor.startsWith('bob') ? serving : [],
    };
  }

  bans() {
    return [{ source: '192.0.2.9', reason: 'wrong-credentials', until: '2026-01-01T00:10:00.000Z' }];
  }

  reload() {
    this.asked.push('reload');
    return { applied: ['users'], needRestart: ['overlay.listen'], warnings: [] };
  }

  isReady(): Readiness {
    return this.readiness;
  }
}
