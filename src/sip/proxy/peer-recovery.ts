import { CodedError, errorMessage, type Logger } from '../../base/index.ts';
import type { TransactionLayer } from '../transaction/transaction-layer.ts';
import type { Flow } from '../transport/flow.ts';
import type { PeerConnector } from './ports.ts';

/**
 * Keeps pending transactions with another peer alive when the SIP connection to it is lost: a new one is opened, and
 * requests and responses go again over it (the architecture's "In-dialog routing between peers").
 */
export class PeerRecovery {
  readonly #peers: PeerConnector;
  readonly #transactions: TransactionLayer;
  readonly #logger: Logger;
  readonly #isInvolved: (peer: string) => boolean;
  /** Open connections by peer: two when both sides opened one at the same moment. */
  readonly #open = new Map<string, Set<Flow>>();
  /** Attempts to replace a connection that broke while something was pending. */
  readonly #attempts = new Map<string, AbortController>();
  #stopped = false;

  /** @param isInvolved whether a request or response still waits for this peer */
  constructor(deps: {
    peers: PeerConnector;
    transactions: TransactionLayer;
    logger: Logger;
    isInvolved: (peer: string) => boolean;
  }) {
    this.#peers = deps.peers;
    this.#transactions = deps.transactions;
    this.#logger = deps.logger;
    this.#isInvolved = deps.isInvolved;
  }

  /** A connection to a peer stands, opened by us or by the peer. May be told again of the same one. */
  onConnected(flow: Flow): void {
    const { peer } = flow;
    if (peer === undefined || !flow.open) return;
    const flows = this.#open.get(peer) ?? new Set();
    if (flows.has(flow)) return;
    this.#open.set(peer, flows.add(flow));
    flow.closed.on(() => this.#onClosed(peer, flow));
    if (flows.size > 1) return;
    this.#attempts.get(peer)?.abort(new CodedError('superseded', 'another connection stands'));
    this.#attempts.delete(peer);
    this.#transactions.rebindPeer(peer, flow);
  }

  stop(): void {
    this.#stopped = true;
    for (const attempt of this.#attempts.values())
      attempt.abort(new CodedError('stopped', 'the proxy is stopped'));
    this.#attempts.clear();
  }

  #onClosed(peer: string, flow: Flow): void {
    const flows = this.#open.get(peer);
    flows?.delete(flow);
    const [other] = flows ?? [];
    if (other !== undefined) {
      this.#transactions.rebindPeer(peer, other);
      return;
    }
    this.#open.delete(peer);
    if (!this.#stopped && !this.#attempts.has(peer) && this.#isInvolved(peer)) this.#reconnect(peer);
  }

  #reconnect(peer: string): void {
    const attempt = new AbortController();
    this.#attempts.set(peer, attempt);
    this.#peers.connect(peer, attempt.signal).then(
      (flow) => this.onConnected(flow),
      (error) => this.#giveUp(peer, attempt, error),
    );
  }

  #giveUp(peer: string, attempt: AbortController, error: unknown): void {
    if (this.#attempts.get(peer) !== attempt) return;
    this.#attempts.delete(peer);
    this.#logger.info('a peer with pending SIP requests is lost', { peer, error: errorMessage(error) });
    this.#transactions.failPeer(peer, error instanceof Error ? error : new Error(errorMessage(error)));
  }
}
