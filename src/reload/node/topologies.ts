import type { Random } from '../../base/index.ts';
import type { OverlayDocument } from '../document/overlay-document.ts';
import { CHORD_RELOAD } from '../document/supported.ts';
import { type ChordOptions, ChordTopology } from '../topology/chord/chord-topology.ts';
import type { TopologyPlugin } from '../topology/topology.ts';
import type { NodeId } from '../wire/ids.ts';

/** Makes the topology plug-in of one node. @param document in force, asked anew each time */
export type TopologyFactory = (
  deps: { readonly random: Random },
  self: NodeId,
  document: () => OverlayDocument,
) => TopologyPlugin;

/** Topology plug-ins by the name that `topology-plugin` of a document gives (RFC 6940 §§6.4.1, 11.1). */
export type Topologies = ReadonlyMap<string, TopologyFactory>;

/** What the configuration document in force says of CHORD-RELOAD. */
class DocumentedChord implements ChordOptions {
  readonly #document: () => OverlayDocument;

  constructor(document: () => OverlayDocument) {
    this.#document = document;
  }

  get updateIntervalMs(): number {
    return this.#document().chord.updateInterval * 1000;
  }

  get pingIntervalMs(): number {
    return this.#document().chord.pingInterval * 1000;
  }

  get reactive(): boolean {
    return this.#document().chord.reactive;
  }
}

const chordReload: TopologyFactory = (deps, self, document) =>
  new ChordTopology(deps, self, new DocumentedChord(document));

const OURS: Topologies = new Map([[CHORD_RELOAD, chordReload]]);

/** CHORD-RELOAD, which every node must support, and the others. */
export function knownTopologies(others?: Topologies): Topologies {
  return others === undefined ? OURS : new Map([...OURS, ...others]);
}
