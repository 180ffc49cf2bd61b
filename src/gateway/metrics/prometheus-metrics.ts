import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client';
import type { Counter, Gauge, Histogram, Labels, Metrics } from '../../base/index.ts';
import type { Distribution, MetricsReader } from '../admin/live-feed.ts';

const LEFT_OUT = [
  // promtool refuses these: their names end in _total although they are gauges.
  ...['handles', 'requests', 'resources'].flatMap((what) => [
    `nodejs_active_${what}`,
    `nodejs_active_${what}_total`,
  ]),
  ...['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map(
    (what) => `nodejs_eventloop_lag_${what}_seconds`,
  ),
];

/**
 * ms between two measurements of the event loop's delay, which is never: it wakes the process a hundred times a second, and that is
 * most of what an idle peer costs. How busy the loop is says as much, and is counted anyway.
 */
const DELAY_PRECISION_MS = 2 ** 31 - 1;

/** One time series: a number that hot paths change without touching prom-client, read when somebody scrapes. */
class Series implements Counter, Gauge {
  readonly labels: Labels;
  value = 0;

  constructor(labels: Labels) {
    this.labels = labels;
  }

  inc(amount = 1): void {
    this.value += amount;
  }

  set(value: number): void {
    this.value = value;
  }
}

/** All series of one name. */
interface Family {
  readonly labelNames: string;
  readonly series: Map<string, Series>;
}

export interface PrometheusMetricsOptions {
  /** Memory, CPU, event loop and GC of this process as well: for one gateway in a process. */
  readonly processMetrics?: boolean;
}

/** The metrics port on prom-client; one registry per peer. */
export class PrometheusMetrics implements Metrics, MetricsReader {
  readonly #registry = new Registry();
  readonly #families = new Map<string, Family>();
  readonly #histograms = new Map<string, PromHistogram>();
  readonly #histogramChildren = new Map<string, Histogram>();

  constructor({ processMetrics = false }: PrometheusMetricsOptions = {}) {
    if (!processMetrics) return;
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: DELAY_PRECISION_MS });
    for (const name of LEFT_OUT) this.#registry.removeSingleMetric(name);
    this.#showUtilization();
  }

  #showUtilization(): void {
    const { eventLoopUtilization } = performance;
    let before = eventLoopUtilization();
    const gauge = new PromGauge({
      name: 'nodejs_eventloop_utilization_ratio',
      help: 'The part of the time since the last scrape in which the event loop was busy, 0 to 1',
      registers: [this.#registry],
      collect: () => {
        const now = eventLoopUtilization();
        gauge.set(eventLoopUtilization(now, before).utilization);
        before = now;
      },
    });
  }

  counter(name: string, help: string, labels: Labels = {}): Counter {
    return this.#series('counter', name, help, labels);
  }

  gauge(name: string, help: string, labels: Labels = {}): Gauge {
    return this.#series('gauge', name, help, labels);
  }

  histogram(name: string, help: string, buckets: readonly number[], labels: Labels = {}): Histogram {
    const key = `${name} ${JSON.stringify(labels)}`;
    let child = this.#histogramChildren.get(key);
    if (child === undefined) {
      child = this.#histogramChild(name, help, buckets, labels);
      this.#histogramChildren.set(key, child);
    }
    return child;
  }

  /** The text exposition format, for `GET /metrics`. */
  async render(): Promise<{ contentType: string; body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  /** The sum of all series of a counter or gauge; 0 when there is none of that name. */
  total(name: string): number {
    let sum = 0;
    for (const { value } of this.#families.get(name)?.series.values() ?? []) sum += value;
    return sum;
  }

  /** An unlabelled histogram; undefined when there is none of that name. */
  async distribution(name: string): Promise<Distribution | undefined> {
    const metric = await this.#histograms.get(name)?.get();
    if (metric === undefined) return undefined;
    const read = (suffix: string) =>
      metric.values.find(({ metricName }) => metricName === `${name}_${suffix}`)?.value ?? 0;
    const buckets = metric.values
      .filter(({ labels }) => labels.le !== undefined)
      .map(({ labels, value }) => ({ le: labels.le as number | '+Inf', count: value }));
    return { count: read('count'), sum: read('sum'), buckets };
  }

  #histogramChild(name: string, help: string, buckets: readonly number[], labels: Labels): Histogram {
    const labelNames = Object.keys(labels);
    let histogram = this.#histograms.get(name);
    if (histogram === undefined) {
      histogram = new PromHistogram({
        name,
        help,
        buckets: [...buckets],
        labelNames,
        registers: [this.#registry],
      });
      this.#histograms.set(name, histogram);
    }
    // prom-client shows an unlabelled histogram before its first observation, a labelled one only when asked.
    if (labelNames.length === 0) return histogram;
    histogram.zero(labels);
    return histogram.labels(labels);
  }

  #series(kind: 'counter' | 'gauge', name: string, help: string, labels: Labels): Series {
    const names = Object.keys(labels).sort();
    const family = this.#families.get(name) ?? this.#addFamily(kind, name, help, names);
    if (family.labelNames !== names.join()) {
      throw new TypeError(`metric ${name} has labels (${family.labelNames}), not (${names.join()})`);
    }
    const key = names.map((label) => labels[label]).join('\0');
    let series = family.series.get(key);
    if (series === undefined) {
      series = new Series(labels);
      family.series.set(key, series);
    }
    return series;
  }

  #addFamily(kind: 'counter' | 'gauge', name: string, help: string, labelNames: string[]): Family {
    const family: Family = { labelNames: labelNames.join(), series: new Map() };
    const options = { name, help, labelNames, registers: [this.#registry] };
    if (kind === 'counter') {
      new PromCounter({
        ...options,
        collect() {
          this.reset();
          for (const { labels, value } of family.series.values()) this.inc(labels, value);
        },
      });
    } else {
      new PromGauge({
        ...options,
        collect() {
          for (const { labels, value } of family.series.values()) this.set(labels, value);
        },
      });
    }
    this.#families.set(name, family);
    return family;
  }
}
