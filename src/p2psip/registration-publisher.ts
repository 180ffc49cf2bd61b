import {
  type Clock,
  CodedError,
  DeadlineQueue,
  errorMessage,
  fromUtf8,
  type KeyValueStore,
  type Logger,
  type Metrics,
  type Random,
  utf8,
} from '../base/index.ts';
import type { Overlay, RegistrationStore, RegistrationValue } from './overlay.ts';

/** What the registrar knows of a user that the overlay has to know too. */
export interface Presence {
  /** Wall-clock ms at which the last of the local bindings ends. */
  readonly expiresAt: number;
  /** RFC 3840 predicate of the union of the phones' features; part of the published value. */
  readonly contactPrefs: string;
}

export interface PublisherOptions {
  /** The overlay lifetime of a registration is at least this, so that phones may refresh without a Store. */
  readonly minLifetimeS: number;
  /** The overlay's maximum: no value is asked to live longer. */
  readonly maxLifetimeS: number;
  /** First pause before a failed Store is tried again; doubles up to `maxRetryMs`, with jitter. */
  readonly retryMs: number;
  readonly maxRetryMs: number;
  /** Every record is looked for this often, and stored again when it is missing. */
  readonly auditIntervalMs: number;
  /** Bounds the Stores and Fetches under way at one time. */
  readonly maxConcurrent: number;
}

const defaultPublisherOptions: PublisherOptions = {
  minLifetimeS: 3600,
  maxLifetimeS: 24 * 3600,
  retryMs: 1000,
  maxRetryMs: 60_000,
  auditIntervalMs: 300_000,
  maxConcurrent: 64,
};

interface Deps {
  readonly overlay: Overlay;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: KeyValueStore;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** What is, or should be, in the overlay for one AoR. */
interface Publication {
  /** Undefined: the user has gone and the record is to be withdrawn. */
  wanted: Presence | undefined;
  /** Storage time of the last value sent, kept on disk: it never goes back. */
  storageTime: number;
  /** Wall-clock ms until which the stored value lives; 0 when nothing is stored. */
  storedUntil: number;
  storedPrefs: string | undefined;
  failures: number;
  /** The Store under way; never rejects. */
  running: Promise<void> | undefined;
  /** Set when something changed while a Store was under way. */
  again: boolean;
}

const KEY_PREFIX = 'publication/';

function newPublication(): Publication {
  return {
    wanted: undefined,
    storageTime: 0,
    storedUntil: 0,
    storedPrefs: undefined,
    failures: 0,
    running: undefined,
    again: false,
  };
}

/**
 * Keeps one overlay record per (AoR, this peer) in step with the local bindings: stored when the first binding
 * appears or the features change, again at half its life, withdrawn when the last binding ends. A phone's refresh
 * causes no Store. Failed Stores are retried with back-off; records that got lost are found by the audit.
 */
export class RegistrationPublisher {
  readonly #deps: Deps;
  readonly #options: PublisherOptions;
  readonly #publications = new Map<string, Publication>();
  readonly #due: DeadlineQueue<string>;
  readonly #audits: DeadlineQueue<string>;
  /** AoRs whose Store waits for one of the `maxConcurrent` places. */
  readonly #waiting = new Set<string>();
  /** Those who wait for the outcome of the next Store of an AoR. */
  readonly #listeners = new Map<string, { resolve: () => void; reject: (error: unknown) => void }[]>();
  readonly #stores;
  readonly #failures;
  readonly #restored;
  #active = 0;
  #stopping = false;

  constructor(deps: Deps, options: PublisherOptions = defaultPublisherOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#due = new DeadlineQueue(deps.clock, (aor) => this.#schedule(aor));
    this.#audits = new DeadlineQueue(deps.clock, (aor) => void this.#audit(aor));
    const help = 'Stores of registrations in the overlay';
    this.#stores = deps.metrics.counter('p2psip_registration_stores_total', help, { result: 'ok' });
    this.#failures = deps.metrics.counter('p2psip_registration_stores_total', help, { result: 'failed' });
    this.#restored = deps.metrics.counter(
      'p2psip_registrations_restored_total',
      'Lost records found by the audit',
    );
  }

  /** AoRs with a live record or one on its way. */
  get size(): number {
    return this.#publications.size;
  }

  /** Reads the storage times of earlier runs; call before the first `update`. */
  load(): void {
    for (const [key, value] of this.#deps.store.entries(KEY_PREFIX)) {
      const [storageTime = 0, storedUntil = 0] = fromUtf8(value).split(' ').map(Number);
      const publication = { ...newPublication(), storageTime, storedUntil };
      this.#publications.set(key.slice(KEY_PREFIX.length), publication);
    }
  }

