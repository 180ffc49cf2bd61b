import {
  type Clock,
  type Counter,
  errorMessage,
  type Gauge,
  HexTokens,
  type Logger,
  type Metrics,
  type Random,
  randomHex,
} from '../../base/index.ts';
import { createResponse } from '../message/build.ts';
import { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { OverloadControl } from '../overload/overload-control.ts';
import { Precedence } from '../overload/precedence.ts';
import { TransportError } from '../transport/errors.ts';
import type { Flow } from '../transport/flow.ts';
import type { MessageHandler } from '../transport/intake.ts';
import type { SipTransport } from '../transport/sip-transport.ts';
import { ClientTransaction, type ClientTransactionContext } from './client-transaction.ts';
import { FlowIndex } from './flow-index.ts';
import { clientKey, serverKey } from './keys.ts';
import { ServerExchange, type ServerExchangeContext } from './server-exchange.ts';
import { ServerTransaction } from './server-transaction.ts';
import { TimerQueues } from './timer-queues.ts';
import { type TimingOptions, timing } from './timing.ts';
import type { ClientTransactionHandler, TransactionUser } from './types.ts';

/** What this layer uses of the one below. */
export type TransactionTransport = Pick<SipTransport, 'setHandler' | 'send' | 'sendResponse'>;

export interface TransactionLayerDeps {
  readonly transport: TransactionTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Judges requests before they become transactions; without it all do. */
  readonly overload?: Pick<OverloadControl, 'judge'> | undefined;
  /** Tells what is served at the bound while others are not. Default: no number is one for emergencies. */
  readonly precedence?: Precedence;
}

export interface TransactionLayerOptions extends TimingOptions {
  /** Server transactions at one time; a request beyond is answered 503. Default 250,000. */
  readonly maxServerTransactions?: number;
  /** Seconds in the Retry-After of a 503 at the least; twice as many at the most. Default 5. */
  readonly retryAfterS?: number;
}

/**
 * Over UDP a transaction lingers for 32 s (RFC 3261 §17.2.2, RFC 6026 §8.7), so that this is 3,900 calls/s of two
 * transactions each. With more, those that have been over for longest linger for less.
 */
const MAX_SERVERS = 250_000;

/** The part of all server transactions that is kept for what has precedence: requests within dialogs, emergencies. */
const KEPT_BACK = 0.1;

/** So many are looked at for one that is over, when a new one needs its place. */
const LOOKED_AT = 8;

/** Of a To tag of ours (RFC 3261 §19.3 asks for 4). */
const TAG_BYTES = 8;

/** Those that are known: metrics by others would let anybody make as many time series as he likes. */
const METHODS: ReadonlySet<string> = new Set(
  'INVITE REGISTER OPTIONS SUBSCRIBE MESSAGE PUBLISH BYE CANCEL NOTIFY REFER INFO UPDATE PRACK'.split(' '),
);

/** The transaction layer (RFC 3261 §17): matches messages to transactions, and owns them all. */
export class TransactionLayer implements MessageHandler {
  readonly #transport: TransactionTransport;
  readonly #user: TransactionUser;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #tags: HexTokens;
  readonly #timers: TimerQueues<string>;
  readonly #clients = new Map<string, ClientTransaction>();
  readonly #servers = new Map<string, ServerExchange>();
  readonly #clientsByFlow = new FlowIndex<ClientTransaction>();
  readonly #serversByPeer = new FlowIndex<ServerExchange>();
  readonly #clientContext: ClientTransactionContext;
  readonly #serverContext: ServerExchangeContext;
  readonly #maxServers: number;
  readonly #retryAfterS: number;
  readonly #overload: Pick<OverloadControl, 'judge'> | undefined;
  readonly #precedence: Precedence;
  readonly #metrics: Metrics;
  readonly #clientGauge: Gauge;
  readonly #serverGauge: Gauge;
  readonly #unacknowledged: Counter;
  #stopped = false;

  /** Becomes the owner of all that `transport` receives. */
  constructor(deps: TransactionLayerDeps, options: TransactionLayerOptions, user: TransactionUser) {
    const { transport, metrics } = deps;
    this.#transport = transport;
    this.#random = deps.random;
    this.#tags = new HexTokens(deps.random, TAG_BYTES);
    this.#user = user;
    this.#logger = deps.logger;
    this.#clock = deps.clock;
    this.#timers = new TimerQueues(deps.clock, (error) => this.#reportFault('a SIP timer failed', error));
    this.#maxServers = options.maxServerTransactions ?? MAX_SERVERS;
    this.#retryAfterS = options.retryAfterS ?? 5;
    this.#overload = deps.overload;
    this.#precedence = deps.precedence ?? new Precedence();
    this.#metrics = metrics;
    const help = 'SIP transactions at this time';
    this.#clientGauge = metrics.gauge('sip_transactions', help, { side: 'client' });
    this.#serverGauge = metrics.gauge('sip_transactions', help, { side: 'server' });
    this.#unacknowledged = metrics.counter(
      'sip_unacknowledged_total',
      'Final responses to INVITE without ACK',
    );
    const shared = { timers: this.#timers, timing: timing(options) };
    this.#clientContext = {
      ...shared,
      send: (data, flow, callId) => transport.send(data, flow, callId),
      sendCancel: (cancel, flow) => this.#startClient(cancel, flow),
      terminated: (transaction) => this.#forgetClient(transaction),
    };
    this.#serverContext = {
      ...shared,
      statelessTag: `stateless-${randomHex(deps.random, 6)}`,
      sendResponse: (data, port, flow, callId) => transport.sendResponse(data, port, flow, callId),
      passAck: (ack, flow) => user.onAck(ack, flow),
      reportNoAck: () => this.#unacknowledged.inc(),
      terminated: (exchange) => this.#forgetServer(exchange),
    };
    transport.setHandler(this);
  }

  /** Transactions that exist now, for readiness and tests. */
  get counts(): { readonly clients: number; readonly servers: number } {
    return { clients: this.#clients.size, servers: this.#servers.size };
  }

  /**
   * Sends a request in a transaction of its own. Its top Via is ours, with a unique branch.
   * @throws TransportError 'stopped'
   */
  sendRequest(request: SipRequest, flow: Flow, handler: ClientTransactionHandler): ClientTransaction {
    if (this.#stopped) throw new TransportError('stopped', 'the transaction layer is stopped');
    return this.#startClient(request, flow, handler);
  }

  /**
   * Sends a message outside any transaction: an ACK for a 2xx.
   * @returns false when the flow is gone
   */
  sendStateless(message: SipRequest | SipResponse, flow: Flow): boolean {
    return this.#transport.send(message.encode(), flow, message.callId);
  }

  onMessage(message: SipRequest | SipResponse, flow: Flow): void {
    if (this.#stopped) return;
    if (message instanceof SipRequest) this.#onRequest(message, flow);
    else this.#onResponse(message, flow);
  }

  /**
   * The SIP connection to an overlay peer was made anew: pending requests to it go again with the same branch, and
   * pending requests from it get their last response again.
   */
  rebindPeer(peer: string, flow: Flow): void {
    for (const client of this.#clientsByFlow.ofPeer(peer)) client.rebind(flow);
    for (const server of this.#serversByPeer.ofPeer(peer)) server.rebind(flow);
  }

  /** No connection to this overlay peer can be had: pending requests to it fail now, not at their time-out. */
  failPeer(peer: string, error: Error): void {
    for (const client of this.#clientsByFlow.ofPeer(peer)) client.abandon(error);
  }

  /** Ends all transactions without a word to their users. */
  stop(): void {
    this.#stopped = true;
    this.#timers.clear();
    for (const client of this.#clients.values()) client.dispose();
    for (const server of this.#servers.values()) server.dispose();
    this.#clients.clear();
    this.#servers.clear();
    this.#clientsByFlow.clear();
    this.#serversByPeer.clear();
  }

  #startClient(request: SipRequest, flow: Flow, handler?: ClientTransactionHandler): ClientTransaction {
    const key = clientKey(request);
    const client = new ClientTransaction(this.#clientContext, { key, request, flow, handler });
    this.#clients.set(key, client);
    this.#clientGauge.set(this.#clients.size);
    if (flow.reliable) this.#clientsByFlow.add(flow, client, (lost) => this.#connectionLost(lost));
    if (flow.peer === undefined) flow.hold?.();
    client.start();
    return client;
  }

  /** RFC 3261 §17.1.4, §18.4: requests without any response on this connection have failed. */
  #connectionLost(clients: ReadonlySet<ClientTransaction>): void {
    for (const client of [...clients]) {
      if (client.state !== 'proceeding' || client.method !== 'INVITE') {
        client.fail(new TransportError('flow-closed', 'the connection was lost', { origin: 'remote' }));
      }
    }
  }

  #onResponse(response: SipResponse, flow: Flow): void {
    const client = this.#clients.get(clientKey(response));
    if (client !== undefined) client.receive(response);
    else this.#user.onResponse(response, flow);
  }

  #onRequest(request: SipRequest, flow: Flow): void {
    const key = serverKey(request);
    const known = this.#servers.get(key);
    if (known !== undefined) {
      known.receive(request);
      return;
    }
    // RFC 3261 §17.2.3, §13.3.1.4: an ACK without transaction is one for a 2xx.
    if (request.method === 'ACK') {
      if (request.toTag !== this.#serverContext.statelessTag) this.#user.onAck(request, flow);
      return;
    }
    // Judged in any case: the overload control has to know of what finds no room, too.
    const verdict = this.#overload?.judge(request, flow) ?? 'process';
    if (verdict === 'ignore') return;
    if (verdict === 'process' && (this.#hasRoom(request) || this.#makeRoom()))
      this.#startServer(key, request, flow);
    else this.#refuse(request, flow);
  }

  /** Forgets the oldest transaction that only waits for stragglers, as far as it is not far to seek. */
  #makeRoom(): boolean {
    const now = this.#clock.monotonic();
    let looked = 0;
    for (const exchange of this.#servers.values()) {
      if (exchange.isForgettable(now)) {
        exchange.dispose();
        this.#forgetServer(exchange);
        return true;
      }
      // Behind all others: what lasts, such as a call that rings, must not be looked at each time.
      this.#servers.delete(exchange.key);
      this.#servers.set(exchange.key, exchange);
      looked += 1;
      if (looked === LOOKED_AT) return false;
    }
    return false;
  }

  #hasRoom(request: SipRequest): boolean {
    const { size } = this.#servers;
    if (size < this.#maxServers * (1 - KEPT_BACK)) return true;
    if (size >= this.#maxServers) return false;
    const purpose = this.#precedence.of(request);
    return purpose === 'session' || purpose === 'emergency';
  }

  #startServer(key: string, request: SipRequest, flow: Flow): void {
    const isInvite = request.method === 'INVITE';
    const exchange = new ServerExchange(this.#serverContext, { key, isInvite, via: request.topVia, flow });
    const transaction = new ServerTransaction({ exchange, tags: this.#tags }, request);
    exchange.transaction = transaction;
    this.#servers.set(key, exchange);
    this.#serverGauge.set(this.#servers.size);
    if (flow.peer !== undefined) this.#serversByPeer.add(flow, exchange);
    else flow.hold?.();
    exchange.start();
    this.#handToUser(transaction);
  }

  #handToUser(transaction: ServerTransaction): void {
    const { request } = transaction;
    try {
      if (request.method !== 'CANCEL') this.#user.onRequest(transaction);
      else this.#user.onCancel(transaction, this.#meantBy(request));
    } catch (error) {
      this.#reportFault(`handling a SIP ${request.method} failed`, error);
      if (!transaction.finalSent) transaction.reply(500);
    }
  }

  /** RFC 3261 §9.2: what a CANCEL would cancel, of whatever method, as if the CANCEL had that one. */
  #meantBy(cancel: SipRequest): ServerTransaction | undefined {
    const invite = this.#servers.get(serverKey(cancel, 'INVITE'));
    if (invite !== undefined) return invite.transaction;
    for (const method of METHODS) {
      const other = method === 'CANCEL' ? undefined : this.#servers.get(serverKey(cancel, method));
      if (other !== undefined) return other.transaction;
    }
    return undefined;
  }

  /**
   * RFC 3261 §21.5.4: 503 is for our own overload alone. Those who are refused together should not come back together, so
   * they are told different times.
   */
  #refuse(request: SipRequest, flow: Flow): void {
    const method = METHODS.has(request.method) ? request.method : 'other';
    this.#metrics.counter('sip_overload_rejected_total', 'Requests refused with 503', { method }).inc();
    const seconds = Math.floor(this.#retryAfterS * (1 + this.#random.float()));
    const headers = [['Retry-After', String(seconds)]] as const;
    const response = createResponse(request, 503, undefined, {
      toTag: this.#serverContext.statelessTag,
      headers,
    });
    this.#transport.sendResponse(response.encode(), request.topVia, flow);
  }

  #reportFault(message: string, error: unknown): void {
    this.#logger.error(message, { error: error instanceof Error ? error.stack : errorMessage(error) });
  }

  #forgetClient(client: ClientTransaction): void {
    if (this.#clients.get(client.key) === client) this.#clients.delete(client.key);
    this.#clientsByFlow.delete(client.flow, client);
    if (client.flow.peer === undefined) client.flow.release?.();
    this.#clientGauge.set(this.#clients.size);
  }

  #forgetServer(exchange: ServerExchange): void {
    this.#servers.delete(exchange.key);
    this.#serversByPeer.delete(exchange.flow, exchange);
    if (exchange.flow.peer === undefined) exchange.flow.release?.();
    this.#serverGauge.set(this.#servers.size);
  }
}
