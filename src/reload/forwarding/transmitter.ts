import { CodedError } from '../../base/index.ts';
import type { Destination } from '../messages/destination.ts';
import { decodeHeader, encodeWithHeader, type HeaderFields } from '../messages/forwarding-header.ts';
import { EncodeError } from '../wire/decode-error.ts';
import type { NodeId } from '../wire/ids.ts';
import { type RestoreOpaque, routeByDestinations } from './destination-list.ts';
import type { ForwardingMetrics } from './forwarding-metrics.ts';
import { fragmentFor } from './fragments.ts';
import type { LinkTable, Routing } from './ports.ts';
import type { SealedMessage } from './sealed-message.ts';

export interface TransmitterDeps {
  readonly links: LinkTable;
  readonly routing: Routing;
  readonly metrics: ForwardingMetrics;
  readonly restore: RestoreOpaque;
  /** Takes messages this node addressed to itself; they are serialised and parsed like all others. */
  readonly loopback: (bytes: Uint8Array) => void;
}

/** Puts messages on links: those that originate here, and those passed on. */
export class Transmitter {
  readonly #deps: TransmitterDeps;

  constructor(deps: TransmitterDeps) {
    this.#deps = deps;
  }

  /**
   * RFC 6940 §6.2.1: sends a message of our own towards the first entry of its destination list.
   * @param firstHop sends over the link to this node, whatever the topology plug-in thinks
   * @returns the node it was handed to, ourselves included; undefined when there is no way to send it
   */
  send(fields: HeaderFields, { contents, security }: SealedMessage, firstHop?: NodeId): NodeId | undefined {
    const decision = this.#decide(fields.destinationList, firstHop);
    if (decision.action === 'drop') {
      this.#deps.metrics.drop(decision.reason);
      return undefined;
    }
    const destinationList = decision.action === 'forward' ? decision.destinationList : fields.destinationList;
    const bytes = this.#encode({ ...fields, destinationList }, contents, security);
    if (bytes === undefined) return undefined;
    if (decision.action === 'deliver') this.#deps.loopback(bytes);
    else if (!this.put(decision.next, bytes)) return undefined;
    this.#deps.metrics.sent(contents[0]! * 256 + contents[1]!);
    return decision.action === 'deliver' ? this.#deps.routing.self : decision.next;
  }

  /** Hands a ready message to the link with `next`, in fragments where it needs them. */
  put(next: NodeId, bytes: Uint8Array): boolean {
    const link = this.#deps.links.linkTo(next);
    if (link === undefined) {
      this.#deps.metrics.drop('no-route');
      return false;
    }
    try {
      if (link.mtu === undefined || bytes.length <= link.mtu) link.send(bytes);
      else for (const part of fragmentFor(link.mtu, bytes, decodeHeader(bytes))) link.send(part);
      return true;
    } catch (error) {
      // Its lists, which others chose, make it larger than the overlay's max-message-size.
      if (!(error instanceof CodedError)) throw error;
      this.#deps.metrics.drop('too-large');
      return false;
    }
  }

  /** Undefined when the lists do not fit the header: the way back is as long as the sender made it. */
  #encode(fields: HeaderFields, contents: Uint8Array, security: Uint8Array): Uint8Array | undefined {
    try {
      return encodeWithHeader(fields, contents, security);
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error;
      this.#deps.metrics.drop('too-large');
      return undefined;
    }
  }

  #decide(destinationList: readonly Destination[], firstHop: NodeId | undefined) {
    if (firstHop !== undefined) return { action: 'forward', next: firstHop, destinationList } as const;
    return routeByDestinations(destinationList, this.#deps);
  }
}
