import {
  type Address,
  type Clock,
  type Counter,
  type Gauge,
  type Logger,
  type Metrics,
  originOf,
  type Random,
  type Timer,
  TokenBuckets,
} from '../../base/index.ts';
import type { SipRequest } from '../message/request.ts';
import { Backlog } from './backlog.ts';
import { FairShare } from './fair-share.ts';
import type { Precedence, Purpose } from './precedence.ts';
import { SourceRates } from './source-rates.ts';
import { FULL_TURN, StandingQueue } from './standing-queue.ts';

export interface OverloadControlDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Whether nobody at this host has proved to be one of our users, though he would have to. */
  readonly isStranger: (host: string) => boolean;
  readonly precedence: Precedence;
}

/** Where a request came from; flows are such. */
export interface RequestSource {
  readonly remote: Address;
  /** The Node-ID of an overlay peer. */
  readonly peer: string | undefined;
}

/** A request that waited until there was time for it. */
interface Deferred {
  /** Of its source when it came, requests/s. */
  readonly rate: number;
  /** It is of a flood, and one of the few that get through. */
  readonly isSpared: boolean;
  /** For longer than it may. */
  readonly isLate: boolean;
}

/** `refuse`: with 503; `ignore`: without a word, which RFC 3261 §21.5.4 allows too. */
export type Verdict = 'process' | 'refuse' | 'ignore';

/** How long messages must have queued, ms: as T1, by when clients send again and it gets worse. Pauses of ours are made up for before. */
const STANDING_MS = 500;
/** How often the share is set anew, ms. */
const STEP_MS = 100;
/** In an overload the share is made smaller as long as messages have queued for this, ms. */
const LASTING_MS = 100;
/** An overload is over when the share was not made smaller for so long, and limits nobody, ms. */
const QUIET_MS = 2_000;

/**
 * Shares of each purpose. Calls in progress come first, since what was begun is worth most, and a BYE frees something.
 * Registrations come before new calls: a phone that cannot register is unreachable, and it would try again without end,
 * while a caller hears at once that he should.
 */
const WEIGHTS: Readonly<Record<Purpose, number>> = { emergency: 4, session: 4, registration: 2, new: 1 };

/** Whoever has proved nothing has this part of a share. */
const STRANGERS_WEIGHT = 0.25;

/** Anybody can say that it is an emergency: beyond this it counts as any other request of its source. */
const EMERGENCIES = { perSecond: 1, burst: 10 } as const;

/** 503s at one time: a flood is not worth an answer each, least of all with a false source. */
const REFUSALS = { perSecond: 2_000, burst: 2_000 } as const;

/**
 * Of a source above the rate of any phone, what is too much is dropped unread, as reading is most of the cost: from so many
 * times its share on, and as soon as it is above its share where no 503 is left to tell it so.
 */
const FLOOD_SHARES = 2;
const FLOOD_RATE = 100;

/**
 * Keeps the peer useful while more requests come than it can serve (RFC 6357, RFC 7339): notices that they queue up, and
 * then gives each source a share. Rejections are stateless, and cost a small part of what a request costs.
 */
export class OverloadControl {
  readonly #deps: OverloadControlDeps;
  readonly #queue = new StandingQueue();
  readonly #backlog: Backlog;
  readonly #share = new FairShare();
  readonly #rates = new SourceRates();
  /** Of requests within dialogs, which are no part of what a source asks for anew. */
  readonly #sessionRates = new SourceRates();
  readonly #emergencies = new TokenBuckets(EMERGENCIES);
  readonly #refusals = new TokenBuckets(REFUSALS);
  readonly #ignored: Counter;
  readonly #state: Gauge;
  /** Messages of the present turn of the event loop, and when the first of them came. */
  #messages = 0;
  #turnStart = 0;
  #isTurnAwaited = false;
  /** The present message, if it waited. */
  #deferred: Deferred | undefined;
  /** While there is an overload: the next look at it. */
  #step: Timer | undefined;
  /** When anything last queued for long, monotonic ms. */
  #busyAt = 0;
  /** When the sockets were last found empty, monotonic ms. */
  #allReadAt = 0;
  /** Requests that waited at the step before. */
  #waitedBefore = 0;
  /** Since when some are turned away, monotonic ms, and how many were. */
  #limitingSince: number | undefined;
  #turnedAway = 0;

