import type { ServerResponse } from 'node:http';
import { type Clock, errorMessage, type Logger, type Timer } from '../../base/index.ts';
import type { LogTail } from '../logging/log-tail.ts';
import { EventStreams, formatEvent } from './event-stream.ts';
import type { PeerAdmin } from './peer-admin.ts';

export interface LiveFeedDeps {
  readonly clock: Clock;
  readonly admin: PeerAdmin;
  readonly metrics: MetricsReader;
  readonly logger: Logger;
  /** Undefined where no log is kept. */
  readonly log: LogTail | undefined;
}

/** What the console reads of the metrics. */
export interface MetricsReader {
  /** The sum of all series of a counter or gauge; 0 when there is none. */
  total(name: string): number;
  /** Undefined before there is one. Counts are cumulative, as Prometheus has them. */
  distribution(name: string): Promise<Distribution | undefined>;
}

export interface Distribution {
  readonly count: number;
  readonly sum: number;
  readonly buckets: readonly { readonly le: number | '+Inf'; readonly count: number }[];
}

/** Nobody sees more than this change in a second. */
const TICK_MS = 1000;
/** Ring, status and totals change slowly, or are read as rates. */
const SLOW_TICKS = 2;
const DISTRIBUTION_TICKS = 5;
const MAX_CALLS = 50;
const MAX_LINES = 50;
const FIRST_LINES = 100;

/** Counters that the console draws as rates, by the names it has for them. */
const TOTALS = {
  requests: 'sip_requests_received_total',
  responses: 'sip_responses_received_total',
  registers: 'sip_registrations_total',
  routed: 'sip_requests_routed_total',
  refused: 'sip_overload_rejected_total',
  lookups: 'p2psip_lookups_total',
  reload: 'reload_messages_received_total',
  forwarded: 'reload_messages_forwarded_total',
  transactions: 'sip_transactions',
  connections: 'sip_connections',
} as const;

const DISTRIBUTIONS = { lookup: 'p2psip_lookup_duration_seconds', hops: 'reload_answer_hops' } as const;

/**
 * What the console shows, as server-sent events: all of it when a browser comes, then what has changed, gathered for a
 * second. While nobody watches nothing is computed.
 */
export class LiveFeed {
  readonly #deps: LiveFeedDeps;
  readonly #streams: EventStreams;
  #timer: Timer | undefined;
  #ticks = 0;
  #calls = 0;
  #line = 0;
  #status = '';
  #ring = '';
  #distributions = '';

  constructor(deps: LiveFeedDeps) {
    this.#deps = deps;
    this.#streams = new EventStreams((count) => this.#onStreams(count));
  }

  /** @returns false when too many watch already: nothing was answered */
  serve(response: ServerResponse): boolean {
    return this.#streams.add(response, () => this.#everything());
  }

  stop(): void {
    this.#streams.close();
    this.#timer?.close();
    this.#timer = undefined;
  }

  #onStreams(count: number): void {
    if (count === 0) {
      this.#timer?.close();
      this.#timer = undefined;
    } else if (this.#timer === undefined) {
      this.#schedule();
    }
  }

  #schedule(): void {
    this.#timer = this.#deps.clock.setTimer(TICK_MS, () => {
      this.#schedule();
      this.#tick().catch((error) =>
        this.#deps.logger.error('the console gets no news', { error: errorMessage(error) }),
      );
    });
  }

  /** For a browser that has just come; those that watch already are up to date but for the last second. */
  #everything(): string {
    const { admin, log } = this.#deps;
    if (this.#streams.count === 0) {
      this.#calls = admin.callsVersion();
      this.#line = log?.last ?? 0;
      this.#distributions = '';
    }
    return [
      formatEvent('status', admin.status()),
      formatEvent('ring', admin.ring()),
      formatEvent('calls', { whole: true, ...admin.calls({ offset: 0, limit: MAX_CALLS, match: '' }) }),
      formatEvent('log', log?.after(0, FIRST_LINES) ?? []),
      formatEvent('totals', this.#totals()),
      this.#distributions,
    ].join('');
  }

  async #tick(): Promise<void> {
    this.#ticks += 1;
    const isSlow = this.#ticks % SLOW_TICKS === 0;
    const events = [this.#newCalls(), this.#newLines(), ...(isSlow ? this.#slowEvents() : [])];
    if (this.#distributions === '' || this.#ticks % DISTRIBUTION_TICKS === 0)
      events.push(await this.#newDistributions());
    const text = events.join('');
    if (text !== '') this.#streams.send(text);
  }

  #newCalls(): string {
    const { admin } = this.#deps;
    const version = admin.callsVersion();
    if (version === this.#calls) return '';
    const items = admin.changedCalls(this.#calls, MAX_CALLS);
    this.#calls = version;
    const { running, kept, passedBy } = admin.calls({ offset: 0, limit: 0, match: '' });
    return formatEvent('calls', { whole: false, running, kept, passedBy, items });
  }

  #newLines(): string {
    const lines = this.#deps.log?.after(this.#line, MAX_LINES) ?? [];
    if (lines.length === 0) return '';
    this.#line = this.#deps.log!.last;
    return formatEvent('log', lines);
  }

  #slowEvents(): string[] {
    const { admin } = this.#deps;
    const events = [formatEvent('totals', this.#totals())];
    const { uptimeS: _, ...status } = admin.status();
    const statusText = JSON.stringify(status);
    if (statusText !== this.#status) events.push(formatEvent('status', admin.status()));
    this.#status = statusText;
    const ring = formatEvent('ring', admin.ring());
    if (ring !== this.#ring) events.push(ring);
    this.#ring = ring;
    return events;
  }

  #totals(): Record<string, number> {
    const { metrics, clock } = this.#deps;
    const { user, system } = process.cpuUsage();
    const totals: Record<string, number> = {
      at: clock.now(),
      cpuS: Math.round((user + system) / 1000) / 1000,
      memoryBytes: process.memoryUsage.rss(),
    };
    for (const [key, name] of Object.entries(TOTALS)) totals[key] = metrics.total(name);
    return totals;
  }

  async #newDistributions(): Promise<string> {
    const found: Record<string, Distribution | undefined> = {};
    for (const [key, name] of Object.entries(DISTRIBUTIONS))
      found[key] = await this.#deps.metrics.distribution(name);
    const text = formatEvent('distributions', found);
    if (text === this.#distributions) return '';
    this.#distributions = text;
    return text;
  }
}
