import {
  type Clock,
  type Counter,
  errorMessage,
  type Gauge,
  type Logger,
  type Metrics,
  type Random,
  type Timer,
} from '../../base/index.ts';
import type { Certificate } from '../security/certificate.ts';
import type { EnrolledIdentity } from '../security/enrolled-identity.ts';

const DAY_MS = 86_400_000;

/** A new certificate is fetched when this part of what is left of the old one has passed. */
const RENEW_AT = 2 / 3;

/** One found at the start with less than this part of its whole life left is renewed at once. */
const NEARLY_OVER = 1 / 10;

const RETRY = { firstMs: 60_000, maxMs: 3_600_000 };
/** However short a certificate is good, the server is not asked more often. */
const MIN_INTERVAL_MS = 5_000;

export interface CertificateRenewalOptions {
  readonly identity: EnrolledIdentity;
  /** The certificate came with this start: it is as fresh as it can be. */
  readonly isNew: boolean;
  readonly enroll: (signal: AbortSignal) => Promise<Certificate>;
  /** To be kept over restarts. */
  readonly onRenewed: (certificate: Certificate) => void;
}

/**
 * Gets our next certificate long before the one we have expires (RFC 6940 §11.3: "have their certificate re-issued"), with
 * the same key and Node-ID; links stay, since both are what they depend on.
 */
export class CertificateRenewal {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #options: CertificateRenewalOptions;
  readonly #stopping = new AbortController();
  readonly #expires: Gauge;
  readonly #renewed: Counter;
  readonly #failed: Counter;
  #timer: Timer | undefined;
  #dueAt = 0;
  #failures = 0;

  constructor(
    deps: {
      readonly clock: Clock;
      readonly random: Random;
      readonly logger: Logger;
      readonly metrics: Metrics;
    },
    options: CertificateRenewalOptions,
  ) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#logger = deps.logger;
    this.#options = options;
    this.#expires = deps.metrics.gauge(
      'reload_certificate_expires_seconds',
      'When the certificate of this node expires, seconds since the Unix epoch',
    );
    const count = (result: string): Counter =>
      deps.metrics.counter('reload_certificate_renewals_total', 'Attempts to renew our certificate', {
        result,
      });
    this.#renewed = count('renewed');
    this.#failed = count('failed');
  }

  start(): void {
    const { notBefore, notAfter } = this.#options.identity.certificate;
    this.#expires.set(notAfter / 1000);
    const left = notAfter - this.#clock.now();
    const isNearlyOver = !this.#options.isNew && left < (notAfter - notBefore) * NEARLY_OVER;
    if (isNearlyOver) this.#wait(0);
    else this.#waitForNext();
  }

  stop(): void {
    this.#timer?.close();
    this.#stopping.abort();
  }

  #waitForNext(): void {
    const left = this.#options.identity.certificate.notAfter - this.#clock.now();
    // Not all of the peers that were enrolled together at once.
    const delayMs = left * RENEW_AT * (0.9 + 0.1 * this.#random.float());
    this.#wait(Math.max(MIN_INTERVAL_MS, delayMs));
  }

  #wait(delayMs: number): void {
    this.#dueAt = this.#clock.now() + Math.max(0, delayMs);
    this.#sleep();
  }

  /** In steps of a day: long timers overflow, and clocks are set meanwhile. */
  #sleep(): void {
    this.#timer?.close();
    const left = this.#dueAt - this.#clock.now();
    this.#timer = this.#clock.setTimer(Math.min(DAY_MS, Math.max(0, left)), () => {
      if (this.#clock.now() < this.#dueAt) this.#sleep();
      else void this.#renew();
    });
  }

  async #renew(): Promise<void> {
    const { identity, enroll, onRenewed } = this.#options;
    const { signal } = this.#stopping;
    try {
      const certificate = await enroll(signal);
      if (signal.aborted) return;
      identity.renew(certificate);
      onRenewed(certificate);
      this.#failures = 0;
      this.#renewed.inc();
      this.#expires.set(certificate.notAfter / 1000);
      this.#logger.info('our certificate was renewed', {
        until: new Date(certificate.notAfter).toISOString(),
      });
      this.#waitForNext();
    } catch (error) {
      if (signal.aborted) return;
      this.#onFailure(error);
    }
  }

  #onFailure(error: unknown): void {
    this.#failures += 1;
    this.#failed.inc();
    const { notAfter } = this.#options.identity.certificate;
    const left = notAfter - this.#clock.now();
    const backOff = Math.min(RETRY.maxMs, RETRY.firstMs * 2 ** Math.min(this.#failures - 1, 16));
    // The shorter the rest, the oftener; once it has expired there is nothing left to lose.
    const delayMs = Math.max(MIN_INTERVAL_MS, Math.min(backOff, left > 0 ? left / 4 : RETRY.firstMs));
    const fields = {
      reason: errorMessage(error),
      expires: new Date(notAfter).toISOString(),
      retryInMs: Math.round(delayMs),
    };
    if (left <= 0)
      this.#logger.error('our certificate has expired and was not renewed: others refuse us', fields);
    else if (left < DAY_MS) this.#logger.error('our certificate was not renewed and expires soon', fields);
    else this.#logger.warn('our certificate was not renewed yet', fields);
    this.#wait(delayMs * (0.75 + 0.25 * this.#random.float()));
  }
}
