import { CodedError } from '../base/index.ts';
import { destinationListOf } from '../reload/usages/sip/overlay-gruu.ts';
import type { SipUri } from '../sip/message/uri.ts';
import { targetsOf } from '../sip/proxy/binding-targets.ts';
import type { OwnAddresses } from '../sip/proxy/own-addresses.ts';
import type { BindingSource, GruuDirectory, GruuPlace } from '../sip/proxy/ports.ts';
import { ownAor } from '../sip/proxy/request-context.ts';
import type { Binding } from '../sip/registrar/binding.ts';
import { instanceOf, isInstance } from '../sip/registrar/public-gruu.ts';
import { TemporaryGruus } from '../sip/registrar/temporary-gruus.ts';
import type { NodeId } from './overlay.ts';
import type { PeerConnections, PeerFlow } from './peer-connections.ts';

interface Deps {
  readonly bindings: BindingSource;
  readonly own: OwnAddresses;
  readonly temporary: TemporaryGruus;
  readonly connections: Pick<PeerConnections<PeerFlow>, 'learnRoute'>;
}

const UNKNOWN: GruuPlace = { kind: 'unknown' };

/**
 * Where the GRUUs of our domains lead. Phones are given those of RFC 5627: a public one names the phone's instance, so
 * each peer looks among its own bindings, or asks the overlay who serves the user; a temporary one names its peer.
 * Phones that are RELOAD peers have those of RFC 7904 §6, with a destination list: they lead to that peer.
 */
export class Gruus implements GruuDirectory {
  readonly #deps: Deps;
  readonly #nodeHex: NodeId;

  constructor(deps: Deps, options: { nodeHex: NodeId }) {
    this.#deps = deps;
    this.#nodeHex = options.nodeHex;
  }

  place(uri: SipUri): GruuPlace | undefined {
    const gr = uri.params.get('gr');
    if (gr === undefined) return undefined;
    const aor = ownAor(uri, this.#deps.own);
    if (aor === undefined) return undefined;
    const node = TemporaryGruus.nodeOf(uri.user ?? '');
    if (node !== undefined) return this.#temporaryPlace(uri, node);
    const urn = instanceOf(uri);
    if (urn !== undefined) {
      const here = this.#targetsHere(aor, ({ instance }) => isInstance(instance, urn));
      return here ?? { kind: 'elsewhere', aor };
    }
    return gr === true ? UNKNOWN : this.#listedPlace(uri, aor, gr);
  }

  #temporaryPlace(uri: SipUri, node: NodeId): GruuPlace {
    if (node !== this.#nodeHex) return atPeer(node, uri);
    const opened = this.#deps.temporary.open(uri.user ?? '');
    if (opened === undefined) return UNKNOWN;
    const { aor, series } = opened;
    // RFC 5627 §5.3: it ends with the phone's last binding, and with its series.
    return this.#targetsHere(aor, ({ gruuSeries }) => gruuSeries === series) ?? UNKNOWN;
  }

  /** RFC 7904 §6. */
  #listedPlace(uri: SipUri, aor: string, gr: string): GruuPlace {
    const list = nodesOf(gr);
    const peer = list.at(-1);
    if (peer === undefined) return UNKNOWN;
    if (peer === this.#nodeHex) return this.#targetsHere(aor, () => true) ?? { kind: 'targets', targets: [] };
    this.#deps.connections.learnRoute(list);
    return atPeer(peer, uri);
  }

  /** All flows of one phone are one target: the newest first, the others when it fails (RFC 5627 §6.1). */
  #targetsHere(aor: string, isMeant: (binding: Binding) => boolean): GruuPlace | undefined {
    const bindings = this.#deps.bindings.bindings(aor).filter(isMeant);
    return bindings.length === 0 ? undefined : { kind: 'targets', targets: targetsOf(bindings) };
  }
}

function atPeer(peer: NodeId, uri: SipUri): GruuPlace {
  return { kind: 'targets', targets: [{ kind: 'peer', peer, uri: uri.toString() }] };
}

/** Empty when the list is none, or has entries that only their maker understands. */
function nodesOf(gr: string): readonly NodeId[] {
  try {
    const list = destinationListOf(gr);
    const nodes = list.flatMap((hop) => (hop.type === 'node' ? [hop.nodeId] : []));
    return nodes.length === list.length ? nodes : [];
  } catch (error) {
    if (error instanceof CodedError) return [];
    throw error;
  }
}
