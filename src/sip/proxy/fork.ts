import { type Clock, CodedError, IdleMap, SlotList, type Slotted, type Timer } from '../../base/index.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { Binding } from '../registrar/binding.ts';
import type { ServerTransaction } from '../transaction/server-transaction.ts';
import type { Flow } from '../transport/flow.ts';
import { Branch, type BranchOwner } from './branch.ts';
import type { BranchPlan, BranchPlanner } from './branch-plan.ts';
import type { BranchServices } from './branch-services.ts';
import { breadthPerBranch, incomingBreadth } from './breadth.ts';
import type { Side } from './leg-names.ts';
import type { ProxyOptions, Target } from './ports.ts';
import { ResponseContext, type ResponseContextActions } from './response-context.ts';
import type { ServerList } from './server-list.ts';

export interface ForkServices extends BranchServices {
  readonly clock: Clock;
  readonly planner: BranchPlanner;
  /** Called once, when the final response went upstream. */
  onForkDone(fork: Fork): void;
}

/** A request on its way through us. */
export interface Inbound {
  readonly transaction: ServerTransaction;
  readonly request: SipRequest;
  /** Of the request as it was received (RFC 5393). */
  readonly fingerprint: string;
  /** How its sender is reached in the dialog it asks for; undefined when it asks for none. */
  readonly caller: Side | undefined;
}

/** A copy of the request, and the phone's other flows in case this one has failed. */
interface Copy {
  readonly plan: BranchPlan;
  readonly alternatives: readonly Binding[];
  /** Those an earlier copy left. */
  readonly servers?: ServerList;
}

const NO_ALTERNATIVES: readonly Binding[] = [];

/**
 * Forwards one request to all its targets: in parallel those of one q, one q after the other (RFC 3261 §16.6), those
 * still being looked up as soon as they are known. The response context decides what goes upstream.
 */
export class Fork implements BranchOwner, ResponseContextActions<Branch>, Slotted {
  slot = -1;
  readonly transaction: ServerTransaction;
  readonly fingerprint: string;
  readonly #services: ForkServices;
  readonly #request: SipRequest;
  readonly #caller: Side | undefined;
  readonly #context: ResponseContext<Branch>;
  readonly #running = new SlotList<Branch>();
  /** Other flows to the phones of running branches (RFC 5626 §7), where there are any. */
  readonly #alternatives = new IdleMap<Branch, readonly Binding[]>();
  readonly #breadth: number;
  /** Targets for later, in groups of one q. */
  #queue: Target[][] = [];
  #laterPending = false;
  #emptyStatus = 480;
  #ringTimer: Timer | undefined;
  /** The branches whose ringing it bounds. */
  #ringing: Set<Branch> | undefined;
  #settle: ((status: number | undefined) => void) | undefined;

  constructor(services: ForkServices, inbound: Inbound) {
    this.#services = services;
    this.transaction = inbound.transaction;
    this.fingerprint = inbound.fingerprint;
    this.#request = inbound.request;
    this.#caller = inbound.caller;
    this.#context = new ResponseContext(inbound.request.method, this);
    this.#breadth = incomingBreadth(inbound.request);
    const { maxForwards } = inbound.request;
    // RFC 3261 §16.6 step 3
    inbound.request.setHeader('Max-Forwards', String(maxForwards === undefined ? 70 : maxForwards - 1));
  }

