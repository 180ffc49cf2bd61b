import type { Clock, Gauge, Logger, Metrics, Timer } from '../../base/index.ts';
import type { ConfigurationKeeper } from './configuration-keeper.ts';

const DAY_MS = 86_400_000;

/** From so long before its end on, a document is complained about once a day. */
const WARN_MS = 14 * DAY_MS;

/**
 * Watches the expiration of the document in force (RFC 6940 §11.1).
 * NOTE: a peer that runs goes on with an expired document, loudly: a whole overlay that stops at midnight because
 * nobody signed a new document serves no one. A peer that starts refuses it.
 */
export class ConfigurationExpiry {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #keeper: ConfigurationKeeper;
  readonly #expires: Gauge;
  #timer: Timer | undefined;

  constructor(deps: { clock: Clock; logger: Logger; metrics: Metrics; keeper: ConfigurationKeeper }) {
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#keeper = deps.keeper;
    this.#expires = deps.metrics.gauge(
      'reload_configuration_expires_seconds',
      'When the configuration document expires, seconds since the Unix epoch; 0: never',
    );
  }

  start(): void {
    this.#keeper.changed.on(() => this.#look());
    this.#look();
  }

  stop(): void {
    this.#timer?.close();
  }

  #look(): void {
    this.#timer?.close();
    const { expiresAt } = this.#keeper.current;
    this.#expires.set(expiresAt === undefined ? 0 : expiresAt / 1000);
    if (expiresAt === undefined) return;
    const leftMs = expiresAt - this.#clock.now();
    const fields = { expires: new Date(expiresAt).toISOString() };
    if (leftMs <= 0) this.#logger.error('the configuration document has expired', fields);
    else if (leftMs <= WARN_MS) this.#logger.warn('the configuration document expires soon', fields);
    const untilWarning = leftMs > WARN_MS ? leftMs - WARN_MS : DAY_MS;
    this.#timer = this.#clock.setTimer(Math.min(DAY_MS, untilWarning), () => this.#look());
  }
}
