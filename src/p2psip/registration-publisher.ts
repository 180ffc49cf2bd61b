import {
  type Clock,
  CodedError,
  DeadlineQueue,
  errorMessage,
  IdleSet,
  type KeyValueStore,
  type Logger,
  type Metrics,
  type Random,
} from '../base/index.ts';
import { OutcomeWaiters } from './outcome-waiters.ts';
import type { Overlay, RegistrationStore } from './overlay.ts';
import {
  decodePublication,
  encodePublication,
  endOf,
  isInOrder,
  isSettled,
  newPublication,
  type Presence,
  type Publication,
  valueFor,
} from './publication.ts';

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

const KEY_PREFIX = 'publication/';

/** A removed value outlives the one it replaces by this much, so that no copy of that can come back. */
const WITHDRAWAL_MARGIN_S = 60;

/**
 * Keeps one overlay record per (AoR, this peer) in step with the local bindings: stored when the first binding
 * appears or the features change, again at half its life, withdrawn when the last binding ends. A phone's refresh
 * causes no Store. Failed Stores are retried with back-off. Every few minutes the audit looks for the record: what is
 * missing, older or about to end too early is stored again, what was withdrawn and came back is withdrawn again.
 */
export class RegistrationPublisher {
  readonly #deps: Deps;
  readonly #options: PublisherOptions;
  readonly #publications = new Map<string, Publication>();
  /** When to look at each AoR again: for its next Store, or an audit before that. */
  readonly #due: DeadlineQueue<string>;
  /** AoRs whose Store waits for one of the `maxConcurrent` places. */
  readonly #waiting = new IdleSet<string>();
  /** Those who wait for the outcome of the next Store of an AoR. */
  readonly #outcomes = new OutcomeWaiters();
  readonly #stores;
  readonly #failures;
  readonly #restored;
  #active = 0;
  #stopping = false;

  constructor(deps: Deps, options: PublisherOptions = defaultPublisherOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#due = new DeadlineQueue(deps.clock, (aor) => this.#onDue(aor));
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
    const now = this.#deps.clock.now();
    let live = 0;
    for (const { wanted, storedUntil } of this.#publications.values()) {
      if (wanted !== undefined || storedUntil > now) live += 1;
    }
    return live;
  }

  /** Reads the storage times of earlier runs; call before the first `update`. */
  load(): void {
    for (const [key, value] of this.#deps.store.entries(KEY_PREFIX)) {
      this.#publications.set(key.slice(KEY_PREFIX.length), decodePublication(value));
    }
  }

  /**
   * The overlay is there (again): brings up to date what waits for a retry, and withdraws what an earlier run left
   * behind and nobody has registered for since.
   */
  reconcile(): void {
    const now = this.#deps.clock.now();
    for (const [aor, publication] of this.#publications) {
      const isOver = publication.wanted === undefined && publication.storeAt <= now;
      if (isOver || !isSettled(publication, now)) this.#schedule(aor);
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
    const now = this.#deps.clock.now();
    const isRetryDue = publication.failures > 0 && publication.storeAt > now;
    // What a running Store leaves behind is looked at when it is done.
    const isSettledNow = publication.running === undefined && isSettled(publication, now);
    if (!isRetryDue && !isSettledNow) this.#schedule(aor);
  }

  /** What is to be known of `aor` in the overlay; undefined when nobody is registered here. */
  presence(aor: string): Presence | undefined {
    return this.#publications.get(aor)?.wanted;
  }

  /** Forgets a user who may no longer be stored: the overlay drops his record itself, and takes no withdrawal. */
  abandon(aor: string): void {
    if (!this.#publications.delete(aor)) return;
    this.#due.delete(aor);
    this.#waiting.delete(aor);
    this.#deps.store.write([{ key: KEY_PREFIX + aor, value: undefined }]).catch((error) => {
      this.#deps.logger.warn('a publication could not be forgotten', { aor, reason: errorMessage(error) });
    });
  }

