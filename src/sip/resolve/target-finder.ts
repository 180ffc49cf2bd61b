import {
  type Clock,
  type Counter,
  errorMessage,
  type Logger,
  type Metrics,
  type Random,
  withTimeout,
} from '../../base/index.ts';
import type { SipUri } from '../message/uri.ts';
import { DeadTargets } from './dead-targets.ts';
import type { DnsPort } from './dns-port.ts';
import { type ResolvedTarget, ResolveError, type ResolveOptions, resolveTarget } from './resolve-target.ts';

export interface TargetFinderDeps {
  readonly dns: DnsPort;
  readonly random: Random;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** `silent`: no response at all. `unreachable`: it could not be sent. `overloaded`: 503. */
export type TargetFailure = 'silent' | 'unreachable' | 'overloaded';

/** All questions for one URI together, ms: a branch counts as silent after 8 s. */
const TIMEOUT_MS = 5_000;

/** Finds the servers of URIs, and remembers which of them failed (RFC 3263). */
export class TargetFinder {
  readonly #deps: TargetFinderDeps;
  readonly #options: ResolveOptions;
  readonly #dead: DeadTargets;
  readonly #failures: Readonly<Record<TargetFailure, Counter>>;

  constructor(deps: TargetFinderDeps, options: ResolveOptions = {}) {
    this.#deps = deps;
    this.#options = options;
    this.#dead = new DeadTargets(deps);
    const help =
      'Servers found by name that failed a request, so that the next one was tried if there was one';
    const counter = (reason: TargetFailure) =>
      deps.metrics.counter('sip_target_failures_total', help, { reason });
    this.#failures = {
      silent: counter('silent'),
      unreachable: counter('unreachable'),
      overloaded: counter('overloaded'),
    };
  }

  /**
   * Where a request for this URI may be sent, in the order to try; without those that failed lately, if there are others.
   * @throws ResolveError; 'no-answer' after 5 s at the latest
   */
  async resolve(uri: SipUri): Promise<readonly ResolvedTarget[]> {
    const { clock, logger } = this.#deps;
    try {
      const targets = await withTimeout(
        clock,
        TIMEOUT_MS,
        resolveTarget(uri, this.#deps, this.#options),
        () => new ResolveError('no-answer', `cannot look up ${uri.host} in time`),
      );
      return this.#dead.alive(targets);
    } catch (error) {
      if (error instanceof ResolveError && error.code === 'no-answer') {
        logger.warn('name servers do not answer', { host: uri.host, reason: errorMessage(error) });
      }
      throw error;
    }
  }

  /**
   * A server that was resolved failed: for a while others are tried instead.
   * @param retryAfterMs of a server that is overloaded; without it, it says nothing of the requests to come (RFC 3261 §21.5.4)
   */
  failed(target: ResolvedTarget, reason: TargetFailure, retryAfterMs = 0): void {
    this.#failures[reason].inc();
    if (reason !== 'overloaded') this.#dead.add(target);
    else if (retryAfterMs > 0) this.#dead.add(target, retryAfterMs);
  }

  answered(target: ResolvedTarget): void {
    this.#dead.delete(target);
  }
}
