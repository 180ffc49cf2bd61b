import {
  type Clock,
  Event,
  type EventSource,
  type Gauge,
  type KeyValueStore,
  type Logger,
  type Metrics,
} from '../../base/index.ts';
import { DocumentError } from '../document/document-error.ts';
import { type Verified, verifyKindBlock } from '../document/document-verification.ts';
import { domainRule, restrictKinds } from '../document/domain-restriction.ts';
import { parseKindBlock } from '../document/kind-reader.ts';
import type { KindBlock, OverlayDocument } from '../document/overlay-document.ts';
import { requireSupported } from '../document/supported.ts';
import type { HeaderLimits } from '../forwarding/header-check.ts';
import type { KindId, NodeId } from '../wire/ids.ts';
import { type LearnedKind, newestDocument, saveConfiguration, savedKinds } from './configuration-saved.ts';
import { readNextDocument } from './next-document-reader.ts';
import type { Topologies } from './topologies.ts';

/**
 * NOTE: so long after a change we still take what the previous document allowed: a smaller initial-ttl or
 * max-message-size would otherwise cut the nodes off that have yet to be told of it.
 */
const GRACE_MS = 3_600_000;

/** Kinds learned from ConfigUpdates, beside those of the document. */
const MAX_LEARNED_KINDS = 256;

const NO_KINDS: ReadonlyMap<KindId, never> = new Map<KindId, never>();

export interface ConfigurationChange {
  readonly before: OverlayDocument;
  readonly after: OverlayDocument;
}

/**
 * The configuration document in force (RFC 6940 §11.1): newer ones that are properly signed replace it, and Kinds that
 * a kind-signer signed are added to it. Both are kept over restarts.
 */
export class ConfigurationKeeper {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #deps: { readonly kv: KeyValueStore; readonly logger: Logger };
  readonly #topologies: Topologies;
  readonly #sequence: Gauge;
  readonly #changing = new Event<ConfigurationChange>();
  readonly #changed = new Event<ConfigurationChange>();
  readonly #failed = new Event<Error>();
  /** As it was read, without what was learned. */
  #document: OverlayDocument;
  /** Who signed the kind-blocks of the document; of those that came with the first one, only the list is known. */
  #kindSigners: Verified['kindSigners'] = NO_KINDS;
  #learned: ReadonlyMap<KindId, LearnedKind> = NO_KINDS;
  #current: OverlayDocument;
  #grace: { readonly limits: HeaderLimits; readonly until: number } | undefined;

  /**
   * @param options.document checked already; a newer one that an earlier run was given is taken instead
   * @param options.topologies the topology plug-ins at hand
   * @throws DocumentError 'document-unsupported' | 'document-expired'
   */
  constructor(
    deps: { clock: Clock; kv: KeyValueStore; logger: Logger; metrics: Metrics },
    options: { readonly document: OverlayDocument; readonly topologies: Topologies },
  ) {
    this.#clock = deps.clock;
    this.#deps = { kv: deps.kv, logger: deps.logger };
    this.#logger = deps.logger;
    this.#topologies = options.topologies;
    this.#sequence = deps.metrics.gauge(
      'reload_configuration_sequence',
      'Sequence number of the configuration document in force',
    );
    this.#document = newestDocument(deps, options.document);
    requireSupported(this.#document, this.#topologies);
    this.#learned = savedKinds(deps, this.#document);
    this.#current = withKinds(this.#document, this.#learned);
    this.#sequence.set(this.#current.sequence);
  }

  /** In force now. */
  get current(): OverlayDocument {
    return this.#current;
  }

  /** What is taken from others. */
  get accepted(): HeaderLimits {
    const grace = this.#grace;
    return grace !== undefined && this.#clock.monotonic() < grace.until ? grace.limits : this.#current;
  }

  /** Another document is about to be in force; until all listeners have returned the old one is. */
  get changing(): EventSource<ConfigurationChange> {
    return this.#changing;
  }

  /** Another document is in force. */
  get changed(): EventSource<ConfigurationChange> {
    return this.#changed;
  }

  /** The new document demands what we have not: "If a node is not capable ..., it MUST exit the overlay" (§11.1). */
  get failed(): EventSource<Error> {
    return this.#failed;
  }

