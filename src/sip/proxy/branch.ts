import { errorMessage, type Slotted } from '../../base/index.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import { ResolveError } from '../resolve/resolve-target.ts';
import type { ClientTransaction } from '../transaction/client-transaction.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { TimerEntry, TimerOwner } from '../transaction/timer-queues.ts';
import type { ClientTransactionHandler } from '../transaction/types.ts';
import type { Flow } from '../transport/flow.ts';
import { checkAnswererIdentity } from './asserted-identity.ts';
import type { BranchPlan } from './branch-plan.ts';
import type { BranchServices, BranchTimer } from './branch-services.ts';
import { LateSuccesses } from './late-successes.ts';
import { STATUS_OF_NAMES } from './name-failures.ts';
import type { MediaLeg } from './ports.ts';
import { ServerList } from './server-list.ts';

/** The owner of a branch: it feeds the response context. */
export interface BranchOwner {
  /** Of the request this is a copy of. */
  readonly transaction: ServerTransaction;
  /** Of the request as it was received (RFC 5393). */
  readonly fingerprint: string;
  /** A response with our Via removed. */
  onBranchResponse(branch: Branch, response: SipResponse): void;
  /** The branch ended without a final response. */
  onBranchFailed(branch: Branch, status: number): void;
  onBranchSilent(branch: Branch): void;
  onBranchExpired(branch: Branch): void;
  /** Record-Route values for a request that leaves by `flow`, topmost first. */
  recordRoutes(branch: Branch, flow: Flow): readonly string[];
}

export interface BranchOptions {
  readonly owner: BranchOwner;
  readonly plan: BranchPlan;
  readonly breadth: number;
  readonly watchSilence: boolean;
  /** Where to send it, when that was found before; else it is found by the plan. */
  readonly servers?: ServerList | undefined;
}

/**
 * One forwarded copy of a request: finds its flow, sends it, and tries the next address when one fails (RFC 3261
 * §16.6, RFC 3263 §4.3).
 */
export class Branch implements ClientTransactionHandler, TimerOwner<BranchTimer>, Slotted {
  slot = -1;
  readonly plan: BranchPlan;
  /** Its share of Max-Breadth (RFC 5393 §5). */
  readonly breadth: number;
  readonly #services: BranchServices;
  readonly #owner: BranchOwner;
  readonly #watchSilence: boolean;
  readonly #servers: ServerList;
  #transaction: ClientTransaction | undefined;
  #timer: TimerEntry<BranchTimer> | undefined;
  #connecting: AbortController | undefined;
  /** Where media of the call goes by a relay. */
  #media: MediaLeg | undefined;
  /** Responses whose descriptions are being rewritten, in their order. */
  #delivered: Promise<void> = DELIVERED;
  #heard = false;
  #ended = false;

  constructor(services: BranchServices, options: BranchOptions) {
    this.#services = services;
    this.#owner = options.owner;
    this.plan = options.plan;
    this.breadth = options.breadth;
    this.#watchSilence = options.watchSilence;
    this.#servers = options.servers ?? new ServerList(services);
  }

  /** Node-ID in hex of the peer the request went to. */
  get peer(): string | undefined {
    return this.plan.way.kind === 'peer' ? this.plan.way.peer : undefined;
  }

