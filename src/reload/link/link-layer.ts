import {
  type Address,
  type Clock,
  CodedError,
  type Connection,
  Event,
  errorMessage,
  formatAddress,
  IdleMap,
  IdleSet,
  type Listener,
  type Logger,
  type Metrics,
  type Network,
  type PresharedKey,
  SlotList,
  type TlsIdentity,
  TokenBuckets,
} from '../../base/index.ts';
import type { NodeId } from '../wire/ids.ts';
import { HandshakeGate } from './handshake-gate.ts';
import { type Introduction, introduce, type TlsSide } from './introduction.ts';
import type { Link, LinkCloseCode, LinkPeer, TraceHook } from './link.ts';
import { LinkMetrics } from './link-metrics.ts';
import { hasItsShare } from './link-quota.ts';
import { OwnIdJudge } from './own-id-judge.ts';
import { StreamLink, type StreamLinkDeps } from './stream-link.ts';

const HANDSHAKE_TIMEOUT_MS = 10_000;
const MAX_RUNNING_HANDSHAKES = 16;
const MAX_WAITING_HANDSHAKES = 256;
const MAX_LINKS = 4_096;
/** Lines in the log about one address that is turned away. */
const REFUSALS_TO_LOG = { perSecond: 1 / 30, burst: 5 };
/** Handshakes accepted whose connections were not reported yet; of those that never are, the oldest go. */
const MAX_VERDICTS = 1_024;
/** How old the sum of all that waits to be sent may be, ms. */
const SUM_AGE_MS = 100;

/**
 * Decides whether certificates (DER, leaf first) are welcome, and whose they are.
 * @throws to refuse
 */
export type VerifyPeer = (certificates: readonly Uint8Array[]) => { readonly nodeIds: readonly NodeId[] };

export interface LinkLayerDeps {
  readonly clock: Clock;
  readonly network: Network;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly trace?: TraceHook | undefined;
}

export interface LinkLayerOptions {
  /** Our certificate and key; read anew for each handshake. */
  readonly identity: { readonly tls: TlsIdentity };
  readonly nodeId: NodeId;
  readonly verifyPeer: VerifyPeer;
  /** RFC 6940 §13.4: links are keyed with a shared secret, and each side introduces itself by a message. */
  readonly sharedSecret?: {
    readonly key: () => PresharedKey;
    readonly introduction: Introduction;
  };
  /** The overlay's max-message-size, bytes; read anew for each message. */
  readonly limits: { readonly maxMessageBytes: number };
  /** Links open at a time; default 4,096. */
  readonly maxLinks?: number;
}

type ConnectLinkErrorCode =
  /** From the network; `peer-refused` also when the peer is not the expected node. */
  | 'connect-failed'
  | 'connect-timeout'
  | 'peer-refused'
  /** The other side has another shared secret, or none. */
  | 'secret-refused'
  | 'too-many-handshakes'
  | 'too-many-links'
  /** The address is our own. */
  | 'self-connection'
  /** Another node uses our Node-ID. */
  | 'node-id-conflict';

