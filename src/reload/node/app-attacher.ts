import {
  type Address,
  abortable,
  type Clock,
  CodedError,
  type Connection,
  IdleMap,
  type Listener,
  type Logger,
  type Network,
  type TlsOptions,
} from '../../base/index.ts';
import type { ForwardingLayer } from '../forwarding/forwarding-layer.ts';
import { appAttach } from '../messages/app-attach.ts';
import type { Destination } from '../messages/destination.ts';
import type { NodeId } from '../wire/ids.ts';
import { offeredAddresses, toCandidates } from './candidates.ts';
import { withDeadline } from './concurrency.ts';

/** AppAttaches of ours under way at once. */
const MAX_PENDING = 256;

/** After its answer, the other side has this long to connect. */
const CONNECT_MS = 10_000;

export interface AppConnection {
  readonly connection: Connection;
  readonly nodeId: NodeId;
}

export interface AppAttacherOptions {
  /** Where to listen. */
  readonly hosts: readonly string[];
  /** For the first application; 0 is any. */
  readonly port: number;
  /** Offered instead of our own hosts; none: those. */
  readonly advertisedHosts: readonly string[];
  readonly tls: () => TlsOptions;
  /** The Node-IDs that a verified certificate chain proves. */
  readonly nodeIdsOf: (certificates: readonly Uint8Array[]) => readonly NodeId[];
}

/** Of one AppAttach. */
export interface AppAttachOptions {
  readonly signal?: AbortSignal | undefined;
  /** What it is for: names it to the trace. */
  readonly traceId?: string | undefined;
}

interface Pending {
  readonly resolve: (connection: Connection) => void;
  readonly reject: (error: CodedError) => void;
}

/**
 * AppAttach requests of ours (RFC 6940 §6.5.2). Each application has a listening port of its own, so that a connection's
 * purpose is known before its first byte; whoever has no AppAttach of ours to answer is turned away there.
 */
export class AppAttacher {
  readonly #clock: Clock;
  readonly #network: Network;
  readonly #logger: Logger;
  readonly #forwarding: ForwardingLayer;
  readonly #options: AppAttacherOptions;
  readonly #listeners = new IdleMap<number, Promise<readonly Listener[]>>();
  readonly #pending = new IdleMap<string, Pending>();

  constructor(
    deps: { clock: Clock; network: Network; logger: Logger; forwarding: ForwardingLayer },
    options: AppAttacherOptions,
  ) {
    this.#clock = deps.clock;
    this.#network = deps.network;
    this.#logger = deps.logger;
    this.#forwarding = deps.forwarding;
    this.#options = options;
  }

  /** Where connections for the application may come to; listens from the first time it is asked for. */
  async addresses(application: number): Promise<readonly Address[]> {
    const listeners = await this.#listen(application);
    const own = listeners.map(({ local }) => local);
    const offered = offeredAddresses(own, this.#network.interfaceAddresses());
    const { advertisedHosts } = this.#options;
    if (advertisedHosts.length === 0) return offered;
    return advertisedHosts.flatMap((host) => own.slice(0, 1).map(({ port }) => ({ host, port })));
  }

  /**
   * Asks the node at the end of the destination list to connect to us, and waits for it.
   * @throws CodedError 'bad-destination' | 'app-attach-pending' | 'too-many-attaches' | 'timeout', and what
   * `ForwardingLayer.request` throws
   */
  async open(
    destinationList: readonly Destination[],
    application: number,
    { signal, traceId }: AppAttachOptions = {},
  ): Promise<AppConnection> {
    const target = destinationList.at(-1);
    if (target?.type !== 'node')
      throw new CodedError('bad-destination', 'AppAttach needs a Node-ID to go to');
    const { nodeId } = target;
    const key = keyOf(nodeId, application);
    if (this.#pending.has(key)) {
      throw new CodedError('app-attach-pending', `an AppAttach to ${nodeId} for ${application} is under way`);
    }
    if (this.#pending.size >= MAX_PENDING) {
      throw new CodedError('too-many-attaches', `${MAX_PENDING} AppAttaches are under way`);
    }
    // The connection may come before the answer: it is direct, the answer is routed.
    const connected = new Promise<Connection>((resolve, reject) =>
      this.#pending.set(key, { resolve, reject }),
    );
    // `stop` may reject it before anybody waits for it.
    connected.catch(() => {});
    try {
      return {
        connection: await this.#request(destinationList, application, connected, { signal, traceId }),
        nodeId,
      };
    } finally {
      this.#pending.delete(key);
    }
  }

  async stop(): Promise<void> {
    for (const { reject } of this.#pending.values())
      reject(new CodedError('stopped', 'this node is stopping'));
    const listeners = (await Promise.allSettled(this.#listeners.values())).flatMap((result) =>
      result.status === 'fulfilled' ? result.value : [],
    );
    await Promise.all(listeners.map((listener) => listener.close()));
  }

  async #request(
    destinationList: readonly Destination[],
    application: number,
    connected: Promise<Connection>,
    { signal, traceId }: AppAttachOptions,
  ): Promise<Connection> {
    const candidates = toCandidates(await this.addresses(application));
    const request = new AbortController();
    const answered = this.#forwarding
      .request(
        appAttach,
        { ufrag: '', password: '', application, role: 'passive', candidates },
        {
          destinationList,
          traceId,
          signal: signal === undefined ? request.signal : AbortSignal.any([signal, request.signal]),
        },
      )
      .then(() =>
        withDeadline(this.#clock, CONNECT_MS, (deadline) => abortable(connected, deadline), signal),
      );
    try {
      return await Promise.race([connected, answered]);
    } finally {
      request.abort(new CodedError('app-attach-over', 'the AppAttach is over'));
    }
  }

  #listen(application: number): Promise<readonly Listener[]> {
    const known = this.#listeners.get(application);
    if (known !== undefined) return known;
    // A fixed port can serve one application only: the one that needs it first.
    const port = this.#listeners.size === 0 ? this.#options.port : 0;
    const listeners = Promise.all(
      this.#options.hosts.map((host) =>
        this.#network.listen(
          { host, port },
          (connection) => this.#accept(connection, application),
          this.#options.tls(),
        ),
      ),
    );
    this.#listeners.set(application, listeners);
    listeners.catch(() => this.#listeners.delete(application));
    return listeners;
  }

  #accept(connection: Connection, application: number): void {
    for (const nodeId of this.#options.nodeIdsOf(connection.peerCertificates)) {
      const pending = this.#pending.get(keyOf(nodeId, application));
      if (pending === undefined) continue;
      this.#pending.delete(keyOf(nodeId, application));
      pending.resolve(connection);
      return;
    }
    this.#logger.debug('a connection nobody asked for', { application, from: connection.remote.host });
    connection.destroy();
  }
}

function keyOf(nodeId: NodeId, application: number): string {
  return `${nodeId}/${application}`;
}
