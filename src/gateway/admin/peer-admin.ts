import type { CallDetail, CallPage, CallSummary } from '../calls/call-views.ts';
import type { PageQuery } from './paging.ts';

/** What `GET /status` answers: one peer at a glance. Node-IDs are 32 lower-case hex digits throughout. */
export interface PeerStatus {
  readonly node: string;
  readonly overlay: string;
  readonly role: 'peer' | 'client';
  /** Where the peer stands: `joining`, `joined`, `isolated`, `leaving` … */
  readonly state: string;
  readonly version: string;
  readonly uptimeS: number;
  /** Where overlay links are accepted, `tls://host:port` each. */
  readonly overlayListen: readonly string[];
  readonly sip: { readonly mode: 'proxy' | 'redirect' | 'off'; readonly uris: readonly string[] };
  readonly predecessor?: string;
  readonly successor?: string;
  /** The configuration document in force; left out where the overlay has none. */
  readonly configuration?: { readonly sequence: number; readonly expires?: string };
  /** The certificate of this peer: whom it names, and when it ends (ISO 8601). */
  readonly certificate: { readonly user: string; readonly expires: string };
  /** Open overlay links, and overlay values held for others and ourselves. */
  readonly links: number;
  readonly storedValues: number;
  /** Users registered here, and their contacts. */
  readonly registrations: { readonly aors: number; readonly bindings: number };
  /** Where an enrollment server has the users: whether it answers, and how many of them are known here without it. */
  readonly enrollment?: { readonly reachable: boolean; readonly users: number };
}

/** What `GET /ring` answers: the routing table of this peer. */
export interface RingView {
  readonly node: string;
  readonly state: string;
  /** Nearest first, each. */
  readonly predecessors: readonly string[];
  readonly successors: readonly string[];
  readonly fingers: readonly string[];
  readonly links: readonly RingLink[];
}

export interface RingLink {
  readonly node: string;
  /** `host:port` of the other side. */
  readonly address: string;
  readonly rttMs?: number;
}

/** One user registered at this peer. */
export interface RegistrationView {
  readonly aor: string;
  readonly bindings: readonly RegisteredContact[];
  /** When the record in the overlay ends, ISO 8601; left out while none is stored there. */
  readonly publishedUntil?: string;
}

export interface RegisteredContact {
  readonly contact: string;
  readonly q?: number;
  /** ISO 8601. */
  readonly expiresAt: string;
  readonly transport: string;
  /** Where the REGISTER came from, `host:port`. */
  readonly source?: string;
}

/** A part of the list of users registered here. */
export interface RegistrationPage {
  /** Users that match. */
  readonly total: number;
  readonly items: readonly RegistrationView[];
}

/** Which peers hold the record of an AoR (RFC 6940 §10.4). */
export interface HoldersView {
  readonly aor: string;
  readonly resourceId: string;
  readonly responsible: string;
  /** The peers that follow it in the ring; fewer in small overlays. */
  readonly replicas: readonly string[];
}

/** One entry of a user's SIP-REGISTRATION record: one adapter peer that serves the user. */
export interface LookupEntry {
  /** The dictionary key: the Node-ID of the peer that made the entry. */
  readonly node: string;
  readonly type: 'uri' | 'route';
  /** The destination list of a `route`, as text; of a `uri` the URI alone. */
  readonly destinationList: readonly string[];
  readonly contactPrefs?: string;
  /** ms since the epoch, as signed by the peer that stored it. */
  readonly storageTime: number;
  readonly lifetimeS: number;
  /** ISO 8601. */
  readonly expiresAt: string;
}

export interface LookupResult {
  readonly aor: string;
  readonly resourceId: string;
  /** Empty when nobody has registered the AoR. */
  readonly entries: readonly LookupEntry[];
  /** How long the lookup took. */
  readonly ms: number;
}

/** What `GET /trace/AOR` answers: the way from this peer to a user's record, and on to who serves the user. */
export interface TraceResult {
  readonly aor: string;
  readonly resourceId: string;
  /** This peer first, the one that keeps the record last; each with the time it took to ask it, ms. */
  readonly hops: readonly PingResult[];
  /** Why the last of them does not keep the record. */
  readonly broken?: 'loop' | 'too-long';
  /** How long the Fetch of the record took. */
  readonly lookupMs: number;
  /** The peers that the record names; without `ms` one that does not answer. */
  readonly serving: readonly { readonly node: string; readonly ms?: number; readonly problem?: string }[];
}

export interface PingResult {
  readonly node: string;
  readonly ms: number;
}

/** A source that gets no answer: an IPv4 address, or the first four groups of IPv6 ones. */
export interface BanView {
  readonly source: string;
  readonly reason: string;
  /** ISO 8601. */
  readonly until: string;
}

/** What reading the configuration again has changed; keys as they stand in the file. */
export interface ReloadReport {
  readonly applied: readonly string[];
  /** Changed in the file, and read at the next start only. */
  readonly needRestart: readonly string[];
  readonly warnings: readonly string[];
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not: joining, isolated, leaving. */
  readonly reason?: string;
}

/**
 * What operators may ask of a running peer. The admin server, `p2psip testnet` and the console stand on this alone.
 * `lookup` rejects with CodedError 'bad-aor', `ping` with 'bad-node-id'; both may reject with whatever the overlay
 * answered, a timeout included.
 */
export interface PeerAdmin {
  status(): PeerStatus;
  ring(): RingView;
  registrations(): readonly RegistrationView[];
  lookup(aor: string): Promise<LookupResult>;
  ping(node: string): Promise<PingResult>;
  /** Rejects like `lookup`, or when a peer on the way does not answer. */
  trace(aor: string): Promise<TraceResult>;
  registrationPage(query: PageQuery): RegistrationPage;
  /** Asks the overlay. Rejects like `lookup`. */
  holders(aor: string): Promise<HoldersView>;
  /** Newest first; empty where no calls are kept. */
  calls(query: PageQuery): CallPage;
  /** Undefined when it is not, or no longer, kept. */
  call(id: string): CallDetail | undefined;
  /** Grows whenever a call changes. */
  callsVersion(): number;
  /** Calls that changed after that version. */
  changedCalls(version: number, limit: number): readonly CallSummary[];
  isReady(): Readiness;
  bans(): readonly BanView[];
  /** Reads the configuration files again. @throws ConfigError when they cannot be used: the peer goes on as it is */
  reload(): ReloadReport;
}
