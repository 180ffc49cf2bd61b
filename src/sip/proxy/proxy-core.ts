import {
  type Clock,
  CodedError,
  type Counter,
  errorMessage,
  type Logger,
  type Metrics,
  type Random,
  randomHex,
  SlotList,
} from '../../base/index.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { OverloadControl } from '../overload/overload-control.ts';
import type { Precedence } from '../overload/precedence.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import { TimerQueues } from '../transaction/timer-queues.ts';
import { TransactionLayer, type TransactionLayerOptions } from '../transaction/transaction-layer.ts';
import type { TransactionUser } from '../transaction/types.ts';
import type { Flow } from '../transport/flow.ts';
import type { SipTransport } from '../transport/sip-transport.ts';
import { AckForwarder } from './ack-forwarder.ts';
import { BranchPlanner } from './branch-plan.ts';
import type { BranchTimer, ProxyTiming } from './branch-services.ts';
import { callerTarget, formsDialog } from './caller.ts';
import { canonicaliseTarget, type TargetOptions } from './canonical-target.ts';
import { FlowFinder } from './flow-finder.ts';
import { FlowTokens } from './flow-token.ts';
import { Fork, type ForkServices } from './fork.ts';
import { HandlerRunner } from './handler-runner.ts';
import { LegNames, type Side } from './leg-names.ts';
import { LoopDetector } from './loop-detection.ts';
import type { OwnAddresses } from './own-addresses.ts';
import { OwnRequests } from './own-requests.ts';
import { PeerRecovery } from './peer-recovery.ts';
import type {
  BindingSource,
  CallObserver,
  GruuDirectory,
  MediaBridge,
  PeerConnector,
  RequestHandler,
  TargetResolver,
} from './ports.ts';
import { generalRefusal, hopRefusal, type Refusal, targetRefusal } from './request-checks.ts';
import { type HandledRequest, ownAor } from './request-context.ts';
import { RouteReader, type RouteReading } from './route-reader.ts';
import { SERVER_CAPABILITIES } from './server-capabilities.ts';

export interface ProxyCoreDeps {
  readonly transport: SipTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly own: OwnAddresses;
  readonly peers: PeerConnector;
  readonly resolver: TargetResolver;
  readonly bindings: BindingSource;
  /** Left out where phones are given no GRUUs. */
  readonly gruus?: GruuDirectory | undefined;
  readonly calls?: CallObserver | undefined;
  /** As the transaction layer takes them. */
  readonly overload?: OverloadControl | undefined;
  readonly precedence?: Precedence;
  readonly media?: MediaBridge | undefined;
}

export interface ProxyCoreOptions extends TargetOptions {
  /** Our Node-ID in lower-case hex. */
  readonly nodeHex: string;
  readonly overlayName: string;
  /** Kept in `data/`: dialogs set up before a restart go on after it. */
  readonly tokenKey: Uint8Array;
  readonly timing?: Partial<ProxyTiming>;
  readonly transactions?: TransactionLayerOptions;
}

const TIMING: ProxyTiming = {
  silenceMs: 8_000,
  failoverMs: 4_000,
  timerCMs: 180_000,
  timerCOverlayExtraMs: 10_000,
  serialRingMs: 20_000,
};

/**
 * The proxy core (RFC 3261 §16): routes requests within dialogs by their Routes, hands all others to the handler, and
 * forwards what it decides. Makes and owns the transaction layer.
 */
export class ProxyCore implements TransactionUser {
  readonly transactions: TransactionLayer;
  /** For requests of our own, to those who set up dialogs with us. */
  readonly requests: OwnRequests;
  readonly #own: OwnAddresses;
  readonly #handlers: HandlerRunner;
  readonly #target: TargetOptions;
  readonly #loops: LoopDetector;
  readonly #routes: RouteReader;
  readonly #flows: FlowFinder;
  readonly #planner: BranchPlanner;
  readonly #gruus: GruuDirectory | undefined;
  readonly #services: ForkServices;
  readonly #acks: AckForwarder;
  readonly #recovery: PeerRecovery;
  readonly #timers: TimerQueues<BranchTimer>;
  readonly #forks = new SlotList<Fork>();
  readonly #calls: CallObserver | undefined;
  readonly #handled: Counter;
  readonly #inDialog: Counter;
  readonly #strayResponses: Counter;

