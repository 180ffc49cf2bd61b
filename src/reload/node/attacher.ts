import { type Clock, CodedError, IdleMap } from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { ReloadError } from '../forwarding/reload-error.ts';
import { attach } from '../messages/attach.ts';
import type { Destination } from '../messages/destination.ts';
import { ErrorCode } from '../messages/error-response.ts';
import type { IceCandidate } from '../messages/ice-candidate.ts';
import type { NodeId } from '../wire/ids.ts';
import type { ConnectionTable } from './connection-table.ts';
import { waitUntil } from './wait-until.ts';

const MAX_PENDING = 64;

/** The same towards nodes that one other node named: what it invents must not keep us from everybody else. */
const MAX_PENDING_PER_INFORMANT = 16;

/** After its answer, the other side has this long to connect to one of our addresses. */
const CONNECT_MS = 10_000;

export interface AttachOptions {
  /** Sends over the link with this node, whatever the routing table says. */
  readonly firstHop?: NodeId | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Pending {
  /** The node that the request goes through first, because it named the other one (RFC 6940 §10.6). */
  readonly informant: NodeId | undefined;
  answered: boolean;
  /** The other side told us that its own Attach goes on. */
  conceded: boolean;
  /** Stops retransmission: the other side's Attach is used instead. */
  readonly yielded: AbortController;
}

/** What an Attach of another node means while one of ours to the same node is under way. */
export type Collision = 'none' | 'we-yield' | 'we-persist';

/**
 * Our Attach requests (RFC 6940 §6.5.1) in No-ICE overlays: the other side connects to an address we offer, so we
 * are the TLS server (§6.5.1.13).
 */
export class Attacher {
  readonly #clock: Clock;
  readonly #forwarding: ForwardingLayer;
  readonly #connections: ConnectionTable;
  readonly #self: NodeId;
  readonly #candidates: () => IceCandidate[];
  readonly #onListening: (candidates: readonly IceCandidate[]) => void;
  readonly #pending = new IdleMap<NodeId, Pending>();
  readonly #stopping: AbortSignal;
  #anonymous = 0;

  constructor(
    deps: { clock: Clock; forwarding: ForwardingLayer; connections: ConnectionTable },
    options: {
      readonly self: NodeId;
      readonly candidates: () => IceCandidate[];
      /** Told where a peer that we are connected with is listening. */
      readonly onListening: (candidates: readonly IceCandidate[]) => void;
      /** Aborted when the node stops. */
      readonly stopping: AbortSignal;
    },
  ) {
    this.#clock = deps.clock;
    this.#forwarding = deps.forwarding;
    this.#connections = deps.connections;
    this.#self = options.self;
    this.#candidates = options.candidates;
    this.#onListening = options.onListening;
    this.#stopping = options.stopping;
  }

  /**
   * Makes a link with the node at the end of the destination list; an Update of it follows when it is a peer.
   * @returns its Node-ID
   * @throws CodedError 'too-many-attaches' | 'timeout', and what `ForwardingLayer.request` throws
   */
  async attach(destinationList: readonly Destination[], options: AttachOptions = {}): Promise<NodeId> {
    const target = destinationList.at(-1);
    const nodeId = target?.type === 'node' ? target.nodeId : undefined;
    if (this.#pending.size + this.#anonymous >= MAX_PENDING) {
      throw new CodedError('too-many-attaches', `${MAX_PENDING} Attaches are under way`);
    }
    const informant = informantOf(destinationList);
    if (informant !== undefined && this.#pendingThrough(informant) >= MAX_PENDING_PER_INFORMANT) {
      throw new CodedError(
        'too-many-attaches',
        `${MAX_PENDING_PER_INFORMANT} through ${informant} are under way`,
      );
    }
    const pending: Pending = {
      informant,
      answered: false,
      conceded: false,
      yielded: new AbortController(),
    };
    if (nodeId === undefined) this.#anonymous++;
    else if (this.#pending.has(nodeId)) return this.#connected(nodeId, options.signal);
    else this.#pending.set(nodeId, pending);
    try {
      const { found, candidates } = await this.#request(destinationList, nodeId, pending, options);
      pending.answered = !pending.conceded;
      await this.#connected(found, options.signal);
      if (candidates !== undefined) this.#onListening(candidates);
      return found;
    } finally {
      if (nodeId === undefined) this.#anonymous--;
      else this.#pending.delete(nodeId);
    }
  }

  /** §6.5.1.2: what to do about an Attach from this node. */
  collision(from: NodeId): Collision {
    const pending = this.#pending.get(from);
    if (pending === undefined || pending.conceded || pending.yielded.signal.aborted) return 'none';
    if (pending.answered || this.#self > from) return 'we-persist';
    pending.yielded.abort(new CodedError('yielded', `the Attach of ${from} goes first`));
    return 'we-yield';
  }

  #pendingThrough(informant: NodeId): number {
    let count = 0;
    for (const pending of this.#pending.values()) if (pending.informant === informant) count++;
    return count;
  }

  async #request(
    destinationList: readonly Destination[],
    expected: NodeId | undefined,
    pending: Pending,
    { firstHop, signal }: AttachOptions,
  ): Promise<{ found: NodeId; candidates?: readonly IceCandidate[] }> {
    const { yielded } = pending;
    // Not AbortSignal.any: a signal that lives as long as the node would remember each Attach.
    const onAbort = (): void => yielded.abort(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const { body, signer } = await this.#forwarding.request(
        attach,
        { ufrag: '', password: '', role: 'passive', candidates: this.#candidates(), sendUpdate: true },
        {
          destinationList,
          signal: yielded.signal,
          ...(firstHop !== undefined && { firstHop }),
        },
      );
      return { found: signer.nodeId, candidates: body.candidates };
    } catch (error) {
      signal?.throwIfAborted();
      pending.conceded = error instanceof ReloadError && error.errorCode === ErrorCode.In_Progress;
      // Either way the other side's own Attach makes the link.
      if (expected !== undefined && (pending.conceded || yielded.signal.aborted)) return { found: expected };
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async #connected(nodeId: NodeId, signal = this.#stopping): Promise<NodeId> {
    await waitUntil(this.#clock, this.#connections.opened, () => this.#connections.attached(nodeId), {
      timeoutMs: CONNECT_MS,
      what: `a connection from ${nodeId} after its Attach answer`,
      signal,
    });
    return nodeId;
  }
}

function informantOf([first, ...others]: readonly Destination[]): NodeId | undefined {
  return first?.type === 'node' && others.length > 0 ? first.nodeId : undefined;
}