/** Opens and accepts the links of one node over TLS-TCP-FH-NO-ICE (RFC 6940 §6.6.5). */
export class LinkLayer {
  readonly #clock: Clock;
  readonly #network: Network;
  readonly #logger: Logger;
  readonly #metrics: LinkMetrics;
  /** One for all links: a peer has dozens. */
  readonly #linkDeps: StreamLinkDeps;
  readonly #options: LinkLayerOptions;
  readonly #gate = new HandshakeGate({
    maxRunning: MAX_RUNNING_HANDSHAKES,
    maxWaiting: MAX_WAITING_HANDSHAKES,
  });
  readonly #ownIds: OwnIdJudge;
  readonly #links = new SlotList<StreamLink>();
  readonly #listeners = new Set<Listener>();
  readonly #attempts = new IdleSet<AbortController>();
  /** Whose chains were accepted in handshakes, until their connections are reported. */
  readonly #verdicts = new IdleMap<readonly Uint8Array[], readonly NodeId[]>();
  readonly #refusalsToLog = new TokenBuckets(REFUSALS_TO_LOG);
  #queuedBytes = 0;
  #summedAt = -Infinity;
  #isStopped = false;
  #nextId = 1;

  /** Another node presented our own Node-ID: a cloned data directory. Emitted for links opened and accepted. */
  readonly conflict = new Event<CodedError<'node-id-conflict'>>();

  constructor(deps: LinkLayerDeps, options: LinkLayerOptions) {
    this.#clock = deps.clock;
    this.#network = deps.network;
    this.#logger = deps.logger;
    this.#metrics = new LinkMetrics(deps.metrics);
    this.#linkDeps = {
      clock: deps.clock,
      metrics: this.#metrics,
      queuedBytes: () => this.#allQueued(),
      onClosed: (reason, link) => this.#onClosed(reason, link),
      trace: deps.trace,
      limits: options.limits,
    };
    this.#options = options;
    this.#ownIds = new OwnIdJudge(deps.clock);
  }

  /**
   * Accepts links.
   * @param onLink must set the link's handler
   * @throws CodedError 'address-in-use' | 'address-unavailable', and others of Network.listen
   */
  async listen(local: Address, onLink: (link: Link) => void): Promise<Listener> {
    const options = this.#options;
    const { sharedSecret } = options;
    const onConnection = (connection: Connection) =>
      this.#accept(connection, this.#verdictOn(connection.peerCertificates), onLink);
    const listener = await this.#network.listen(local, onConnection, {
      get identity() {
        return options.identity.tls;
      },
      verifyPeer: (certificates) => {
        this.#verdicts.set(certificates, this.#identify(certificates));
        if (this.#verdicts.size > MAX_VERDICTS) this.#verdictOn(this.#verdicts.keys().next().value ?? []);
      },
      onRefused: (error, from) => this.#refused('in', from, error),
      ...(sharedSecret && { presharedKey: sharedSecret.key }),
    });
    this.#listeners.add(listener);
    return {
      local: listener.local,
      close: () => {
        this.#listeners.delete(listener);
        return listener.close();
      },
    };
  }

  /**
   * Opens a link. Handshakes run a few at a time, the rest wait their turn.
   * @param options.expect the Node-ID that must be in the peer's certificate (RFC 6940 §6.5.1.13)
   * @throws CodedError<ConnectLinkErrorCode>, or the signal's reason
   */
  async connect(remote: Address, options: { expect?: NodeId; signal?: AbortSignal } = {}): Promise<Link> {
    const { expect, signal } = options;
    const attempt = new AbortController();
    const onAbort = () => attempt.abort(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#attempts.add(attempt);
    try {
      return await this.#gate.run(() => this.#open(remote, expect, attempt.signal), attempt.signal);
    } catch (error) {
      if (isRefusal(error)) this.#refused('out', formatAddress(remote), error);
      else this.#metrics.handshakeFailed('out', error instanceof CodedError ? error.code : 'aborted');
      throw error;
    } finally {
      this.#attempts.delete(attempt);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Closes listeners and links and gives up handshakes. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const reason = new CodedError('link-closed', 'the link layer was stopped');
    for (const attempt of this.#attempts) attempt.abort(reason);
    this.#ownIds.stop();
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const link of [...this.#links]) link.close();
    await Promise.all(listeners.map((listener) => listener.close()));
  }

  /** @throws what `verifyPeer` throws, or CodedError 'unexpected-peer' */
  #identify(certificates: readonly Uint8Array[], expect?: NodeId): readonly NodeId[] {
    const { nodeIds } = this.#options.verifyPeer(certificates);
    if (expect !== undefined && !nodeIds.includes(expect) && !this.#isOwn(nodeIds)) {
      throw new CodedError('unexpected-peer', `expected node ${expect}, met ${nodeIds.join(', ')}`);
    }
    return nodeIds;
  }

  /** Takes the verdict of the handshake in which this chain was shown. */
  #verdictOn(certificates: readonly Uint8Array[]): readonly NodeId[] {
    const nodeIds = this.#verdicts.get(certificates) ?? [];
    this.#verdicts.delete(certificates);
    return nodeIds;
  }

  get #maxLinks(): number {
    return this.#options.maxLinks ?? MAX_LINKS;
  }

  #isOwn(nodeIds: readonly NodeId[]): boolean {
    return nodeIds.includes(this.#options.nodeId);
  }

  async #open(remote: Address, expect: NodeId | undefined, signal: AbortSignal): Promise<Link> {
    if (this.#links.size >= this.#maxLinks) {
      throw new CodedError<ConnectLinkErrorCode>('too-many-links', `${this.#maxLinks} links are open`);
    }
    const { identity, sharedSecret } = this.#options;
    let nodeIds: readonly NodeId[] = [];
    const connection = await this.#network.connect(remote, {
      tls: {
        identity: identity.tls,
        verifyPeer: (certificates) => {
          nodeIds = this.#identify(certificates, expect);
        },
        ...(sharedSecret && { presharedKey: sharedSecret.key }),
      },
      timeoutMs: HANDSHAKE_TIMEOUT_MS,
      signal,
    });
    if (sharedSecret !== undefined) {
      const link = await this.#introduced(connection, 'client', { expect, signal });
      if (!this.#isOwn(link.peer.nodeIds)) return link;
    } else if (!this.#isOwn(nodeIds)) {
      return this.#newLink(connection, nodeIds, true);
    }
    const where = formatAddress(connection.remote);
    const verdict = await this.#ownIds.judge(connection, 'opened');
    connection.destroy();
    if (verdict === 'self')
      throw new CodedError<ConnectLinkErrorCode>('self-connection', `${where} is this node itself`);
    const conflict = this.#conflictWith(where);
    this.conflict.emit(conflict);
    throw conflict;
  }

  #accept(connection: Connection, nodeIds: readonly NodeId[], onLink: (link: Link) => void): void {
    if (this.#isOwn(nodeIds)) {
      this.#acceptedOwn(connection);
      return;
    }
    if (this.#isStopped || this.#links.size >= this.#maxLinks) {
      this.#metrics.handshakeFailed('in', 'too-many-links');
      connection.destroy();
      return;
    }
    const { host } = connection.remote;
    if (hasItsShare(host, this.#links, this.#maxLinks)) {
      this.#metrics.handshakeFailed('in', 'too-many-links-from-one-address');
      this.#logger.info('too many links from one address', { host });
      connection.destroy();
      return;
    }
    if (this.#options.sharedSecret === undefined) {
      onLink(this.#newLink(connection, nodeIds, false));
      return;
    }
    this.#introduced(connection, 'server').then(
      (link) => (this.#isOwn(link.peer.nodeIds) ? this.#acceptedOwn(connection) : onLink(link)),
      (error) => this.#refused('in', host, error),
    );
  }

  #acceptedOwn(connection: Connection): void {
    void this.#ownIds.judge(connection, 'accepted').then((verdict) => {
      connection.destroy();
      if (verdict === 'conflict') this.conflict.emit(this.#conflictWith(formatAddress(connection.remote)));
    });
  }

  /** A link that did not come about because one side does not want the other. */
  #refused(direction: 'in' | 'out', host: string, error: unknown): void {
    const cause = isRefusal(error) && error.cause instanceof CodedError ? error.cause : error;
    const code = cause instanceof CodedError ? cause.code : 'peer-refused';
    this.#metrics.handshakeFailed(direction, code);
    // Who is turned away may come again at once: all are counted, but not all are worth a line.
    if (!this.#refusalsToLog.take(host, 1, this.#clock.monotonic())) return;
    this.#logger.info('a link was refused', { direction, host, code, reason: errorMessage(cause) });
  }

  /** A link over a session that shows no certificate, once the other side has introduced itself. */
  async #introduced(
    connection: Connection,
    side: TlsSide,
    { expect, signal }: { expect?: NodeId | undefined; signal?: AbortSignal } = {},
  ): Promise<StreamLink> {
    const { hello, verify } = this.#options.sharedSecret!.introduction;
    const link = this.#newLink(connection, [], side === 'client');
    const judged = (message: Uint8Array, padding: Uint8Array): LinkPeer => {
      const peer = verify(message, padding);
      this.#identify(peer.certificates, expect);
      return peer;
    };
    await introduce(this.#clock, { hello, verify: judged }, { link, connection, side, signal });
    return link;
  }

  /** Bytes that wait to be sent on all links, as they were a moment ago: the sum is too dear for each message. */
  #allQueued(): number {
    const now = this.#clock.monotonic();
    if (now - this.#summedAt >= SUM_AGE_MS) {
      this.#summedAt = now;
      this.#queuedBytes = 0;
      for (const link of this.#links) this.#queuedBytes += link.queuedBytes;
    }
    return this.#queuedBytes;
  }

  #conflictWith(where: string): CodedError<'node-id-conflict'> {
    return new CodedError(
      'node-id-conflict',
      `the node at ${where} uses our Node-ID ${this.#options.nodeId}: was the data directory copied?`,
    );
  }

  #onClosed(reason: CodedError<LinkCloseCode>, link: StreamLink): void {
    this.#links.delete(link);
    this.#metrics.open.set(this.#links.size);
    const { code, message } = reason;
    this.#logger.debug('link closed', { peer: link.peer.nodeIds[0], reason: code, why: message });
  }

  #newLink(connection: Connection, nodeIds: readonly NodeId[], isInitiator: boolean): StreamLink {
    const link = new StreamLink(this.#linkDeps, connection, { id: this.#nextId++, nodeIds, isInitiator });
    this.#links.add(link);
    this.#metrics.open.set(this.#links.size);
    return link;
  }
}

/** The network says that a certificate, ours or theirs, was turned down; the cause says why if it was theirs. */
function isRefusal(error: unknown): error is CodedError {
  return error instanceof CodedError && error.code === 'peer-refused';
}
