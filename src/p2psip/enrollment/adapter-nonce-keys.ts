import {
  type Clock,
  CodedError,
  errorMessage,
  type Gauge,
  type Logger,
  type Metrics,
  type Random,
  type Timer,
} from '../../base/index.ts';
import type { NonceKey, NonceKeys } from '../../sip/auth/credentials-judge.ts';
import { KeyedHash } from '../../sip/auth/keyed-hash.ts';
import type { RegistrationExchange } from './registration-exchange.ts';
import type { AdapterKeys } from './registration-protocol.ts';

/** Keys are fetched so often, and our clock compared with the server's. */
const REFRESH_MS = 3_600_000;
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;
/** Whoever is no adapter now may be made one. */
const NO_ADAPTER_RETRY_MS = 60_000;
/** Stale proofs make us ask for new keys no more often than this. */
const HURRY_PAUSE_MS = 10_000;
/** Those in force, the next one, and what there was before. */
const MAX_HELD = 16;
/** A nonce may still be used so long after its key's time. */
const KEPT_MS = 3_600_000;

interface HeldKey extends NonceKey {
  readonly from: number;
  readonly until: number;
}

/**
 * The keys that the enrollment server gives this adapter peer for its nonces, and whether that server answers: after a
 * failure it is asked for the keys, more and more seldom, until it does.
 */
export class AdapterNonceKeys implements NonceKeys {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #exchange: RegistrationExchange;
  readonly #gauge: Gauge;
  #keys: readonly HeldKey[] = [];
  #offsetMs = 0;
  #timer: Timer | undefined;
  #hurryAfter = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #fetching = false;
  #reachable = false;
  #stopped = false;
  /** Settles when the server has answered, or has not, for the first time. */
  readonly settled: Promise<void>;
  #settle = () => {};

  constructor(deps: {
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
    readonly metrics: Metrics;
    readonly exchange: RegistrationExchange;
  }) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#logger = deps.logger;
    this.#exchange = deps.exchange;
    this.#gauge = deps.metrics.gauge(
      'p2psip_enrollment_server_reachable',
      '1 when the enrollment server answered the last time this peer asked for a user or for keys',
    );
    this.#gauge.set(0);
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** Whether the server has answered the last time it was asked. */
  get reachable(): boolean {
    return this.#reachable;
  }

  keyAt(time: number): NonceKey | undefined {
    return this.#keys.find(({ from, until }) => from <= time && time < until);
  }

  /** Gets the keys, now and from time to time, until `stop`. */
  start(): void {
    void this.#fetch();
  }

  stop(): void {
    this.#stopped = true;
    this.#settle();
    this.#timer?.close();
  }

  /** The server does not answer: it is asked again until it does. */
  onUnreachable(error: unknown): void {
    if (this.#reachable) this.#onFailure(error);
  }

  /** The server takes no nonce of ours: either its keys or its clock are others by now, so they are asked for at once. */
  async onStale(): Promise<void> {
    const now = this.#clock.monotonic();
    if (!this.#reachable || now < this.#hurryAfter) return;
    this.#hurryAfter = now + HURRY_PAUSE_MS;
    this.#timer?.close();
    await this.#fetch();
  }

  async #fetch(): Promise<void> {
    if (this.#fetching || this.#stopped) return;
    this.#fetching = true;
    const asked = this.#clock.now();
    try {
      const keys = await this.#exchange.keys();
      this.#take(keys, (asked + this.#clock.now()) / 2);
      if (!this.#reachable) this.#logger.info('the enrollment server answers');
      this.#setReachable(true);
      this.#failures = 0;
      this.#schedule(REFRESH_MS * (0.75 + 0.25 * this.#random.float()));
    } catch (error) {
      this.#onFailure(error);
    } finally {
      this.#fetching = false;
      this.#settle();
    }
  }

  #take({ node, now, keys }: AdapterKeys, at: number): void {
    this.#offsetMs = Math.round(now - at);
    const given = keys.map(({ from, until, key }) => ({
      ...{ from, until, issuer: node, hash: new KeyedHash(key) },
    }));
    const kept = this.#keys.filter(
      ({ from, until }) => until + KEPT_MS > now && !given.some((other) => other.from === from),
    );
    this.#keys = [...given, ...kept].slice(0, MAX_HELD);
  }

  #setReachable(reachable: boolean): void {
    this.#reachable = reachable;
    this.#gauge.set(reachable ? 1 : 0);
  }

  #onFailure(error: unknown): void {
    this.#setReachable(false);
    const isNoAdapter = error instanceof CodedError && error.code === 'not-an-adapter';
    if (isNoAdapter) {
      this.#logger.error('this peer may not register phones: its account has no adapter flag', {
        mend: 'add the account with `p2psip user add NAME --adapter`',
      });
    } else if (this.#failures === 0) {
      this.#logger.warn('the enrollment server does not answer: only users known here can register', {
        reason: errorMessage(error),
      });
    }
    const backOff = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    this.#schedule((isNoAdapter ? NO_ADAPTER_RETRY_MS : backOff) * (0.75 + 0.5 * this.#random.float()));
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer?.close();
    this.#timer = this.#clock.setTimer(delayMs, () => void this.#fetch());
  }
}