  /** Whether a request or a response of this fork waits for the connection to a peer. */
  involves(peer: string): boolean {
    if (this.transaction.flow.peer === peer) return true;
    for (const branch of this.#running) if (branch.peer === peer) return true;
    return false;
  }

  /** @returns the status sent upstream, undefined when none may be sent */
  run(targets: readonly Target[], options: ProxyOptions = {}): Promise<number | undefined> {
    const result = new Promise<number | undefined>((resolve) => {
      this.#settle = resolve;
    });
    this.#emptyStatus = options.emptyStatus ?? 480;
    this.#queue = groupByQ(targets);
    if (options.later !== undefined) {
      this.#laterPending = true;
      options.later.then(
        (more) => this.#onLater(more),
        (error) => {
          this.#services.logger.warn('looking up further targets failed', { error: String(error) });
          this.#onLater([]);
        },
      );
    }
    this.#openNext();
    return result;
  }

  /** Forwards along one given way: a request within a dialog. */
  runPlan(plan: BranchPlan): void {
    this.#open([{ plan, alternatives: NO_ALTERNATIVES }]);
    this.#context.completeTargets();
  }

  /** The caller cancelled, and why, if he said it. */
  cancelAll(reason?: string): void {
    this.#queue = [];
    this.#context.cancel(reason);
  }

  onBranchResponse(branch: Branch, response: SipResponse): void {
    if (response.status >= 200) this.#running.delete(branch);
    if (FLOW_FAILURES.has(response.status) && this.#replace(branch)) return;
    this.#context.receive(branch, response);
  }

  onBranchFailed(branch: Branch, status: number): void {
    this.#running.delete(branch);
    // 487: we gave it up ourselves.
    if (status !== 487 && this.#replace(branch)) return;
    this.#context.fail(branch, status);
  }

  onBranchSilent(branch: Branch): void {
    if (this.#replace(branch)) branch.cancel();
    else this.#context.silence(branch);
  }

  onBranchExpired(branch: Branch): void {
    this.#context.expire(branch);
  }

  recordRoutes(branch: Branch, flow: Flow): readonly string[] {
    if (this.#caller === undefined) return [];
    const callee = { flow, target: branch.plan.target };
    return this.#services.names.recordRoutes(this.#caller, callee, this.#request);
  }

  forward(response: SipResponse): void {
    this.transaction.respond(response);
  }

  answer(status: number): void {
    this.transaction.reply(status);
  }

  cancel(branch: Branch, reason?: string): void {
    branch.cancel(reason);
  }

  idle(): void {
    this.#openNext();
  }

  done(status: number | undefined): void {
    this.#queue = [];
    this.#ringTimer?.close();
    // RFC 4320 §4.2: the transaction knows that a 408 is not to be sent, and ends.
    if (status === undefined) this.transaction.reply(408);
    const { logger, onForkDone } = this.#services;
    if (logger.debugEnabled) {
      const { callId: call, method } = this.#request;
      logger.debug('a request is answered', { call, method, status });
    }
    this.#settle?.(status);
    onForkDone(this);
  }

  #onLater(targets: readonly Target[]): void {
    this.#laterPending = false;
    if (!this.#context.wantsBranches) return;
    const [first, ...rest] = groupByQ(targets);
    this.#queue.push(...rest);
    if (first !== undefined) this.#openGroup(first);
    this.#completeIfLast();
  }

  #openNext(): void {
    const group = this.#queue.shift();
    if (group !== undefined) this.#openGroup(group);
    this.#completeIfLast();
  }

  #completeIfLast(): void {
    if (this.#queue.length === 0 && !this.#laterPending) this.#context.completeTargets(this.#emptyStatus);
  }

  #openGroup(group: readonly Target[]): void {
    let available = this.#breadth;
    for (const { breadth } of this.#running) available -= breadth;
    available = Math.max(available, 0);
    if (available === 0 && this.#context.pending === 0) {
      // RFC 5393 §5.3.3: nothing is left, and what took it has gone silent.
      this.#queue = [];
      this.#emptyStatus = 440;
      return;
    }
    // What does not fit beside the others is tried after them.
    if (group.length > available) this.#queue.unshift(group.slice(available));
    const copies: Copy[] = [];
    for (const target of group.slice(0, available)) {
      const copy = this.#copyFor(target);
      if (copy !== undefined) copies.push(copy);
    }
    const shares = copies.length + (this.#laterPending ? 1 : 0);
    this.#open(copies, breadthPerBranch(available, Math.max(shares, 1)));
    if (this.#queue.length === 0) return;
    if (copies.length === 0 && this.#context.pending === 0) this.#openNext();
    else this.#boundRinging();
  }

  #copyFor(target: Target): Copy | undefined {
    const alternatives = (target.kind === 'binding' ? target.alternatives : undefined) ?? NO_ALTERNATIVES;
    try {
      return { plan: this.#services.planner.ofTarget(this.#request, target), alternatives };
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#services.logger.warn('a target is unusable', { kind: target.kind, error: error.message });
      return undefined;
    }
  }

  #open(copies: readonly Copy[], breadth = this.#breadth): void {
    const isInvite = this.#request.method === 'INVITE';
    const isAnyOfSeveral = isInvite || copies.length > 1 || this.#running.size > 0;
    const branches = copies.map(({ plan, alternatives, servers }) => {
      const watchSilence = isAnyOfSeveral || alternatives.length > 0;
      const branch = new Branch(this.#services, { owner: this, plan, breadth, watchSilence, servers });
      if (alternatives.length > 0) this.#alternatives.set(branch, alternatives);
      return branch;
    });
    // All are open before the first one starts: one that fails at once must not settle the whole.
    for (const branch of branches) {
      branch.plan.request.setHeader('Max-Breadth', String(breadth));
      this.#running.add(branch);
      this.#context.open(branch);
    }
    for (const branch of branches) branch.start();
  }

  /**
   * Another way to the same target takes the place of a branch that failed, or said nothing so far.
   * @returns false when there is none
   */
  #replace(failed: Branch): boolean {
    if (!this.#context.wantsBranches) return false;
    const copy = this.#nextServer(failed) ?? this.#nextFlow(failed);
    if (copy === undefined) return false;
    this.#running.delete(failed);
    this.#context.supersede(failed);
    const others = new Set(this.#running);
    this.#open([copy], failed.breadth);
    if (this.#ringing?.has(failed)) {
      for (const branch of this.#running) if (!others.has(branch)) this.#ringing.add(branch);
    }
    return true;
  }

  /** RFC 3263 §4.3: another server of the same domain. */
  #nextServer(failed: Branch): Copy | undefined {
    const servers = failed.takeServers();
    return servers && { plan: failed.plan, alternatives: NO_ALTERNATIVES, servers };
  }

  /** RFC 5626 §7: the same phone may be reached over another one of its flows. */
  #nextFlow(failed: Branch): Copy | undefined {
    const [binding, ...alternatives] = this.#alternatives.get(failed) ?? NO_ALTERNATIVES;
    this.#alternatives.delete(failed);
    return binding && this.#copyFor({ kind: 'binding', binding, alternatives });
  }

  /** Phones of a lower q are waiting: these may not ring for ever. */
  #boundRinging(): void {
    this.#ringTimer?.close();
    const ringing = new Set(this.#running);
    this.#ringing = ringing;
    this.#ringTimer = this.#services.clock.setTimer(this.#services.timing.serialRingMs, () => {
      for (const branch of ringing) this.#context.expire(branch);
    });
  }
}

/** RFC 5626 §7: what a phone says over one flow is final but for these. */
const FLOW_FAILURES = new Set([408, 430]);

/** Groups of equal q, the highest first; the order within a group is kept. */
function groupByQ(targets: readonly Target[]): Target[][] {
  if (targets.length < 2) return targets.length === 0 ? [] : [[...targets]];
  const groups = new Map<number, Target[]>();
  for (const target of targets) {
    const q = target.q ?? (target.kind === 'binding' ? target.binding.q : 1);
    const group = groups.get(q);
    if (group === undefined) groups.set(q, [target]);
    else group.push(target);
  }
  return [...groups].sort(([a], [b]) => b - a).map(([, group]) => group);
}
