import {
  type Clock,
  CodedError,
  equalBytes,
  errorMessage,
  type Logger,
  type Metrics,
  type Random,
  type Timer,
} from '../../base/index.ts';
import { DocumentError } from '../document/document-error.ts';
import type { OverlayDocument } from '../document/overlay-document.ts';
import type { ConfigurationFetcher } from './configuration-fetcher.ts';

/** A new document is fetched within this time, unless the server asks for another (RFC 9111: max-age). */
const INTERVAL_MS = 30_000;
/** Of a larger overlay each peer asks as seldom as makes so many requests: the first that finds one tells the others. */
const REQUESTS_PER_SECOND = 20;
const MIN_INTERVAL_MS = 10_000;
const MAX_INTERVAL_MS = 86_400_000;

/** A server that does not answer is asked more and more seldom, but soon enough to bring a revocation when it is back. */
const MAX_RETRY_MS = 120_000;

export interface DocumentFollowerOptions {
  /** In force. */
  readonly current: () => OverlayDocument;
  /** About how many ask as we do. */
  readonly peers: () => number;
  /** Checks a document against the one in force, and takes it. @throws DocumentError; nothing has changed then */
  readonly take: (bytes: Uint8Array) => Promise<void>;
}

/** Asks the configuration server from time to time for a newer document (RFC 6940 §11.2). */
export class DocumentFollower {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #fetcher: Pick<ConfigurationFetcher, 'fetch'>;
  readonly #options: DocumentFollowerOptions;
  readonly #stopping = new AbortController();
  #timer: Timer | undefined;
  #failures = 0;
  /** What was complained about last: once is enough. */
  #complaint: string | undefined;

  constructor(
    deps: {
      readonly clock: Clock;
      readonly random: Random;
      readonly logger: Logger;
      readonly metrics: Metrics;
      readonly fetcher: Pick<ConfigurationFetcher, 'fetch'>;
    },
    options: DocumentFollowerOptions,
  ) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#logger = deps.logger;
    this.#metrics = deps.metrics;
    this.#fetcher = deps.fetcher;
    this.#options = options;
  }

  /** @param isFresh the document in force was fetched a moment ago */
  start(isFresh: boolean): void {
    this.#again(isFresh ? INTERVAL_MS : 0);
  }

  stop(): void {
    this.#timer?.close();
    this.#stopping.abort();
  }

  /** Never later than `intervalMs`; spread, so that not all peers ask at once. */
  #again(intervalMs: number): void {
    this.#timer = this.#clock.setTimer(intervalMs * (0.5 + 0.5 * this.#random.float()), () => {
      void this.#fetch();
    });
  }

  async #fetch(): Promise<void> {
    const { signal } = this.#stopping;
    let intervalMs = INTERVAL_MS;
    try {
      const { bytes, freshMs = this.#usualInterval() } = await this.#fetcher.fetch(signal);
      if (signal.aborted) return;
      if (this.#failures > 0) this.#logger.info('the configuration server answers again');
      this.#failures = 0;
      intervalMs = Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, freshMs));
      await this.#offer(bytes);
    } catch (error) {
      if (signal.aborted) return;
      intervalMs = this.#onUnreachable(error);
    }
    if (!signal.aborted) this.#again(intervalMs);
  }

  #usualInterval(): number {
    return Math.max(INTERVAL_MS, (this.#options.peers() / REQUESTS_PER_SECOND) * 1000);
  }

  async #offer(bytes: Uint8Array): Promise<void> {
    const { current, take } = this.#options;
    const isInForce = () => equalBytes(current().source?.bytes ?? new Uint8Array(0), bytes);
    if (isInForce()) {
      this.#complaint = undefined;
      return this.#count('unchanged');
    }
    try {
      await take(bytes);
      this.#complaint = undefined;
      this.#count('new');
    } catch (error) {
      // Another peer may have been faster with the same one.
      if (isInForce()) return this.#count('unchanged');
      this.#onNotTaken(error);
    }
  }

  /** The document is bad, or good and we cannot take it: a full disk, for one. */
  #onNotTaken(error: unknown): void {
    const code = error instanceof DocumentError ? error.code : 'failed';
    const reason = errorMessage(error);
    this.#count(code);
    if (this.#complaint === reason) return;
    this.#complaint = reason;
    const problem =
      error instanceof DocumentError
        ? 'the configuration server offers a document that is not taken'
        : 'a newer document was fetched and cannot be taken';
    this.#logger.error(problem, { code, reason });
  }

  #onUnreachable(error: unknown): number {
    this.#failures += 1;
    this.#count(error instanceof CodedError ? error.code : 'failed');
    const retryMs = Math.max(MAX_RETRY_MS, this.#usualInterval());
    const intervalMs = Math.min(retryMs, INTERVAL_MS * 2 ** Math.min(this.#failures - 1, 8));
    if (this.#failures === 1) {
      this.#logger.warn('no newer document can be fetched; this peer goes on with the one it has', {
        reason: errorMessage(error),
      });
    }
    return intervalMs;
  }

  #count(result: string): void {
    this.#metrics
      .counter('reload_document_fetches_total', 'Times the configuration server was asked, by the outcome', {
        result,
      })
      .inc();
  }
}
