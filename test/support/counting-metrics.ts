import type { Counter, Gauge, Histogram, Labels, Metrics } from '../../src/base/index.ts';

/** Keeps counters and gauges where a test can read them. */
export class CountingMetrics implements Metrics {
  readonly #values = new Map<string, number>();

  /** The value of a counter or gauge; 0 when it never moved. */
  value(name: string, labels: Labels = {}): number {
    return this.#values.get(keyOf(name, labels)) ?? 0;
  }

  /** All that moved, by name and labels. */
  entries(): IterableIterator<[string, number]> {
    return this.#values.entries();
  }

  counter(name: string, _help: string, labels: Labels = {}): Counter {
    const key = keyOf(name, labels);
    return { inc: (amount = 1) => this.#values.set(key, (this.#values.get(key) ?? 0) + amount) };
  }

  gauge(name: string, _help: string, labels: Labels = {}): Gauge {
    return { set: (value) => this.#values.set(keyOf(name, labels), value) };
  }

  histogram(): Histogram {
    return { observe() {} };
  }
}

function keyOf(name: string, labels: Labels): string {
  return `${name}${JSON.stringify(Object.entries(labels).sort())}`;
}
