import type { Connection } from '../base/index.ts';

/** A Node-ID as lower-case hex (RFC 6940 §2); comparable with `===` and `<`. */
export type NodeId = string;

/** How the overlay takes part in calls right now. */
export type OverlayState = 'idle' | 'joining' | 'joined' | 'isolated' | 'leaving' | 'stopped';

/** One verified entry of a SIP-REGISTRATION dictionary (RFC 7904 §3.2), its signature already checked. */
export interface RegistrationEntry {
  /** The dictionary key: the Node-ID of the peer that stored it. */
  readonly node: NodeId;
  readonly registration: RegistrationValue;
  /** ms since the epoch, from the signed value. */
  readonly storageTime: number;
  /** Seconds the storing peers keep it from now; not signed. */
  readonly lifetimeS: number;
}

/** What an AoR leads to: another AoR, a peer, or nothing any more (`exists = false`). */
export type RegistrationValue =
  | { readonly type: 'uri'; readonly uri: string }
  | { readonly type: 'route'; readonly contactPrefs: string; readonly destinationList: readonly NodeId[] }
  | { readonly type: 'removed' };

/** One value this peer stores for a user. */
export interface RegistrationStore {
  readonly aor: string;
  readonly registration: RegistrationValue;
  readonly storageTime: number;
  readonly lifetimeS: number;
}

/** Of one question to the overlay. */
export interface OverlayOptions {
  readonly signal?: AbortSignal | undefined;
  /** The Call-ID of what it is asked for: names it to the trace. */
  readonly traceId?: string | undefined;
}

/**
 * The overlay as the bridge needs it: RELOAD records in SIP terms. Implemented by `reload-overlay.ts` over a
 * RELOAD node and by a small fake in the tests.
 */
export interface Overlay {
  readonly nodeId: NodeId;
  readonly name: string;
  readonly state: OverlayState;
  /** Whether the overlay takes registrations of this user (RFC 7904 §3.4). */
  admits(aor: string): boolean;
  /**
   * All entries of the AoR that verify.
   * @throws CodedError 'overlay-unreachable' when nobody answered
   */
  fetchRegistrations(aor: string, options?: OverlayOptions): Promise<readonly RegistrationEntry[]>;
  /** @throws CodedError 'data-too-old' | 'overlay-unreachable' | 'store-refused' */
  storeRegistration(store: RegistrationStore, signal?: AbortSignal): Promise<void>;
  /** The SIP URIs the peer publishes for redirectors (kind SIP-PEER-ADDRESS); empty when it has none. */
  fetchPublicAddresses(node: NodeId, signal?: AbortSignal): Promise<readonly string[]>;
  storePublicAddresses(uris: readonly string[], storageTime: number, lifetimeS: number): Promise<void>;
  /**
   * AppAttach (RFC 6940 §6.5.2): a mutually authenticated TLS connection for SIP to the last node of the list.
   * @throws CodedError 'peer-unreachable'
   */
  openSip(destinationList: readonly NodeId[], options?: OverlayOptions): Promise<Connection>;
  /** Takes the SIP connections that other peers asked for. */
  onSip(handler: (connection: Connection, peer: NodeId) => void): void;
}

/** The longest time a registration may be believed, whatever lifetime a storing peer claims: 24 h. */
export const MAX_REGISTRATION_AGE_MS = 24 * 3600 * 1000;
