import { type Counter, errorMessage, type Logger, type Metrics } from '../../base/index.ts';
import type { Flow } from '../transport/flow.ts';
import type { BranchPlan } from './branch-plan.ts';
import type { BranchServices } from './branch-services.ts';
import { openWay } from './open-way.ts';

/**
 * Forwards ACKs for 2xx: outside any transaction, but along the route set like every request of the dialog (RFC 3261
 * §16.11). One that finds no way is dropped: the 2xx will come again.
 */
export class AckForwarder {
  readonly #services: BranchServices;
  readonly #logger: Logger;
  readonly #dropped: Counter;

  constructor(deps: { services: BranchServices; logger: Logger; metrics: Metrics }) {
    this.#services = deps.services;
    this.#logger = deps.logger;
    this.#dropped = deps.metrics.counter('sip_acks_dropped_total', 'ACKs without a valid route or a way on');
  }

  /** @param fingerprint of the ACK as it was received */
  forward(plan: BranchPlan, fingerprint: string): void {
    let flow: Flow | undefined | Promise<Flow>;
    try {
      flow = openWay(plan.way, this.#services);
    } catch (error) {
      this.drop(errorMessage(error));
      return;
    }
    if (flow instanceof Promise) {
      flow.then(
        (opened) => this.#send(plan, opened, fingerprint),
        (error) => this.drop(errorMessage(error)),
      );
    } else {
      this.#send(plan, flow, fingerprint);
    }
  }

  drop(reason: string): void {
    this.#dropped.inc();
    if (this.#logger.debugEnabled) this.#logger.debug('an ACK is dropped', { reason });
  }

  #send(plan: BranchPlan, flow: Flow | undefined, fingerprint: string): void {
    if (flow === undefined) {
      this.drop('its flow is gone');
      return;
    }
    const ready = this.#services.own.prepare(flow);
    if (ready !== undefined) {
      void ready.then(() => this.#send(plan, flow, fingerprint));
      return;
    }
    const rewriting = this.#services.media?.ack(plan.request);
    if (rewriting === undefined) this.#sendOver(plan, flow, fingerprint);
    else void rewriting.then(() => this.#sendOver(plan, flow, fingerprint));
  }

  #sendOver(plan: BranchPlan, flow: Flow, fingerprint: string): void {
    const { names, loops, transactions } = this.#services;
    plan.request.prependHeader('Via', names.via(flow, loops.branch(fingerprint)));
    if (!transactions.sendStateless(plan.request, flow)) this.drop('its flow is gone');
  }
}
