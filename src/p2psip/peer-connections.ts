import {
  abortable,
  type Clock,
  CodedError,
  type Connection,
  type EventSource,
  errorMessage,
  type Logger,
  type Metrics,
} from '../base/index.ts';
import type { LocationService } from './location-service.ts';
import type { NodeId, Overlay } from './overlay.ts';

/** What the bridge needs of a SIP flow: whether it still carries messages. */
export interface PeerFlow {
  readonly open: boolean;
  readonly closed: EventSource<unknown>;
}

export interface PeerConnectionOptions {
  /** A call gives up an AppAttach after this long (local policy; RELOAD's own retransmission is unchanged). */
  readonly connectTimeoutMs: number;
  /** Bounds the AppAttaches under way at one time. */
  readonly maxPending: number;
  /** Bounds the destination lists remembered. */
  readonly maxRoutes: number;
}

const defaultPeerConnectionOptions: PeerConnectionOptions = {
  connectTimeoutMs: 4000,
  maxPending: 256,
  maxRoutes: 10_000,
};

interface Deps<Flow extends PeerFlow> {
  readonly overlay: Overlay;
  readonly locations: LocationService;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Hands a connection to the SIP transport, which speaks SIP on it from now on. */
  readonly adopt: (connection: Connection, peer: NodeId) => Flow;
  /** Called with each new flow, so that pending transactions of the peer continue on it. */
  readonly onFlow: (peer: NodeId, flow: Flow) => void;
}

/**
 * One SIP connection per remote peer, opened by AppAttach, kept and re-used in both directions. Two peers that
 * connect at the same moment end up with two connections; either serves.
 */
export class PeerConnections<Flow extends PeerFlow> {
  readonly #deps: Deps<Flow>;
  readonly #options: PeerConnectionOptions;
  readonly #flows = new Map<NodeId, Flow>();
  readonly #pending = new Map<NodeId, Promise<Flow>>();
  readonly #routes = new Map<NodeId, readonly NodeId[]>();
  readonly #opened;
  readonly #failed;

  constructor(deps: Deps<Flow>, options: PeerConnectionOptions = defaultPeerConnectionOptions) {
    this.#deps = deps;
    this.#options = options;
    const help = 'SIP connections between peers asked for by AppAttach';
    this.#opened = deps.metrics.counter('p2psip_peer_connects_total', help, { result: 'ok' });
    this.#failed = deps.metrics.counter('p2psip_peer_connects_total', help, { result: 'failed' });
    deps.overlay.onSip((connection, peer) => this.#take(connection, peer));
  }

  /** Remembers how a peer is reached when its destination list has more than its own Node-ID (a client). */
  learnRoute(route: readonly NodeId[]): void {
    const peer = route.at(-1);
    if (peer === undefined || route.length < 2) return;
    if (this.#routes.size >= this.#options.maxRoutes) this.#routes.delete(this.#routes.keys().next().value!);
    this.#routes.set(peer, route);
  }

  /** The open flow to the peer, if there is one. */
  cached(peer: NodeId): Flow | undefined {
    const flow = this.#flows.get(peer);
    if (flow === undefined || flow.open) return flow;
    this.#flows.delete(peer);
    return undefined;
  }

  /**
   * The flow to the peer, opened when there is none; concurrent callers share one AppAttach.
   * @param traceId the Call-ID of the request it is for
   * @throws CodedError 'peer-unreachable', or the signal's reason
   */
  connect(peer: NodeId, signal?: AbortSignal, traceId?: string): Promise<Flow> {
    const open = this.cached(peer);
    if (open !== undefined) return Promise.resolve(open);
    const pending = this.#pending.get(peer);
    if (pending !== undefined) return abortable(pending, signal);
    if (this.#pending.size >= this.#options.maxPending) {
      return Promise.reject(new CodedError('peer-unreachable', 'too many AppAttaches under way'));
    }
    const connecting = this.#open(peer, traceId).finally(() => this.#pending.delete(peer));
    this.#pending.set(peer, connecting);
    return abortable(connecting, signal);
  }

  async #open(peer: NodeId, traceId: string | undefined): Promise<Flow> {
    const { overlay, clock, locations, logger } = this.#deps;
    const abort = new AbortController();
    const timer = clock.setTimer(this.#options.connectTimeoutMs, () =>
      abort.abort(new CodedError('peer-unreachable', 'AppAttach timed out')),
    );
    try {
      const route = this.#routes.get(peer) ?? [peer];
      const connection = await overlay.openSip(route, { signal: abort.signal, traceId });
      const flow = this.#take(connection, peer);
      this.#opened.inc();
      locations.markReachable(peer);
      return flow;
    } catch (error) {
      this.#failed.inc();
      // The glare of two AppAttaches: the other side's connection may have come in meanwhile.
      const other = this.cached(peer);
      if (other !== undefined) return other;
      locations.markFailed(peer);
      logger.info('no SIP connection to peer', { call: traceId, peer, reason: errorMessage(error) });
      throw new CodedError('peer-unreachable', `no SIP connection to ${peer}`, { cause: error });
    } finally {
      timer.close();
    }
  }

  #take(connection: Connection, peer: NodeId): Flow {
    const flow = this.#deps.adopt(connection, peer);
    this.#flows.set(peer, flow);
    flow.closed.on(() => {
      if (this.#flows.get(peer) === flow) this.#flows.delete(peer);
    });
    this.#deps.onFlow(peer, flow);
    return flow;
  }
}