  start(): void {
    if (this.#tryNextServer()) return;
    const { way } = this.plan;
    if (way.kind !== 'uri') this.#watch();
    switch (way.kind) {
      case 'flow':
        this.#sendWhenNamed(way.flow);
        break;
      case 'peer':
        this.#sendToPeer(way.peer);
        break;
      case 'uri':
        this.#sendByUri();
        break;
      case 'none':
        this.#fail(this.plan.lostStatus);
        break;
    }
  }

  /**
   * The servers it has not tried, if there are any, for another branch to go on with. This one may still get a late answer.
   */
  takeServers(): ServerList | undefined {
    return this.#servers.hasMore ? this.#servers.takeRest() : undefined;
  }

  /**
   * CANCELs the request (RFC 3261 §9.1), or keeps it from being sent at all.
   * @param reason a value of Reason (RFC 3326)
   */
  cancel(reason?: string): void {
    if (this.#ended) return;
    if (this.#transaction !== undefined) {
      this.#transaction.cancel(reason);
      return;
    }
    this.#connecting?.abort();
    this.#fail(487);
  }

  onResponse(response: SipResponse): void {
    this.#heard = true;
    this.#servers.answered(response);
    if (response.isProvisional) {
      this.#restartTimerC(response.status);
    } else {
      this.#stopTimer();
      if (response.status === 503 && this.#tryNextServer()) return;
      this.#ended = true;
    }
    checkAnswererIdentity(response, this.plan.isTrusted);
    response.removeFirstElement('Via');
    // RFC 3261 §16.7 step 3: without another Via it was meant for us.
    if (response.has('Via')) this.#deliver(response);
    if (response.isSuccess) {
      const deps = { upstream: this.#owner.transaction, logger: this.#services.logger };
      const { isTrusted } = this.plan;
      this.#transaction?.handOver(new LateSuccesses(deps, { isTrusted, media: this.#media }));
    }
  }

  onTimeout(): void {
    if (!this.#heard) {
      this.#servers.failed('silent');
      if (this.#tryNextServer()) return;
    }
    this.#fail(408);
  }

  onTransportError(): void {
    this.#servers.failed('unreachable');
    if (!this.#tryNextServer()) this.#fail(this.plan.lostStatus);
  }

  onTimer(name: BranchTimer): void {
    this.#timer = undefined;
    if (name === 'timer-c') {
      this.#owner.onBranchExpired(this);
      return;
    }
    this.#servers.failed('silent');
    this.#owner.onBranchSilent(this);
  }

  #sendToPeer(peer: string): void {
    const { peers } = this.#services;
    const standing = peers.cached(peer);
    if (standing?.open) {
      this.#sendWhenNamed(standing);
      return;
    }
    this.#connecting = new AbortController();
    this.#sendOver(peers.connect(peer, this.#connecting.signal, this.plan.request.callId));
  }

  #sendByUri(): void {
    const send = () => {
      if (!this.#tryNextServer()) this.#fail(this.plan.lostStatus);
    };
    try {
      const finding = this.#servers.find(this.plan);
      if (finding === undefined) {
        send();
        return;
      }
      this.#watch();
      finding.then(send, (error: unknown) => this.#failResolving(error));
    } catch (error) {
      this.#failResolving(error);
    }
  }

  /** @returns false when there is none left, or the branch is over */
  #tryNextServer(): boolean {
    const next = this.#ended ? undefined : this.#servers.next();
    if (next === undefined) return false;
    this.#transaction = undefined;
    this.#media?.failed();
    this.#media = undefined;
    this.#watch();
    const { way } = this.plan;
    const from = way.kind === 'uri' ? way.from : undefined;
    const target = { transport: next.transport, address: next.address, name: next.name, from };
    const flow = this.#services.transport.flowToSync(target);
    if (flow !== undefined) this.#sendWhenNamed(flow);
    else this.#sendOver(this.#services.transport.flowTo(target));
    return true;
  }

  #sendOver(opening: Promise<Flow>): void {
    opening.then(
      (flow) => {
        this.#connecting = undefined;
        this.#sendWhenNamed(flow);
      },
      () => {
        this.#connecting = undefined;
        this.onTransportError();
      },
    );
  }

  /** Sends once it is known which address of ours the other end is to be told. */
  #sendWhenNamed(flow: Flow): void {
    const ready = this.#services.own.prepare(flow);
    if (ready === undefined) this.#send(flow);
    else void ready.then(() => this.#send(flow));
  }

  #deliver(response: SipResponse): void {
    const media = this.#media;
    if (media === undefined) {
      this.#owner.onBranchResponse(this, response);
      return;
    }
    if (!response.isProvisional && !response.isSuccess) media.failed();
    this.#delivered = this.#delivered
      .then(() => media.response(response))
      .then(() => this.#owner.onBranchResponse(this, response))
      .catch((error) => this.#services.logger.error('a response was lost', { error: errorMessage(error) }));
  }

  /** Has its media go by a relay where that is needed, then sends it. */
  #send(flow: Flow): void {
    if (this.#ended) return;
    const { loops, media } = this.#services;
    const request = this.#servers.hasMore ? this.plan.request.clone() : this.plan.request;
    const branch = loops.branch(this.#owner.fingerprint);
    const ends = { from: this.#owner.transaction.flow, to: flow, branch };
    const rewriting = media?.request(request, ends);
    if (rewriting === undefined) {
      this.#sendRequest(request, flow, branch);
      return;
    }
    rewriting.then(
      (leg) => {
        if (this.#ended) return leg.failed();
        this.#media = leg;
        this.#sendRequest(request, flow, branch);
      },
      () => this.#fail(503),
    );
  }

  #sendRequest(request: SipRequest, flow: Flow, branch: string): void {
    const { names, transactions } = this.#services;
    const recordRoutes = this.#owner.recordRoutes(this, flow);
    for (let at = recordRoutes.length - 1; at >= 0; at -= 1)
      request.prependHeader('Record-Route', recordRoutes[at]!);
    request.prependHeader('Via', names.via(flow, branch));
    if (flow.peer !== undefined) this.#services.onPeerFlow(flow);
    // A failure to send is reported before this returns: the transaction of a later address must not be overwritten.
    const before = this.#transaction;
    const transaction = transactions.sendRequest(request, flow, this);
    if (this.#transaction === before && transaction.pending) this.#transaction = transaction;
  }

  #restartTimerC(status: number): void {
    const { method } = this.plan.request;
    if (method !== 'INVITE') {
      this.#stopTimer();
      return;
    }
    // RFC 3261 §16.7 step 2: 100 does not restart a running timer C, but it ends the silence.
    if (status === 100 && this.#timer?.name === 'timer-c') return;
    const { timerCMs, timerCOverlayExtraMs } = this.#services.timing;
    this.#arm('timer-c', this.peer === undefined ? timerCMs : timerCMs + timerCOverlayExtraMs);
  }

  /**
   * Nobody waits for timers B and F, 32 s, before he hears from somebody. A server that has heard of anything but an INVITE says
   * nothing for more than 3.5 s (RFC 4320 §4.1), so there others are tried later.
   */
  #watch(): void {
    const { failoverMs, silenceMs } = this.#services.timing;
    const isInvite = this.plan.request.method === 'INVITE';
    if (this.#servers.hasMore) this.#arm('silence', isInvite ? failoverMs : silenceMs);
    else if (this.#watchSilence) this.#arm('silence', silenceMs);
    else this.#stopTimer();
  }

  #arm(name: BranchTimer, delayMs: number): void {
    this.#stopTimer();
    this.#timer = this.#services.timers.start(delayMs, this, name);
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) this.#services.timers.stop(this.#timer);
    this.#timer = undefined;
  }

  /** A phone of ours is unreachable then, and so is a server of the operator's. */
  #failResolving(error: unknown): void {
    const { lostStatus, isTrusted } = this.plan;
    const isForeign = lostStatus === 503 && isTrusted !== true;
    this.#fail(isForeign && error instanceof ResolveError ? STATUS_OF_NAMES[error.code] : lostStatus);
  }

  #fail(status: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopTimer();
    this.#media?.failed();
    const { logger } = this.#services;
    if (logger.debugEnabled) {
      const { callId: call, method, requestUri: to } = this.plan.request;
      logger.debug('a branch failed', { call, method, to, status, ...(this.peer && { peer: this.peer }) });
    }
    this.#owner.onBranchFailed(this, status);
  }
}

const DELIVERED = Promise.resolve();