  /** Withdraws what an earlier run left in the overlay and nobody has registered for since. */
  reconcile(): void {
    for (const [aor, publication] of this.#publications) {
      if (publication.wanted === undefined) this.#schedule(aor);
    }
  }

  /** The local bindings of `aor` changed; `presence` is undefined when none is left. */
  update(aor: string, presence: Presence | undefined): void {
    let publication = this.#publications.get(aor);
    if (publication === undefined) {
      if (presence === undefined) return;
      publication = newPublication();
      this.#publications.set(aor, publication);
    }
    publication.wanted = presence;
    // While a retry is due anyway, refreshes of many phones must not each ask an overlay that is away.
    const isRetryDue = publication.failures > 0 && this.#due.get(aor) !== undefined;
    if (!isRetryDue && !this.#isSettled(publication)) this.#schedule(aor);
  }

  /**
   * Settles with the Store of `aor` that is under way or waits for its turn, rejected when that attempt failed;
   * undefined when the overlay has nothing to learn.
   */
  whenStored(aor: string): Promise<void> | undefined {
    const isPending = this.#waiting.has(aor) || this.#publications.get(aor)?.running !== undefined;
    return isPending ? this.#outcome(aor) : undefined;
  }

  /** Wall-clock ms until which the overlay keeps our record of `aor`; undefined when it holds none. */
  storedUntil(aor: string): number | undefined {
    const until = this.#publications.get(aor)?.storedUntil ?? 0;
    return until > this.#deps.clock.now() ? until : undefined;
  }

  /** Withdraws every record, giving up after `boundMs` (SIGTERM: architecture, leaving). */
  async stop(boundMs: number): Promise<void> {
    this.#stopping = true;
    this.#due.clear();
    this.#audits.clear();
    for (const publication of this.#publications.values()) publication.wanted = undefined;
    const all = [...this.#publications.keys()];
    let timer: { close(): unknown } | undefined;
    const bound = new Promise<void>((resolve) => {
      timer = this.#deps.clock.setTimer(boundMs, resolve);
    });
    const worker = async () => {
      for (let aor = all.pop(); aor !== undefined; aor = all.pop()) {
        const publication = this.#publications.get(aor);
        if (publication === undefined) continue;
        await publication.running;
        if (publication.storedUntil > this.#deps.clock.now())
          await this.#bring(aor, publication).catch(() => {});
      }
    };
    const workers = Array.from({ length: Math.min(all.length, this.#options.maxConcurrent) }, worker);
    await Promise.race([Promise.all(workers), bound]);
    timer?.close();
  }

  #isSettled(publication: Publication): boolean {
    const { wanted, storedUntil, storedPrefs } = publication;
    const now = this.#deps.clock.now();
    if (wanted === undefined) return storedUntil <= now;
    return storedUntil > now && storedPrefs === wanted.contactPrefs;
  }

  #outcome(aor: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const listeners = this.#listeners.get(aor) ?? [];
      listeners.push({ resolve, reject });
      this.#listeners.set(aor, listeners);
    });
  }

  /** Runs the Store for `aor` now, or as soon as one of the `maxConcurrent` places is free. */
  #schedule(aor: string): void {
    const publication = this.#publications.get(aor);
    if (publication === undefined || this.#stopping) return;
    if (publication.running !== undefined) {
      publication.again = true;
      return;
    }
    if (this.#active >= this.#options.maxConcurrent) {
      this.#waiting.add(aor);
      return;
    }
    this.#active += 1;
    publication.again = false;
    publication.running = this.#bring(aor, publication).then(
      () => this.#onDone(aor, publication, undefined),
      (error: unknown) => this.#onDone(aor, publication, error),
    );
  }

  #onDone(aor: string, publication: Publication, error: unknown): void {
    publication.running = undefined;
    this.#active -= 1;
    if (error === undefined) publication.failures = 0;
    else this.#onFailure(aor, publication, error);
    if (publication.again && error === undefined) this.#schedule(aor);
    else this.#settleListeners(aor, error);
    const next = this.#waiting.values().next().value;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#schedule(next);
  }

  #settleListeners(aor: string, error: unknown): void {
    const listeners = this.#listeners.get(aor);
    this.#listeners.delete(aor);
    for (const { resolve, reject } of listeners ?? []) {
      if (error === undefined) resolve();
      else reject(error);
    }
  }

