import { silentLogger } from '../../src/base/index.ts';
import { SeededRandom } from '../../src/base/virtual/seeded-random.ts';
import { VirtualClock } from '../../src/base/virtual/virtual-clock.ts';
import { builtInDocument, type OverlayDocument } from '../../src/reload/document/overlay-document.ts';
import { ForwardingLayer, type ForwardingOptions } from '../../src/reload/forwarding/forwarding-layer.ts';
import type { LinkLike, PreviousHop } from '../../src/reload/forwarding/ports.ts';
import { type Destination, toNode } from '../../src/reload/messages/destination.ts';
import { CertificateStore } from '../../src/reload/security/certificate-store.ts';
import { createSelfSignedIdentity, type Identity } from '../../src/reload/security/identity.ts';
import { SelfSignedTrust } from '../../src/reload/security/trust-policy.ts';
import type { NodeId } from '../../src/reload/wire/ids.ts';
import { CountingMetrics } from './counting-metrics.ts';

const OVERLAY = 'line.example.org';

export interface LineOptions {
  readonly length: number;
  /** Index of the node that is responsible for every Resource-ID; the last one by default. */
  readonly owner?: number;
  readonly mtu?: number;
  readonly document?: Partial<OverlayDocument>;
  readonly options?: Partial<ForwardingOptions>;
}

/** A message on its way between neighbours. */
export interface Transit {
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array;
}

export interface LineNode {
  readonly index: number;
  readonly identity: Identity;
  readonly nodeId: NodeId;
  readonly forwarding: ForwardingLayer;
  readonly metrics: CountingMetrics;
  readonly destination: Destination;
}

/**
 * Forwarding layers in a line, each linked with its two neighbours, on a virtual clock: 10 ms a hop. Each message
 * can be watched, changed, held back or repeated on its way.
 */
export class ForwardingLine {
  readonly clock = new VirtualClock();
  readonly random = new SeededRandom(1);
  readonly nodes: readonly LineNode[];
  readonly transits: Transit[] = [];
  document: OverlayDocument;
  /** What becomes of a message on a link: the bytes that arrive, or nothing. */
  intercept: (transit: Transit) => Uint8Array | undefined = ({ bytes }) => bytes;
  /** Whom the owner of all resources is believed to be when answers are checked. */
  plausibleOwner: (nodeId: NodeId) => boolean = () => true;
  readonly #owner: number;
  readonly #mtu: number | undefined;
  readonly #broken = new Set<string>();

  constructor({ length, owner = length - 1, mtu, document, options }: LineOptions) {
    this.#owner = owner;
    this.#mtu = mtu;
    this.document = { ...builtInDocument(OVERLAY), ...document };
    const identities = Array.from({ length }, () => createSelfSignedIdentity(this, { overlay: OVERLAY }));
    this.nodes = identities.map((identity, index) => this.#node(index, identity, identities, options));
  }

  get first(): LineNode {
    return this.nodes[0]!;
  }

  get last(): LineNode {
    return this.nodes.at(-1)!;
  }

  /** Takes the link between two neighbours away. */
  disconnect(a: number, b: number): void {
    this.#broken.add(`${a}-${b}`).add(`${b}-${a}`);
  }

  /** Hands bytes to a node as if its neighbour had sent them. */
  inject(bytes: Uint8Array, from: number, to: number, hop: Partial<PreviousHop> = {}): void {
    this.nodes[to]!.forwarding.receive(bytes, { nodeId: this.nodes[from]!.nodeId, ...hop });
  }

  #node(
    index: number,
    identity: Identity,
    identities: readonly Identity[],
    options: Partial<ForwardingOptions> = {},
  ): LineNode {
    const { clock, random } = this;
    const metrics = new CountingMetrics();
    const indexOf = (id: string) => {
      const found = identities.findIndex(({ nodeId }) => nodeId === id);
      return found === -1 ? this.#owner : found;
    };
    const trust = new SelfSignedTrust({ overlay: OVERLAY, digest: 'sha256', admission: { kind: 'open' } });
    const forwarding = new ForwardingLayer(
      {
        clock,
        random,
        logger: silentLogger,
        metrics,
        certificates: new CertificateStore({ clock, trust }),
        links: { linkTo: (nodeId) => this.#link(index, indexOf(nodeId)) },
        routing: {
          self: identity.nodeId,
          isResponsible: (id) => identities[this.#owner] === identity && indexOf(id) === index,
          nextHop: (id) => identities[index + Math.sign(indexOf(id) - index)]?.nodeId,
          isPlausibleOwner: (nodeId) => this.plausibleOwner(nodeId),
        },
      },
      { document: () => this.document, identity, ...options },
    );
    return {
      index,
      identity,
      nodeId: identity.nodeId,
      forwarding,
      metrics,
      destination: toNode(identity.nodeId),
    };
  }

  #link(from: number, to: number): LinkLike | undefined {
    if (Math.abs(from - to) !== 1 || this.#broken.has(`${from}-${to}`)) return undefined;
    const send = (bytes: Uint8Array): void => {
      const arriving = this.intercept({ from, to, bytes });
      this.transits.push({ from, to, bytes });
      if (arriving !== undefined)
        this.clock.setTimer(10, () => this.inject(new Uint8Array(arriving), from, to));
    };
    return this.#mtu === undefined ? { send } : { send, mtu: this.#mtu };
  }
}
