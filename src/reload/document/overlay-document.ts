import type { NodeIdDigest } from '../security/node-id.ts';
import { type NodeId, overlayHashOf } from '../wire/ids.ts';
import type { KindTable } from '../wire/kind-table.ts';
import { builtInKinds } from './kinds.ts';

/** The parameters all nodes of an overlay share (RFC 6940 §11.1). */
export interface OverlayDocument {
  /** instance-name. */
  readonly name: string;
  /** The `overlay` field of the forwarding header (RFC 6940 §6.3.2). */
  readonly overlayHash: number;
  /** configuration_sequence, 0 to 65534. */
  readonly sequence: number;
  /** Version of the built-in template; undefined for a document that somebody wrote and signed. */
  readonly templateVersion: number | undefined;
  readonly topologyPlugin: 'CHORD-RELOAD';
  /** Bytes; other lengths are refused with CHORD-RELOAD, whose ring is 2^128. */
  readonly nodeIdLength: 16;
  /** self-signed-permitted; undefined: certificates chain to `rootCertificates`. */
  readonly selfSignedPermitted: { readonly digest: NodeIdDigest } | undefined;
  /** DER. */
  readonly rootCertificates: readonly Uint8Array[];
  readonly noIce: boolean;
  readonly linkProtocols: readonly OverlayLinkProtocol[];
  readonly clientsPermitted: boolean;
  readonly turnDensity: number;
  readonly initialTtl: number;
  /** overlay-reliability-timer, ms. */
  readonly reliabilityTimerMs: number;
  /** Bytes. */
  readonly maxMessageSize: number;
  readonly chord: ChordParameters;
  readonly kinds: KindTable;
  readonly kindSigners: ReadonlySet<NodeId>;
  readonly configurationSigners: ReadonlySet<NodeId>;
  readonly badNodes: ReadonlySet<NodeId>;
}

export type OverlayLinkProtocol = 'TLS-TCP-FH-NO-ICE' | 'DTLS-UDP-SR' | 'DTLS-UDP-SR-NO-ICE';

/** The urn:ietf:params:xml:ns:p2p:config-chord elements. */
export interface ChordParameters {
  /** Seconds. */
  readonly updateInterval: number;
  /** Seconds. */
  readonly pingInterval: number;
  /** Reactive recovery. */
  readonly reactive: boolean;
}

/** Raised with every change of `builtInDocument`: peers that imply different documents cannot work together. */
const TEMPLATE_VERSION = 1;

/**
 * The document of an overlay that has none: a function of its name only, so that all its peers imply the same.
 * It names no kind-signer and no configuration-signer, hence every ConfigUpdate is Forbidden.
 */
export function builtInDocument(name: string): OverlayDocument {
  return {
    name,
    overlayHash: overlayHashOf(name),
    sequence: 0,
    templateVersion: TEMPLATE_VERSION,
    topologyPlugin: 'CHORD-RELOAD',
    nodeIdLength: 16,
    selfSignedPermitted: { digest: 'sha256' },
    rootCertificates: [],
    noIce: true,
    linkProtocols: ['TLS-TCP-FH-NO-ICE'],
    clientsPermitted: true,
    turnDensity: 1,
    initialTtl: 100,
    reliabilityTimerMs: 3000,
    maxMessageSize: 65_536,
    chord: { updateInterval: 600, pingInterval: 3600, reactive: true },
    kinds: builtInKinds,
    kindSigners: new Set(),
    configurationSigners: new Set(),
    badNodes: new Set(),
  };
}
