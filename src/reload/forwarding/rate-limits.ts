import { type Clock, type Logger, type Rate, TokenBuckets } from '../../base/index.ts';
import { appAttach } from '../messages/app-attach.ts';
import { attach } from '../messages/attach.ts';
import { configUpdate } from '../messages/config-update.ts';
import { find } from '../messages/find.ts';
import { join } from '../messages/join.ts';
import { leave } from '../messages/leave.ts';
import { routeQuery } from '../messages/route-query.ts';
import { update } from '../messages/update.ts';
import type { NodeId } from '../wire/ids.ts';

/** What one neighbour or one signer may cost us; docs/limits.md gives the reasons. */
export interface RateLimitOptions {
  /** Signature checks for what comes over the links with one node. */
  readonly verify?: Rate;
  /** Messages passed on for one node, those over 4 kB counted as several. */
  readonly forward?: Rate;
  /** Attach, AppAttach, Join and ConfigUpdate requests that come over the links with one node. */
  readonly connectPerLink?: Rate;
  /** The same, signed by one node. */
  readonly connectPerSigner?: Rate;
  /** All other requests signed by one node, weighted by what they cost. */
  readonly work?: Rate;
}

// The bursts hold a whole hand-over of 50,000 records at whatever speed both sides reach; the rates keep a flood to
// a part of one core.
const DEFAULTS: Required<RateLimitOptions> = {
  verify: { perSecond: 4_000, burst: 120_000 },
  forward: { perSecond: 4_000, burst: 60_000 },
  connectPerLink: { perSecond: 100, burst: 1_000 },
  connectPerSigner: { perSecond: 10, burst: 100 },
  work: { perSecond: 2_000, burst: 60_000 },
};

/** Requests that make us open connections, move records or read documents. */
const CONNECTING: ReadonlySet<number> = new Set(
  [attach, appAttach, join, configUpdate].map((method) => method.requestCode),
);

/** Requests dearer than one signature check and its answer: they walk through all records, or move the ring. */
const WEIGHTS: ReadonlyMap<number, number> = new Map([
  [find.requestCode, 10],
  [routeQuery.requestCode, 5],
  [update.requestCode, 20],
  [leave.requestCode, 20],
]);

const BYTES_PER_FORWARD = 4_096;
const BYTES_PER_WORK = 2_048;

/** Certificates that one signature check may bring along; to read another one costs as much as two such checks. */
const FREE_CERTIFICATES = 4;
const COST_OF_CERTIFICATE = 2;

/** Full buckets are looked for this often, ms. */
const SWEEP_PAUSE_MS = 60_000;

/** A warning about somebody over the limit comes at most this often, ms. */
const WARNING_PAUSE_MS = 60_000;

/**
 * Keeps what any one node can cost us within bounds. What is over the limit is dropped without an answer, which would
 * cost a signature: an honest sender tries again after the overlay-reliability-timer (RFC 6940 §6.2.1).
 */
export class RateLimits {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #verify: TokenBuckets;
  readonly #forward: TokenBuckets;
  readonly #connectPerLink: TokenBuckets;
  readonly #connectPerSigner: TokenBuckets;
  readonly #work: TokenBuckets;
  #warnedAt = -Infinity;
  #sweptAt = 0;

  constructor({ clock, logger }: { clock: Clock; logger: Logger }, options: RateLimitOptions = {}) {
    this.#clock = clock;
    this.#logger = logger;
    const rates = { ...DEFAULTS, ...options };
    this.#verify = new TokenBuckets(rates.verify);
    this.#forward = new TokenBuckets(rates.forward);
    this.#connectPerLink = new TokenBuckets(rates.connectPerLink);
    this.#connectPerSigner = new TokenBuckets(rates.connectPerSigner);
    this.#work = new TokenBuckets(rates.work);
  }

  /**
   * Whether a message that came over a link with `hop` may have its signature checked.
   * @param certificates how many it carries: reading one can cost as much as a signature check
   */
  mayVerify(hop: NodeId, certificates: number): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#sweptAt >= SWEEP_PAUSE_MS) this.#sweep(now);
    return (
      this.#verify.take(hop, verifyCost(certificates), now) || this.#refuse('signature checks', hop, now)
    );
  }

  /** It was a good answer to a request of ours: we asked for the work ourselves. */
  answerVerified(hop: NodeId, certificates: number): void {
    this.#verify.giveBack(hop, verifyCost(certificates));
  }

  /** Whether a message of this size may be passed on for `hop`. */
  mayForward(hop: NodeId, bytes: number): boolean {
    const now = this.#clock.monotonic();
    const cost = 1 + Math.floor(bytes / BYTES_PER_FORWARD);
    return this.#forward.take(hop, cost, now) || this.#refuse('forwarded messages', hop, now);
  }

  /** Whether a request with a good signature may be carried out. */
  mayServe(hop: NodeId, signer: NodeId, requestCode: number, bytes: number): boolean {
    const now = this.#clock.monotonic();
    if (CONNECTING.has(requestCode)) {
      if (!this.#connectPerLink.take(hop, 1, now)) return this.#refuse('Attaches and Joins', hop, now);
      return this.#connectPerSigner.take(signer, 1, now) || this.#refuse('Attaches and Joins', signer, now);
    }
    const cost = (WEIGHTS.get(requestCode) ?? 1) + Math.floor(bytes / BYTES_PER_WORK);
    return this.#work.take(signer, cost, now) || this.#refuse('requests', signer, now);
  }

  /** Nobody is remembered who did nothing lately. */
  #sweep(now: number): void {
    this.#sweptAt = now;
    for (const buckets of [
      this.#verify,
      this.#forward,
      this.#connectPerLink,
      this.#connectPerSigner,
      this.#work,
    ]) {
      buckets.sweep(now);
    }
  }

  #refuse(what: string, nodeId: NodeId, now: number): false {
    if (now - this.#warnedAt >= WARNING_PAUSE_MS) {
      this.#warnedAt = now;
      this.#logger.warn(`a node sends more ${what} than it is allowed; they are dropped`, { nodeId });
    }
    return false;
  }
}

function verifyCost(certificates: number): number {
  return 1 + COST_OF_CERTIFICATE * Math.max(0, certificates - FREE_CERTIFICATES);
}
