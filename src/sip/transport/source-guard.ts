import {
  type Clock,
  type Counter,
  DeadlineQueue,
  Event,
  type EventSource,
  type Gauge,
  type Logger,
  LruMap,
  type Metrics,
  originOf,
  PrefixSet,
  TokenBuckets,
} from '../../base/index.ts';
import type { SipRequest } from '../message/request.ts';

/** What somebody did that a phone of ours does not do. */
export interface Failure {
  /** IP literal. */
  readonly host: string;
  readonly why: 'wrong-credentials' | 'unknown-user' | 'scanner';
  /** That he receives what we send there: over a connection, or he showed a nonce we sent. Else it may be forged. */
  readonly proved: boolean;
}

/** A source that gets no answer now. */
export interface Ban {
  /** An IPv4 address, or the first four groups of an IPv6 one. */
  readonly source: string;
  readonly why: Failure['why'];
  /** Of how much it is left, ms. */
  readonly leftMs: number;
}

export interface SourceGuardOptions {
  /** Addresses and prefixes that are never limited or banned. */
  readonly allow?: readonly string[];
  /** Whether strangers' requests are counted; off where nobody is asked who he is. Default true. */
  readonly limitsRates?: boolean;
}

interface BanRecord {
  readonly why: Failure['why'];
  /** Monotonic ms. */
  readonly until: number;
  readonly durationMs: number;
}

/** Failures let pass; a phone with a wrong password that tries twice a minute is never banned. */
const STRIKES = { perSecond: 1 / 20, burst: 15 } as const;

/** The same from where somebody has proved who he is: one phone with a wrong password must not silence its office. */
const TRUSTED_STRIKES = { perSecond: 1 / 2, burst: 150 } as const;

/** Requests of one source that has proved nothing. */
const STRANGERS_RATE = { perSecond: 500, burst: 2_000 } as const;

const FIRST_BAN_MS = 600_000;
const LONGEST_BAN_MS = 86_400_000;
const MAX_BANS = 16_384;

/** How long a right password speaks for its source: the longest that registrations usually last. */
const TRUST_MS = 7_200_000;
const MAX_TRUSTED = 65_536;

/** As the tools that look for open servers call themselves. */
const SCANNERS = /friendly-scanner|sipvicious|sundayddr|sip-?scan|sipcli|pplsip|\biwar\b|\bsmap\b/i;

/**
 * Knows who must be met with silence: sources that guess passwords or users (requirement C), tools that say they scan, and
 * strangers who ask too much. Whoever proved to be one of our users is never limited by rate, and is banned for
 * proved guesses only, since UDP sources are easily forged.
 */
export class SourceGuard {
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #logger: Logger;
  readonly #limitsRates: boolean;
  readonly #bans = new LruMap<string, BanRecord>(MAX_BANS);
  readonly #trusted = new LruMap<string, number>(MAX_TRUSTED);
  readonly #strikes = new TokenBuckets(STRIKES);
  readonly #trustedStrikes = new TokenBuckets(TRUSTED_STRIKES);
  readonly #rates = new TokenBuckets(STRANGERS_RATE);
  readonly #banned = new Event<string>();
  readonly #dropped: Readonly<Record<'banned' | 'rate' | 'scanner', Counter>>;
  readonly #banCount: Counter;
  readonly #bansNow: Gauge;
  /** The sources with a ban that is not over, for a check that costs nothing while there is none. */
  readonly #active = new Map<string, BanRecord>();
  /** When the bans are over, also of sources that never come back. */
  readonly #ends: DeadlineQueue<string>;
  #allow: PrefixSet;

  constructor(
    deps: { readonly clock: Clock; readonly logger: Logger; readonly metrics: Metrics },
    options: SourceGuardOptions = {},
  ) {
    this.#clock = deps.clock;
    this.#now = () => deps.clock.monotonic();
    this.#ends = new DeadlineQueue(deps.clock, (source) => this.#end(source));
    this.#logger = deps.logger;
    this.#limitsRates = options.limitsRates ?? true;
    this.#allow = new PrefixSet(options.allow ?? []);
    const dropped = (reason: string) =>
      deps.metrics.counter('sip_sources_dropped_total', 'SIP met with silence, by reason', { reason });
    this.#dropped = { banned: dropped('banned'), rate: dropped('rate'), scanner: dropped('scanner') };
    this.#banCount = deps.metrics.counter('sip_bans_total', 'Sources banned');
    this.#bansNow = deps.metrics.gauge('sip_banned_sources', 'Sources banned at this time');
  }

  /** Emitted with the source when it is banned: its connections are to be closed. */
  get banned(): EventSource<string> {
    return this.#banned;
  }

  /** Stops the timer; bans that stand are over when their sources are asked for. */
  stop(): void {
    this.#ends.clear();
  }