  constructor(deps: ProxyCoreDeps, options: ProxyCoreOptions, handler: RequestHandler) {
    const { transport, clock, random, logger, metrics, own, peers, resolver, bindings } = deps;
    this.#own = own;
    this.#target = { emergencyNumber: options.emergencyNumber };
    this.#calls = deps.calls;
    this.transactions = new TransactionLayer(
      {
        ...{ transport, clock, random, logger, metrics },
        overload: deps.overload,
        ...(deps.precedence && { precedence: deps.precedence }),
      },
      options.transactions ?? {},
      this,
    );
    this.#handlers = new HandlerRunner({
      handler,
      own,
      logger,
      calls: this.#calls,
      startFork: this.#startFork,
    });
    const tokens = new FlowTokens({ key: options.tokenKey });
    const names = new LegNames({ own, tokens }, options);
    this.#loops = new LoopDetector({ boot: options.nodeHex.slice(0, 6) + randomHex(random, 4) });
    this.#routes = new RouteReader({ own, tokens }, options);
    this.#flows = new FlowFinder({ transport, own, bindings });
    this.#gruus = deps.gruus;
    this.#planner = new BranchPlanner({ flows: this.#flows, own, gruus: this.#gruus });
    this.#timers = new TimerQueues(clock, (error) =>
      logger.error('a timer of the proxy failed', {
        error: error instanceof Error ? error.stack : errorMessage(error),
      }),
    );
    this.#recovery = new PeerRecovery({
      peers,
      transactions: this.transactions,
      logger,
      isInvolved: (peer) => [...this.#forks].some((fork) => fork.involves(peer)),
    });
    this.#services = {
      ...{ transport, clock, logger, own, peers, resolver, names, media: deps.media },
      transactions: this.transactions,
      timers: this.#timers,
      timing: { ...TIMING, ...options.timing },
      loops: this.#loops,
      planner: this.#planner,
      onPeerFlow: (flow) => this.onPeerConnected(flow),
      onForkDone: (fork) => this.#forks.delete(fork),
    };
    this.#acks = new AckForwarder({ services: this.#services, logger, metrics });
    this.requests = new OwnRequests({
      services: this.#services,
      planner: this.#planner,
      flows: this.#flows,
      gruus: this.#gruus,
    });
    const counter = (route: string) =>
      metrics.counter('sip_requests_routed_total', 'SIP requests by how they were routed', { route });
    this.#handled = counter('handler');
    this.#inDialog = counter('dialog');
    this.#strayResponses = metrics.counter(
      'sip_stray_responses_total',
      'Responses without a transaction, dropped',
    );
  }

  /** Requests now being forwarded. */
  get forks(): number {
    return this.#forks.size;
  }

  /**
   * A SIP connection to another peer stands, whoever opened it: what was pending when an earlier one broke goes again.
   */
  onPeerConnected(flow: Flow): void {
    this.#recovery.onConnected(flow);
  }

  stop(): void {
    this.#recovery.stop();
    this.transactions.stop();
    this.#timers.clear();
    this.#forks.clear();
  }

  onRequest(transaction: ServerTransaction): void {
    const { request, flow } = transaction;
    const fingerprint = this.#loops.fingerprint(request);
    if (flow.peer !== undefined) this.onPeerConnected(flow);
    if (this.#loops.isLooped(request, fingerprint)) {
      transaction.reply(482);
      return;
    }
    const refusal = generalRefusal(request, flow);
    if (refusal !== undefined) {
      this.#refuse(transaction, refusal);
      return;
    }
    const reading = this.#readRoutes(request);
    if (reading === undefined) {
      transaction.reply(400, 'Malformed Route');
      return;
    }
    const named = this.#own.prepare(flow);
    if (named === undefined) this.#route(transaction, reading, fingerprint);
    else void named.then(() => this.#route(transaction, reading, fingerprint));
  }

  onAck(ack: SipRequest, _flow: Flow): void {
    const fingerprint = this.#loops.fingerprint(ack);
    const reading = this.#readRoutes(ack);
    if (!reading?.isTrusted) {
      this.#acks.drop('it carries no token of ours');
      return;
    }
    const { maxForwards } = ack;
    if (maxForwards === 0) {
      this.#acks.drop('too many hops');
      return;
    }
    ack.setHeader('Max-Forwards', String(maxForwards === undefined ? 70 : maxForwards - 1));
    this.#acks.forward(this.#planner.ofRoutes(ack, reading), fingerprint);
  }

  onCancel(cancel: ServerTransaction, meant: ServerTransaction | undefined): void {
    if (meant === undefined) {
      // NOTE: §16.10 would have it forwarded statelessly; we never forward an INVITE that way, so nobody could match it.
      cancel.reply(481);
      return;
    }
    // RFC 3326 §2: it goes along to the callees.
    const reason = cancel.request.has('Reason') ? cancel.request.headers('Reason').join(', ') : undefined;
    // RFC 3261 §9.2: the To tag of both answers should be the same; and only an INVITE can be cancelled.
    cancel.reply(200, undefined, { toTag: meant.localTag });
    if (meant.isInvite) meant.cancelled(reason);
  }

  /** RFC 6026 §8.2: a proxy must not forward what matches no transaction. */
  onResponse(_response: SipResponse, _flow: Flow): void {
    this.#strayResponses.inc();
  }

  #refuse(transaction: ServerTransaction, { status, reason, options }: Refusal): void {
    transaction.reply(status, reason, options);
  }

  #readRoutes(request: SipRequest): RouteReading | undefined {
    try {
      return this.#routes.read(request);
    } catch (error) {
      if (error instanceof CodedError) return undefined;
      throw error;
    }
  }

  #route(transaction: ServerTransaction, reading: RouteReading, fingerprint: string): void {
    const { request } = transaction;
    const isInDialog = request.toTag !== undefined;
    if (isInDialog && reading.isTrusted && !this.#endsHere(request, reading)) {
      this.#forwardInDialog(transaction, reading, fingerprint);
      return;
    }
    canonicaliseTarget(request, this.#own, this.#target);
    if (request.method === 'OPTIONS' && !reading.hasRoute && this.#isForServer(request)) {
      // RFC 3261 §11.2
      transaction.reply(200, undefined, { headers: SERVER_CAPABILITIES });
      return;
    }
    const refusal = targetRefusal(request);
    if (refusal !== undefined) {
      this.#refuse(transaction, refusal);
      return;
    }
    // RFC 3261 §10.3: ignored in a REGISTER, and not in its response.
    if (request.method === 'REGISTER') request.removeHeader('Record-Route');
    this.#handled.inc();
    this.#handlers.run({
      transaction,
      hasRoute: reading.hasRoute,
      isStrayInDialog: isInDialog && !reading.isTrusted,
      fingerprint,
    });
  }

  /**
   * A dialog whose remote target is an AoR of ours needs the location service: the handler's affair; so does a GRUU
   * whose phone is not here.
   */
  #endsHere({ uri }: SipRequest, { target, hasRoute }: RouteReading): boolean {
    if (hasRoute || target?.kind === 'flow' || !this.#own.isOwn(uri.host, uri.port)) return false;
    return this.#gruus?.place(uri)?.kind !== 'targets';
  }

  #forwardInDialog(transaction: ServerTransaction, reading: RouteReading, fingerprint: string): void {
    const { request } = transaction;
    const refusal = hopRefusal(request);
    if (refusal !== undefined) {
      this.#refuse(transaction, refusal);
      return;
    }
    this.#inDialog.inc();
    if (request.method === 'BYE') this.#calls?.bye(request);
    // RFC 6665 §4.3: it may be what makes the dialog known to its subscriber, so the route is recorded as in the SUBSCRIBE.
    const caller = request.method === 'NOTIFY' ? this.#callerSide(request, transaction.flow) : undefined;
    const fork = new Fork(this.#services, { transaction, request, fingerprint, caller });
    this.#forks.add(fork);
    transaction.whenCancelled((reason) => fork.cancelAll(reason));
    fork.runPlan(this.#planner.ofRoutes(request, reading));
  }

  readonly #startFork = ({ transaction, request, fingerprint }: HandledRequest): Fork => {
    const { flow } = transaction;
    const caller = formsDialog(request) ? this.#callerSide(request, flow) : undefined;
    const fork = new Fork(this.#services, { transaction, request, fingerprint, caller });
    this.#forks.add(fork);
    return fork;
  };

  /** How the sender of a request will be reached in the dialog. */
  #callerSide(request: SipRequest, flow: Flow): Side {
    const fromAor = () => ownAor(request.from.uri, this.#own);
    return {
      flow,
      target: callerTarget(request, flow, { flows: this.#flows, gruus: this.#gruus, fromAor }),
    };
  }

  #isForServer({ uri }: SipRequest): boolean {
    return uri.user === undefined && this.#own.isOwn(uri.host, uri.port);
  }
}
