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
  readonly #watched = new WeakSet<Flow>();
  /** Peers whose connection was lost while something was pending, with the attempt to get a new one. */
  readonly #lost = new Map<string, AbortController>();
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
    if (peer === undefined || this.#watched.has(flow)) return;
    this.#watched.add(flow);
    flow.closed.on(() => this.#onClosed(peer, flow));
    this.#recover(peer, flow);
  }

  stop(): void {
    this.#stopped = true;
    for (const attempt of this.#lost.values())
      attempt.abort(new CodedError('stopped', 'the proxy is stopped'));
    this.#lost.clear();
  }

  #recover(peer: string, flow: Flow): void {
    const attempt = this.#lost.get(peer);
    if (attempt === undefined) return;
    this.#lost.delete(peer);
    attempt.abort(new CodedError('superseded', 'another connection stands'));
    this.#transactions.rebindPeer(peer, flow);
  }

  #onClosed(peer: string, flow: Flow): void {
    if (this.#stopped || this.#lost.has(peer) || !this.#isInvolved(peer)) return;
    const attempt = new AbortController();
    this.#lost.set(peer, attempt);
    const other = this.#peers.cached(peer);
    if (other?.open && other !== flow) {
      this.#recover(peer, other);
      return;
    }
    this.#peers.connect(peer, attempt.signal).then(
      (fresh) => {
        this.onConnected(fresh);
        this.#recover(peer, fresh);
      },
      (error) => this.#giveUp(peer, attempt, error),
    );
  }

  #giveUp(peer: string, attempt: AbortController, error: unknown): void {
    if (this.#lost.get(peer) !== attempt) return;
    this.#lost.delete(peer);
    this.#logger.info('a peer with pending SIP requests is lost', { peer, error: errorMessage(error) });
    this.#transactions.failPeer(peer, error instanceof Error ? error : new Error(errorMessage(error)));
  }
}
