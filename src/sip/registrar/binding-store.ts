import {
  type Clock,
  CodedError,
  DeadlineQueue,
  Event,
  type EventSource,
  errorMessage,
  type Gauge,
  type KeyValueStore,
  type Logger,
  type Metrics,
} from '../../base/index.ts';
import { detach } from '../message/detach.ts';
import { type Flow, isWebSocket } from '../transport/flow.ts';
import type { Binding } from './binding.ts';
import { decodeBindings, encodeBindings } from './binding-codec.ts';

/**
 * What happened to an AoR: `added` its first binding, `removed` its last one, `changed` which contacts it has,
 * `refreshed` nothing but times.
 */
export type BindingChangeKind = 'added' | 'changed' | 'refreshed' | 'removed';

export interface BindingChange {
  readonly aor: string;
  readonly kind: BindingChangeKind;
  /** All bindings after the change. */
  readonly bindings: readonly Binding[];
}

/** Keys of bindings in the store: this and the AoR. */
export const BINDING_PREFIX = 'binding/';
const NONE: readonly Binding[] = [];

/**
 * The location service (RFC 3261 §10.3): all bindings in memory, each change durable in the key-value store, one
 * entry per AoR. Expired bindings are never handed out and are removed within a second.
 */
export class BindingStore {
  readonly #clock: Clock;
  readonly #store: KeyValueStore | undefined;
  readonly #logger: Logger;
  readonly #aors: Gauge;
  readonly #bindingsNow: Gauge;
  readonly #bindings = new Map<string, readonly Binding[]>();
  #bindingCount = 0;
  /** AoRs by the connection their bindings came on. */
  readonly #byFlow = new Map<Flow, Set<string>>();
  /** When each AoR is to be looked at next. */
  readonly #deadlines: DeadlineQueue<string>;
  readonly #changed = new Event<BindingChange>();

  /** @param deps.store undefined where nothing is to outlive the process */
  constructor(deps: {
    clock: Clock;
    store: KeyValueStore | undefined;
    logger: Logger;
    metrics: Metrics;
  }) {
    this.#clock = deps.clock;
    this.#store = deps.store;
    this.#logger = deps.logger;
    this.#aors = deps.metrics.gauge('sip_registered_aors', 'AoRs with at least one binding here');
    this.#bindingsNow = deps.metrics.gauge('sip_bindings', 'Contacts of all AoRs here');
    this.#deadlines = new DeadlineQueue(deps.clock, (aor) => this.#expire(aor));
  }

  /** Told of every change once it is durable, and of expiries at once. */
  get changed(): EventSource<BindingChange> {
    return this.#changed;
  }

  /** How many AoRs have a binding. */
  get size(): number {
    return this.#bindings.size;
  }

  /** How many bindings all AoRs have together. */
  get bindingCount(): number {
    return this.#bindingCount;
  }