  /**
   * A document that somebody sent: taken if it is newer than ours and signed by a signer that ours names (§6.5.4.2).
   * @returns once it is on the disk
   * @throws DocumentError; nothing has changed then
   */
  async takeDocument(bytes: Uint8Array): Promise<void> {
    const before = this.#document;
    const { document, signer, kindSigners } = readNextDocument({ clock: this.#clock }, bytes, before);
    const { sequence } = document;
    this.#logger.info('a new configuration document is in force', {
      sequence,
      before: before.sequence,
      signer,
    });
    const allowed = [...this.#learned].filter(
      ([id, { signer: by }]) => document.kindSigners.has(by) && !document.kindBlocks.has(id),
    );
    this.#apply(document, kindSigners, new Map(allowed));
    await saveConfiguration(this.#deps, document, this.#learned);
    try {
      requireSupported(document, this.#topologies);
      requireSameRing(before, document);
    } catch (error) {
      this.#failed.emit(error as Error);
    }
  }

  /**
   * Kind-blocks that somebody sent: taken if a kind-signer of our document signed them (§6.5.4.2); all or none.
   * @returns once they are on the disk
   * @throws DocumentError; nothing has changed then
   */
  async takeKinds(texts: readonly string[]): Promise<void> {
    const learned = new Map(this.#learned);
    for (const text of texts) {
      const block = parseKindBlock(text);
      const signer = verifyKindBlock({ clock: this.#clock }, block, this.#document);
      this.#requireNoConflict(block, signer);
      // What the document says of a Kind overrides anything else.
      if (!this.#document.kindBlocks.has(block.kind.id)) learned.set(block.kind.id, { block, signer });
    }
    if (learned.size > MAX_LEARNED_KINDS) {
      throw new DocumentError('document-invalid', `more than ${MAX_LEARNED_KINDS} Kinds`);
    }
    this.#logger.info('Kinds were added', {
      kinds: [...learned.keys()].filter((id) => !this.#learned.has(id)),
    });
    this.#apply(this.#document, this.#kindSigners, learned);
    await saveConfiguration(this.#deps, undefined, learned);
  }

  /** The kind-block that defines a Kind, if we have a signed one. */
  kindBlock(id: KindId): string | undefined {
    const block = this.#learned.get(id)?.block ?? this.#document.kindBlocks.get(id);
    return block?.signature === undefined ? undefined : block.text;
  }

  /** §6.5.4.2: "if the Kind update conflicts with an existing known Kind (i.e., it is signed by a different signer)". */
  #requireNoConflict({ kind, text }: KindBlock, signer: NodeId): void {
    const declared = this.#document.kindBlocks.get(kind.id);
    const known = this.#learned.get(kind.id)?.signer ?? this.#kindSigners.get(kind.id);
    const conflicts =
      known === undefined ? declared !== undefined && declared.text !== text : known !== signer;
    if (conflicts)
      throw new DocumentError('document-forged', `${kind.name} is signed by somebody else already`);
  }

  #apply(
    document: OverlayDocument,
    kindSigners: Verified['kindSigners'],
    learned: ReadonlyMap<KindId, LearnedKind>,
  ): void {
    const before = this.#current;
    const { accepted } = this;
    const after = withKinds(document, learned);
    this.#changing.emit({ before, after });
    this.#document = document;
    this.#kindSigners = kindSigners;
    this.#learned = learned;
    this.#current = after;
    this.#grace = {
      limits: {
        overlayHash: after.overlayHash,
        initialTtl: Math.max(accepted.initialTtl, after.initialTtl),
        maxMessageSize: Math.max(accepted.maxMessageSize, after.maxMessageSize),
      },
      until: this.#clock.monotonic() + GRACE_MS,
    };
    this.#sequence.set(after.sequence);
    this.#changed.emit({ before, after });
  }
}

function withKinds(document: OverlayDocument, learned: ReadonlyMap<KindId, LearnedKind>): OverlayDocument {
  if (learned.size === 0) return document;
  const kinds = [...learned].map(([id, { block }]) => [id, block.kind] as const);
  const rule = domainRule(document.name, document.domainRestriction);
  return { ...document, kinds: restrictKinds(new Map([...document.kinds, ...kinds]), rule) };
}

/** §11.1: "This may require the node to exit the DHT and rejoin." */
function requireSameRing(before: OverlayDocument, after: OverlayDocument): void {
  if (before.topologyPlugin !== after.topologyPlugin) {
    throw new DocumentError(
      'document-unsupported',
      `the topology-plugin changes from ${before.topologyPlugin} to ${after.topologyPlugin}: join anew`,
    );
  }
}
