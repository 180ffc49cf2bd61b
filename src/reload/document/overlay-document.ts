import type { Address } from '../../base/index.ts';
import type { NodeIdDigest } from '../security/node-id.ts';
import { type KindId, type NodeId, overlayHashOf } from '../wire/ids.ts';
import type { KindDefinition, KindTable } from '../wire/kind-table.ts';
import type { DomainRestriction } from './domain-restriction.ts';
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
  /** ms since the Unix epoch; undefined: for ever. */
  readonly expiresAt: number | undefined;
  readonly topologyPlugin: string;
  /** Bytes; other lengths than 16 are refused with CHORD-RELOAD, whose ring is 2^128. */
  readonly nodeIdLength: number;
  /** self-signed-permitted; undefined: certificates chain to `rootCertificates`. */
  readonly selfSignedPermitted: { readonly digest: NodeIdDigest } | undefined;
  /** DER. */
  readonly rootCertificates: readonly Uint8Array[];
  readonly noIce: boolean;
  /** overlay-link-protocol, as written; the default, "TLS", stands for TLS and DTLS. */
  readonly linkProtocols: readonly string[];
  readonly enrollmentServers: readonly string[];
  readonly bootstrapNodes: readonly Address[];
  /** multicast-bootstrap, our own element (requirement T1): groups in which to ask for peers. */
  readonly multicastBootstrap: readonly Address[];
  readonly sharedSecret: string | undefined;
  /** XML namespaces. */
  readonly mandatoryExtensions: readonly string[];
  readonly clientsPermitted: boolean;
  readonly turnDensity: number;
  readonly initialTtl: number;
  /** overlay-reliability-timer, ms. */
  readonly reliabilityTimerMs: number;
  /** Bytes. */
  readonly maxMessageSize: number;
  readonly chord: ChordParameters;
  /** All Kinds known: those of `kindBlocks`, and the ones every node of ours supports. */
  readonly kinds: KindTable;
  /** required-kinds, as declared. */
  readonly kindBlocks: ReadonlyMap<KindId, KindBlock>;
  /** What is declared there but cannot be had here, and why. */
  readonly unsupportedKinds: readonly string[];
  readonly kindSigners: ReadonlySet<NodeId>;
  readonly configurationSigners: ReadonlySet<NodeId>;
  readonly badNodes: ReadonlySet<NodeId>;
  /** revoked-user (requirement T16): certificates for the name that were issued before this time, ms, are invalid. */
  readonly revokedUsers: ReadonlyMap<string, number>;
  /** RFC 7904 §3.4; undefined: any AoR may be stored. */
  readonly domainRestriction: DomainRestriction | undefined;
  /** Where it was read from; undefined for a document that nobody wrote. */
  readonly source: DocumentSource | undefined;
}

/** The exact bytes behind a document. */
export interface DocumentSource {
  /** The whole file, as a ConfigUpdate carries it. */
  readonly bytes: Uint8Array;
  /** The `configuration` element, which the signatures cover. */
  readonly configuration: Uint8Array;
  /** SecurityBlocks, not checked yet. */
  readonly signatures: readonly Uint8Array[];
}

/** A kind-block: the definition of a Kind and the signature of a kind-signer. */
export interface KindBlock {
  readonly kind: KindDefinition;
  /** The kind-block element as text: what a ConfigUpdate of type kind carries. */
  readonly text: string;
  /** The `kind` element, which the signature covers. */
  readonly signed: Uint8Array;
  /** A SecurityBlock, not checked yet. */
  readonly signature: Uint8Array | undefined;
}

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
    expiresAt: undefined,
    topologyPlugin: 'CHORD-RELOAD',
    nodeIdLength: 16,
    selfSignedPermitted: { digest: 'sha256' },
    rootCertificates: [],
    noIce: true,
    linkProtocols: ['TLS-TCP-FH-NO-ICE'],
    enrollmentServers: [],
    bootstrapNodes: [],
    multicastBootstrap: [],
    sharedSecret: undefined,
    mandatoryExtensions: [],
    clientsPermitted: true,
    turnDensity: 1,
    initialTtl: 100,
    reliabilityTimerMs: 3000,
    maxMessageSize: 65_536,
    chord: { updateInterval: 600, pingInterval: 3600, reactive: true },
    kinds: builtInKinds,
    kindBlocks: new Map(),
    unsupportedKinds: [],
    kindSigners: new Set(),
    configurationSigners: new Set(),
    badNodes: new Set(),
    revokedUsers: new Map(),
    domainRestriction: undefined,
    source: undefined,
  };
}