  /** A Store of `aor` that failed may succeed by now: its retry is not waited for. */
  hurry(aor: string): void {
    const publication = this.#publications.get(aor);
    if (publication !== undefined && !isSettled(publication, this.#deps.clock.now())) this.#schedule(aor);
  }

  /**
   * Settles with the Store of `aor` that is under way or waits for its turn, rejected when that attempt failed;
   * undefined when the overlay has nothing to learn.
   */
  whenStored(aor: string): Promise<void> | undefined {
    const isPending = this.#waiting.has(aor) || this.#publications.get(aor)?.running !== undefined;
    return isPending ? this.#outcomes.next(aor) : undefined;
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
    const isChanged = publication.again && !isSettled(publication, this.#deps.clock.now());
    if (isChanged && error === undefined) this.#schedule(aor);
    else this.#outcomes.settle(aor, error);
    const next = this.#waiting.values().next().value;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#schedule(next);
  }

  #onFailure(aor: string, publication: Publication, error: unknown): void {
    this.#failures.inc();
    publication.failures += 1;
    const { retryMs, maxRetryMs } = this.#options;
    const backOff = Math.min(maxRetryMs, retryMs * 2 ** Math.min(publication.failures - 1, 16));
    const jitter = 0.75 + 0.5 * this.#deps.random.float();
    publication.storeAt = this.#deps.clock.now() + backOff * jitter;
    if (!this.#stopping) this.#due.set(aor, publication.storeAt);
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
      await this.#forget(aor, publication);
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
  }

  async #storeOnce(aor: string, publication: Publication, wanted: Presence | undefined): Promise<void> {
    const now = this.#deps.clock.now();
    const lifetimeS = this.#lifetimeS(publication, wanted, now);
    const storageTime = Math.max(now, publication.storageTime + 1);
    publication.storageTime = storageTime;
    const store: RegistrationStore = {
      aor,
      registration: valueFor(wanted, this.#deps.overlay.nodeId),
      storageTime,
      lifetimeS,
    };
    const until = now + lifetimeS * 1000;
    // On disk before it is sent: a restart must never use this storage time again.
    await this.#deps.store.write([
      {
        key: KEY_PREFIX + aor,
        value: encodePublication(storageTime, Math.max(until, publication.storedUntil)),
      },
    ]);
    await this.#deps.overlay.storeRegistration(store);
    publication.storedPrefs = wanted?.contactPrefs;
    publication.storedUntil = wanted === undefined ? 0 : until;
    // A withdrawn record is looked after until nothing older can be left of it.
    publication.storeAt = wanted === undefined ? until : now + (lifetimeS * 1000) / 2;
    if (!this.#stopping) this.#sleep(aor, publication);
  }

  #sleep(aor: string, { storeAt }: Publication): void {
    // Spread out: a thousand phones that registered in one second are not audited in one. Never later than the interval.
    const auditMs = this.#options.auditIntervalMs * (0.7 + 0.3 * this.#deps.random.float());
    this.#due.set(aor, Math.min(storeAt, this.#deps.clock.now() + auditMs));
  }

  #onDue(aor: string): void {
    const publication = this.#publications.get(aor);
    if (publication === undefined) return;
    if (publication.storeAt <= this.#deps.clock.now()) this.#schedule(aor);
    else void this.#audit(aor, publication);
  }

  #lifetimeS(publication: Publication, wanted: Presence | undefined, now: number): number {
    if (wanted === undefined) {
      const restS = Math.max(0, Math.ceil((publication.storedUntil - now) / 1000));
      return Math.min(this.#options.maxLifetimeS, restS + WITHDRAWAL_MARGIN_S);
    }
    const bindingS = Math.ceil((wanted.expiresAt - now) / 1000);
    return Math.min(this.#options.maxLifetimeS, Math.max(this.#options.minLifetimeS, bindingS));
  }

  /** The record is withdrawn; the user may have come back meanwhile. */
  async #forget(aor: string, publication: Publication): Promise<void> {
    if (publication.wanted !== undefined) return;
    this.#publications.delete(aor);
    this.#due.delete(aor);
    await this.#deps.store.write([{ key: KEY_PREFIX + aor, value: undefined }]);
  }

  async #audit(aor: string, publication: Publication): Promise<void> {
    const { overlay } = this.#deps;
    if (this.#stopping) return;
    this.#sleep(aor, publication);
    if (overlay.state !== 'joined' || this.#active >= this.#options.maxConcurrent) return;
    const { wanted, storageTime } = publication;
    const entries = await overlay.fetchRegistrations(aor).catch(() => undefined);
    // What was stored meanwhile was not asked for.
    const isSame = publication.wanted === wanted && publication.storageTime === storageTime;
    if (entries === undefined || !isSame || this.#stopping) return;
    const own = entries.find(({ node }) => node === overlay.nodeId);
    const now = this.#deps.clock.now();
    if (isInOrder(publication, own, now)) return;
    this.#restored.inc();
    publication.storageTime = Math.max(storageTime, own?.storageTime ?? 0);
    publication.storedUntil = wanted === undefined ? endOf(own, now) : 0;
    this.#schedule(aor);
  }
}
