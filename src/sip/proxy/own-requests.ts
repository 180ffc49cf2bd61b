import { CodedError } from '../../base/index.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { BranchPlanner } from './branch-plan.ts';
import type { BranchServices } from './branch-services.ts';
import { callerTarget } from './caller.ts';
import type { FlowFinder } from './flow-finder.ts';
import type { TokenTarget } from './flow-token.ts';
import { openWay } from './open-way.ts';
import type { GruuDirectory, RequestContext } from './ports.ts';

/** Requests that we send ourselves, within dialogs that others have set up with us: NOTIFY (RFC 6665). */
export class OwnRequests {
  readonly #services: BranchServices;
  readonly #planner: BranchPlanner;
  readonly #flows: FlowFinder;
  readonly #gruus: GruuDirectory | undefined;

  constructor(deps: {
    services: BranchServices;
    planner: BranchPlanner;
    flows: FlowFinder;
    gruus: GruuDirectory | undefined;
  }) {
    this.#services = deps.services;
    this.#planner = deps.planner;
    this.#flows = deps.flows;
    this.#gruus = deps.gruus;
  }

  /** How the sender of a request is reached later on, by the rule for the caller of a dialog. */
  reachOf({ request, flow, fromAor }: RequestContext): TokenTarget {
    return callerTarget(request, flow, { flows: this.#flows, gruus: this.#gruus, fromAor: () => fromAor });
  }

  /**
   * Sends a request along its Routes, else by `reach`.
   * @returns the final status; 408 when none comes, 430 when there is no way
   */
  async send(request: SipRequest, reach: TokenTarget): Promise<number> {
    const { own, loops, names } = this.#services;
    const fingerprint = loops.fingerprint(request);
    try {
      const hasRoute = request.has('Route');
      const reading = { isTrusted: true, target: reach, nextPeer: undefined, hasRoute };
      const plan = this.#planner.ofRoutes(request, reading);
      const flow = await openWay(plan.way, this.#services);
      if (flow === undefined) return plan.lostStatus;
      await own.prepare(flow);
      plan.request.prependHeader('Via', names.via(flow, loops.branch(fingerprint)));
      return await new Promise((resolve) => {
        this.#services.transactions.sendRequest(plan.request, flow, {
          onResponse: (response: SipResponse) => {
            if (!response.isProvisional) resolve(response.status);
          },
          onTimeout: () => resolve(408),
          onTransportError: () => resolve(430),
        });
      });
    } catch (error) {
      if (error instanceof CodedError) return 430;
      throw error;
    }
  }
}