  constructor(deps: OverloadControlDeps) {
    this.#deps = deps;
    this.#backlog = new Backlog(deps.clock);
    const { metrics } = deps;
    this.#ignored = metrics.counter(
      'sip_overload_ignored_total',
      'Requests dropped unanswered in an overload',
    );
    this.#state = metrics.gauge('sip_overload', '1 while there are more SIP requests than can be served');
  }

  get isActive(): boolean {
    return this.#step !== undefined;
  }

  stop(): void {
    this.#step?.close();
    this.#step = undefined;
    this.#backlog.clear();
  }

  /** A message came, of whatever kind and over whatever transport. */
  arrived(): void {
    this.#messages += 1;
    this.#awaitTurn();
  }

  /**
   * Hands a datagram that has just arrived in an overload over: at once when it belongs to what has begun or is urgent,
   * when its turn comes when it is a new request, never when it is one of a flood.
   */
  receive(data: Buffer, host: string, handle: () => void): void {
    if (!this.#deps.precedence.isOrdinary(data)) {
      handle();
      return;
    }
    const now = this.#deps.clock.monotonic();
    const source = originOf(host);
    const standing = this.#standing(host);
    const part = this.#partOfFlood(source, standing, now);
    const rate = this.#rates.count(source, now);
    const isSpared = part < 1 && this.#deps.random.float() < part;
    const takeUp = (isLate: boolean) => this.#takeUp({ rate, isSpared, isLate }, handle);
    if ((part === 1 || isSpared) && this.#backlog.push(takeUp, now)) return;
    this.#ignore();
  }

  /** The turn of one that waited has come. */
  #takeUp(deferred: Deferred, handle: () => void): void {
    this.#deferred = deferred;
    handle();
    this.#deferred = undefined;
  }

  /** The part of what a source sends that is read at all; 1 unless it is a flood. */
  #partOfFlood(source: string, standing: number, now: number): number {
    const allowed = this.#share.value * standing;
    const most = this.#rates.most(source, now);
    if (most < FLOOD_RATE || most <= allowed) return 1;
    const isFarAbove = most >= FLOOD_SHARES * allowed;
    const rate = isFarAbove ? most : this.#rates.of(source, now);
    if (!isFarAbove && (rate <= allowed || this.#refusals.has('', 1, now))) return 1;
    return this.#share.part(rate, standing);
  }

  /** What becomes of a request that is no repetition and would make a transaction. */
  judge(request: SipRequest, { remote, peer }: RequestSource): Verdict {
    const now = this.#deps.clock.monotonic();
    const source = peer ?? originOf(remote.host);
    const purpose = this.#deps.precedence.of(request);
    const rates = purpose === 'session' ? this.#sessionRates : this.#rates;
    const rate = this.#deferred?.rate ?? rates.count(source, now);
    if (this.#share.value === Infinity) return 'process';
    if (this.#deferred?.isLate !== true || purpose !== 'new') {
      if (this.#deferred?.isSpared === true) return 'process';
      const standing = peer === undefined ? this.#standing(remote.host) : 1;
      const part = this.#share.part(rate, this.#weight(purpose, source, now) * standing);
      if (part === 1 || this.#deps.random.float() < part) return 'process';
    }
    if (!this.#refusals.take('', 1, now)) {
      this.#ignore();
      return 'ignore';
    }
    this.#turnedAway += 1;
    return 'refuse';
  }

  #weight(purpose: Purpose, source: string, now: number): number {
    if (purpose === 'emergency' && !this.#emergencies.take(source, 1, now)) return WEIGHTS.new;
    return WEIGHTS[purpose];
  }

  #standing(host: string): number {
    return this.#deps.isStranger(host) ? STRANGERS_WEIGHT : 1;
  }

  #ignore(): void {
    this.#turnedAway += 1;
    this.#ignored.inc();
  }

  #awaitTurn(): void {
    if (this.#isTurnAwaited) return;
    this.#isTurnAwaited = true;
    const { clock } = this.#deps;
    this.#turnStart = clock.monotonic();
    clock.afterTurn(this.#endTurn);
  }

  readonly #endTurn = () => {
    const isAllRead = this.#messages < FULL_TURN;
    this.#backlog.serve(isAllRead);
    const now = this.#deps.clock.monotonic();
    if (isAllRead) this.#allReadAt = now;
    this.#queue.turn(this.#messages, this.#backlog.length, this.#turnStart, now);
    this.#messages = 0;
    this.#isTurnAwaited = false;
    if (this.#backlog.length > 0) this.#awaitTurn();
    if (this.#step === undefined && this.#queue.standsFor(now) >= STANDING_MS) this.#begin(now);
  };

  /** New requests wait from now on. Whether some must be turned away as well is seen a step later. */
  #begin(now: number): void {
    // Else what queues are answers, ACKs or repetitions: what has begun, and must be worked off.
    if (this.#highest === 0) return;
    this.#busyAt = now;
    this.#waitedBefore = Infinity;
    // What was free before tells nothing of the first step.
    this.#queue.occupancy(now);
    this.#arm();
  }

  #tighten(now: number): void {
    if (this.#limitingSince === undefined) {
      const { source, rate } = this.#rates.busiest(now);
      this.#limitingSince = now;
      this.#turnedAway = 0;
      this.#state.set(1);
      this.#deps.logger.warn('SIP overload: new requests are turned away', {
        busiest: source,
        requestsPerSecond: Math.round(rate),
      });
    }
    this.#share.tighten(this.#highest);
  }

  #arm(): void {
    this.#step = this.#deps.clock.setTimer(STEP_MS, () => this.#adjust());
  }

  #adjust(): void {
    const now = this.#deps.clock.monotonic();
    const occupancy = this.#queue.occupancy(now);
    const standsFor = this.#queue.standsFor(now);
    const waiting = this.#backlog.length;
    // What is made up for after a pause of ours gets less from step to step, and nobody needs to be turned away.
    const isGrowing = waiting >= this.#waitedBefore || now - this.#allReadAt > STEP_MS;
    this.#waitedBefore = waiting;
    if (standsFor >= LASTING_MS) this.#busyAt = now;
    if (standsFor === 0) this.#share.relax(this.#highest, 1 - occupancy);
    else if (standsFor >= LASTING_MS && isGrowing) this.#tighten(now);
    if (this.#share.value < Infinity || now - this.#busyAt < QUIET_MS) this.#arm();
    else this.#end(now);
  }

  /** What the source that asks for most has asked for of late, as the share it would need. */
  get #highest(): number {
    return Math.max(this.#rates.peak, this.#sessionRates.peak / WEIGHTS.session);
  }

  #end(now: number): void {
    this.#step = undefined;
    if (this.#limitingSince === undefined) return;
    this.#state.set(0);
    const seconds = Math.round((now - this.#limitingSince) / 100) / 10;
    this.#limitingSince = undefined;
    this.#deps.logger.warn('SIP overload is over', { seconds, turnedAway: this.#turnedAway });
  }
}