  #onFailure(aor: string, publication: Publication, error: unknown): void {
    this.#failures.inc();
    publication.failures += 1;
    const { retryMs, maxRetryMs } = this.#options;
    const backOff = Math.min(maxRetryMs, retryMs * 2 ** Math.min(publication.failures - 1, 16));
    const jitter = 0.75 + 0.5 * this.#deps.random.float();
    if (!this.#stopping) this.#due.set(aor, this.#deps.clock.now() + backOff * jitter);
    this.#deps.logger.warn('registration not stored in the overlay, will retry', {
      aor,
      failures: publication.failures,
      reason: errorMessage(error),
    });
  }

  /** Makes the overlay hold what is wanted; one Store, repeated once when our clock lags our own record. */
  async #bring(aor: string, publication: Publication): Promise<void> {
    const { wanted } = publication;
    const now = this.#deps.clock.now();
    if (wanted === undefined && publication.storedUntil <= now) {
      await this.#forget(aor);
      return;
    }
    try {
      await this.#storeOnce(aor, publication, wanted);
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== 'data-too-old') throw error;
      // The overlay holds a newer value of ours, from before our disk or clock was set back: build on it.
      const entries = await this.#deps.overlay.fetchRegistrations(aor);
      const own = entries.find(({ node }) => node === this.#deps.overlay.nodeId);
      publication.storageTime = Math.max(publication.storageTime, own?.storageTime ?? 0);
      await this.#storeOnce(aor, publication, wanted);
    }
    this.#stores.inc();
    if (wanted === undefined) await this.#forget(aor);
  }

  async #storeOnce(aor: string, publication: Publication, wanted: Presence | undefined): Promise<void> {
    const now = this.#deps.clock.now();
    const lifetimeS = this.#lifetimeS(publication, wanted, now);
    const storageTime = Math.max(now, publication.storageTime + 1);
    publication.storageTime = storageTime;
    const store: RegistrationStore = { aor, registration: this.#value(wanted), storageTime, lifetimeS };
    const until = now + lifetimeS * 1000;
    // On disk before it is sent: a restart must never use this storage time again.
    await this.#deps.store.write([
      { key: KEY_PREFIX + aor, value: utf8(`${storageTime} ${Math.max(until, publication.storedUntil)}`) },
    ]);
    await this.#deps.overlay.storeRegistration(store);
    publication.storedPrefs = wanted?.contactPrefs;
    publication.storedUntil = wanted === undefined ? 0 : until;
    if (wanted !== undefined && !this.#stopping) {
      this.#due.set(aor, now + (lifetimeS * 1000) / 2);
      this.#audits.set(aor, now + this.#options.auditIntervalMs * (0.75 + 0.5 * this.#deps.random.float()));
    }
  }

  #lifetimeS(publication: Publication, wanted: Presence | undefined, now: number): number {
    if (wanted === undefined) return Math.max(1, Math.ceil((publication.storedUntil - now) / 1000));
    const bindingS = Math.ceil((wanted.expiresAt - now) / 1000);
    return Math.min(this.#options.maxLifetimeS, Math.max(this.#options.minLifetimeS, bindingS));
  }

  #value(wanted: Presence | undefined): RegistrationValue {
    if (wanted === undefined) return { type: 'removed' };
    return { type: 'route', contactPrefs: wanted.contactPrefs, destinationList: [this.#deps.overlay.nodeId] };
  }

  /** Once withdrawn, the storage time stays on disk only as long as the removed value lives. */
  async #forget(aor: string): Promise<void> {
    this.#publications.delete(aor);
    this.#due.delete(aor);
    this.#audits.delete(aor);
    await this.#deps.store.write([{ key: KEY_PREFIX + aor, value: undefined }]);
  }

  async #audit(aor: string): Promise<void> {
    const publication = this.#publications.get(aor);
    if (publication?.wanted === undefined || this.#stopping) return;
    const { overlay, clock } = this.#deps;
    this.#audits.set(aor, clock.now() + this.#options.auditIntervalMs);
    if (overlay.state !== 'joined' || this.#active >= this.#options.maxConcurrent) return;
    const entries = await overlay.fetchRegistrations(aor).catch(() => undefined);
    if (entries === undefined || this.#stopping) return;
    const own = entries.find(({ node }) => node === overlay.nodeId);
    if (own !== undefined && own.storageTime >= publication.storageTime) return;
    this.#restored.inc();
    publication.storedUntil = 0;
    this.#schedule(aor);
  }
}