  /** Reads what was stored before a restart; nothing is emitted. Bindings over WebSocket died with their connection. */
  load(): void {
    if (this.#store === undefined) return;
    const now = this.#clock.now();
    for (const [key, bytes] of this.#store.entries(BINDING_PREFIX)) {
      const aor = detach(key.slice(BINDING_PREFIX.length));
      try {
        const stored = decodeBindings(aor, bytes);
        const live = stored.filter((binding) => binding.expiresAt > now && !endsWithFlow(binding));
        if (live.length > 0) this.#set(aor, NONE, live);
        if (live.length < stored.length) this.#writeBehind(aor, live);
      } catch (error) {
        this.#logger.warn('stored bindings are unreadable and dropped', { aor, error: errorMessage(error) });
        this.#writeBehind(aor, NONE);
      }
    }
  }

  stop(): void {
    this.#deadlines.clear();
  }

  /**
   * The bindings that have not expired.
   * @param now wall clock, ms
   */
  bindings(aor: string, now = this.#clock.now()): readonly Binding[] {
    const bindings = this.#bindings.get(aor);
    if (bindings === undefined) return NONE;
    // At most a second passes between an expiry and its removal: seldom is anything left out here.
    return bindings.every(({ expiresAt }) => expiresAt > now)
      ? bindings
      : bindings.filter(({ expiresAt }) => expiresAt > now);
  }

  /** All AoRs with their bindings. */
  *entries(): IterableIterator<readonly [aor: string, bindings: readonly Binding[]]> {
    for (const aor of this.#bindings.keys()) yield [aor, this.bindings(aor)];
  }

  /**
   * Gives an AoR these bindings instead of the ones it has. They are seen at once; the promise resolves when they are
   * durable.
   * @throws CodedError 'store-failed'; the earlier bindings are back unless yet another change came in between
   */
  async replace(aorAsReceived: string, bindings: readonly Binding[]): Promise<void> {
    // The bindings own their text; what names the AoR in a request may hold the whole request.
    const aor = bindings[0]?.aor ?? aorAsReceived;
    const before = this.#bindings.get(aor) ?? NONE;
    this.#set(aor, before, bindings);
    try {
      const written = this.#write(aor, bindings);
      if (written !== undefined) await written;
    } catch (error) {
      if ((this.#bindings.get(aor) ?? NONE) === bindings) this.#set(aor, bindings, before);
      throw new CodedError('store-failed', 'bindings could not be stored', { cause: error });
    }
    this.#emit(aor, before, this.#bindings.get(aor) ?? NONE);
  }

  /** Takes all bindings of an AoR away at once, whatever the disk says to it. */
  drop(aor: string): void {
    this.#retain(aor, () => false);
  }

  #set(aor: string, before: readonly Binding[], bindings: readonly Binding[]): void {
    this.#bindingCount += bindings.length - before.length;
    this.#bindingsNow.set(this.#bindingCount);
    if (bindings.length === 0) {
      this.#bindings.delete(aor);
      this.#deadlines.delete(aor);
    } else {
      this.#bindings.set(aor, bindings);
      this.#schedule(aor, bindings);
    }
    this.#aors.set(this.#bindings.size);
    for (const { flow } of bindings) if (flow !== undefined) this.#watch(flow, aor);
  }

  /**
   * A refresh moves the expiry away and leaves the deadline where it is: when it comes, the AoR is looked at and
   * scheduled anew. So refreshes, however many, cost the queue nothing.
   */
  #schedule(aor: string, bindings: readonly Binding[]): void {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { expiresAt } of bindings) earliest = Math.min(earliest, expiresAt);
    const second = Math.ceil(earliest / 1000) * 1000;
    if (second < (this.#deadlines.get(aor) ?? Number.POSITIVE_INFINITY)) this.#deadlines.set(aor, second);
  }

  #expire(aor: string): void {
    const now = this.#clock.now();
    this.#retain(aor, (binding) => binding.expiresAt > now);
    const left = this.#bindings.get(aor);
    if (left !== undefined) this.#schedule(aor, left);
  }

  #watch(flow: Flow, aor: string): void {
    const aors = this.#byFlow.get(flow);
    if (aors !== undefined) {
      aors.add(aor);
      return;
    }
    this.#byFlow.set(flow, new Set([aor]));
    flow.closed.on(() => this.#onFlowClosed(flow));
    // It may have closed while the registration was checked.
    if (!flow.open) this.#onFlowClosed(flow);
  }

  #onFlowClosed(flow: Flow): void {
    const aors = this.#byFlow.get(flow) ?? [];
    this.#byFlow.delete(flow);
    for (const aor of aors) {
      // RFC 7118 §7: nobody can be reached over a WebSocket that is closed. A TCP phone may still take calls at its
      // Contact, or come back on a new connection.
      this.#retain(aor, (binding) => binding.flow !== flow || !endsWithFlow(binding));
      const left = this.#bindings.get(aor);
      if (left?.some((binding) => binding.flow === flow)) {
        this.#bindings.set(
          aor,
          left.map((binding) => (binding.flow === flow ? withoutFlow(binding) : binding)),
        );
      }
    }
  }

  /** Drops bindings that ended by themselves: the memory's truth changes at once, the store follows. */
  #retain(aor: string, isAlive: (binding: Binding) => boolean): void {
    const before = this.#bindings.get(aor) ?? NONE;
    const alive = before.filter(isAlive);
    if (alive.length === before.length) return;
    this.#set(aor, before, alive);
    this.#writeBehind(aor, alive);
    this.#emit(aor, before, alive);
  }

  #emit(aor: string, before: readonly Binding[], after: readonly Binding[]): void {
    if (before.length === 0 && after.length === 0) return;
    this.#changed.emit({ aor, kind: kindOfChange(before, after), bindings: after });
  }

  /** @returns undefined where nothing is to outlive the process */
  #write(aor: string, bindings: readonly Binding[]): Promise<void> | undefined {
    if (this.#store === undefined) return undefined;
    const value = bindings.length === 0 ? undefined : encodeBindings(bindings);
    return this.#store.write([{ key: BINDING_PREFIX + aor, value }]);
  }

  #writeBehind(aor: string, bindings: readonly Binding[]): void {
    this.#write(aor, bindings)?.catch((error) => {
      this.#logger.warn('bindings could not be stored', { aor, error: errorMessage(error) });
    });
  }
}

function endsWithFlow({ transport }: Binding): boolean {
  return isWebSocket(transport);
}

function withoutFlow(binding: Binding): Binding {
  return { ...binding, flow: undefined };
}

function kindOfChange(before: readonly Binding[], after: readonly Binding[]): BindingChangeKind {
  if (before.length === 0) return 'added';
  if (after.length === 0) return 'removed';
  const same =
    before.length === after.length && after.every((binding) => before.some((old) => alike(old, binding)));
  return same ? 'refreshed' : 'changed';
}

function alike(a: Binding, b: Binding): boolean {
  return a.contact === b.contact && a.params === b.params;
}