  /** Takes these allowed sources instead of the earlier ones; their bans are over. */
  allow(prefixes: readonly string[]): void {
    this.#allow = new PrefixSet(prefixes);
    for (const source of [...this.#active.keys()]) {
      if (!source.includes(':') && this.#allow.has(source)) this.#lift(source);
    }
  }

  /** Whether anything of this source is looked at; asked for every datagram and connection. */
  admits(host: string): boolean {
    if (this.#active.size === 0) return true;
    const source = originOf(host);
    const ban = this.#active.get(source);
    if (ban === undefined) return true;
    if (ban.until <= this.#now()) {
      this.#lift(source);
      return true;
    }
    // An IPv6 ban is of a /64, in which a single address may be allowed.
    if (this.#allow.has(host)) return true;
    this.#dropped.banned.inc();
    return false;
  }

  /** Whether a request is to be processed; it has passed `admits`. */
  takes(request: SipRequest, host: string, isConnection: boolean): boolean {
    if (this.#allow.has(host)) return true;
    if (isScanner(request)) {
      this.#dropped.scanner.inc();
      this.fail({ host, why: 'scanner', proved: isConnection });
      return false;
    }
    if (!this.#limitsRates) return true;
    const source = originOf(host);
    if (this.#isTrusted(source) || this.#rates.take(source, 1, this.#now())) return true;
    this.#dropped.rate.inc();
    return false;
  }

  /** Whether nobody at this host has proved to be one of our users, though he would have to. */
  isStranger(host: string): boolean {
    return this.#limitsRates && !this.#allow.has(host) && !this.#isTrusted(originOf(host));
  }

  /** Somebody at this host has shown that he is one of our users. */
  trust(host: string): void {
    this.#trusted.set(originOf(host), this.#now() + TRUST_MS);
  }

  /** Counts a failure; the source is banned when there were too many. */
  fail({ host, why, proved }: Failure): void {
    if (this.#allow.has(host)) return;
    const source = originOf(host);
    const isTrusted = this.#isTrusted(source);
    if (isTrusted && !proved) return;
    const strikes = isTrusted ? this.#trustedStrikes : this.#strikes;
    if (!strikes.take(source, 1, this.#now())) this.#ban(source, why);
  }

  /** Those in force. */
  bans(): Ban[] {
    const now = this.#now();
    const bans = [...this.#active].map(([source, { why, until }]) => ({ source, why, leftMs: until - now }));
    return bans.filter(({ leftMs }) => leftMs > 0);
  }

  #isTrusted(source: string): boolean {
    const until = this.#trusted.get(source);
    if (until === undefined) return false;
    if (until > this.#now()) return true;
    this.#trusted.delete(source);
    return false;
  }

  #ban(source: string, why: Failure['why']): void {
    if (this.#active.has(source)) return;
    const now = this.#now();
    const earlier = this.#bans.get(source);
    const isRepeated = earlier !== undefined && now - earlier.until < LONGEST_BAN_MS;
    const durationMs = isRepeated ? Math.min(earlier.durationMs * 2, LONGEST_BAN_MS) : FIRST_BAN_MS;
    const ban = { why, durationMs, until: now + durationMs };
    this.#bans.set(source, ban);
    this.#makeRoom();
    this.#active.set(source, ban);
    this.#ends.set(source, this.#clock.now() + durationMs);
    this.#banCount.inc();
    this.#bansNow.set(this.#active.size);
    this.#logger.warn('a source is banned', { source, reason: why, minutes: durationMs / 60_000 });
    this.#banned.emit(source);
  }

  /** The table is full: what is over goes, else the ban that was pronounced first. */
  #makeRoom(): void {
    if (this.#active.size < MAX_BANS) return;
    const now = this.#now();
    for (const [source, { until }] of this.#active) if (until <= now) this.#lift(source);
    for (const oldest of this.#active.keys()) {
      if (this.#active.size < MAX_BANS) return;
      this.#lift(oldest);
    }
  }

  /** The wall clock may have been set in the meantime: a ban lasts as long as it was pronounced for. */
  #end(source: string): void {
    const ban = this.#active.get(source);
    if (ban === undefined) return;
    const leftMs = ban.until - this.#now();
    if (leftMs <= 0) this.#lift(source);
    else this.#ends.set(source, this.#clock.now() + leftMs);
  }

  #lift(source: string): void {
    this.#active.delete(source);
    this.#ends.delete(source);
    this.#bansNow.set(this.#active.size);
  }
}

/** svmap and its like say so in User-Agent, or in the name of From when that was changed. */
function isScanner(request: SipRequest): boolean {
  const agent = request.header('User-Agent');
  if (agent !== undefined && SCANNERS.test(agent)) return true;
  return SCANNERS.test(request.header('From') ?? '');
}
